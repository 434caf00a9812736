//! A response as an entry has it: its status and fields as metadata, with what the layer has to know beside them.
//!
//! Written by a computation (`upstream.rs`), and read with each hit. The layer's own knowledge is the first field, named `~`,
//! which no response is stored with:
//!
//! | value | meaning |
//! |---|---|
//! | `r 120` | a response that was 120 seconds old when it was stored (RFC 9111, 4.2.3) |
//! | `r 120 sac` | the same, with flags: `s` it may be served stale, `a` also for requests with `Authorization`, `c` not for requests with a cookie |
//! | `v 5f0c2a 1764230400000 accept,cookie` | no response but a marker: those of this key vary by these fields. Their keys have this nonce; since when it is known |

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use giotto_cache::Metadata;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, LAST_MODIFIED, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// The name of the first field.
const NOTE: &str = "~";
/// The room that is made for fields, with those that are not stored: `Age`, `Cache-Status` and so on. Few responses have more.
const FEW: usize = 10;
/// The most fields by which responses of a key may vary.
const MOST_FIELDS: usize = 16;

/// What an entry of the layer is.
#[derive(Debug)]
pub(crate) enum Stored {
    Response(Head),
    Marker(Marker),
}

/// The head of a stored response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) note: Note,
}

/// What the layer has to know of a stored response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// How old it was when it was stored.
    pub(crate) initial_age: Duration,
    /// Whether it may be served stale where a request accepts that.
    pub(crate) may_be_stale: bool,
    /// Whether it may be served for requests with `Authorization`.
    pub(crate) shared_with_authorization: bool,
    /// Whether it is not for requests with cookies.
    pub(crate) without_cookies: bool,
}

/// Stands for the responses of a key that varies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Part of the keys of its variants. A marker that is made anew has another one, so that no older variant is found again.
    pub(crate) nonce: String,
    /// When the first of its fields was found, in milliseconds since 1970.
    pub(crate) since_ms: u64,
    /// Sorted, each once.
    pub(crate) fields: Vec<HeaderName>,
}

/// A response that cannot be stored: more fields or bytes than metadata may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMuch;

impl Stored {
    /// What the metadata of an entry says; `None` if the layer has not written it.
    pub(crate) fn read(metadata: &Metadata) -> Option<Self> {
        match Note::read(metadata) {
            Some(note) => {
                let status = Head::status(metadata)?;
                let head = Head::read(metadata, status, note, HeaderMap::new());
                Some(Self::Response(head))
            }
            None => Some(Self::Marker(Marker::read(metadata)?)),
        }
    }
}

impl Note {
    /// That of an entry with `metadata`; `None` if it is no response.
    pub(crate) fn read(metadata: &Metadata) -> Option<Self> {
        let (name, note) = metadata.raw_fields().next()?;
        let note = note
            .strip_prefix(b"r ")
            .filter(|_| name == NOTE.as_bytes())?;
        let end = note.iter().position(|byte| *byte == b' ');
        let (age, flags) = note.split_at(end.unwrap_or(note.len()));
        let mut own = Self {
            initial_age: Duration::from_secs(number(age)?),
            ..Self::default()
        };
        for flag in flags.iter().skip(1) {
            *own.flags().into_iter().find(|(name, _)| name == flag)?.1 = true;
        }
        Some(own)
    }

    fn write(mut self) -> String {
        let mut note = format!("r {} ", self.initial_age.as_secs());
        let flags = self.flags().into_iter().filter(|(_, is_set)| **is_set);
        note.extend(flags.map(|(name, _)| char::from(name)));
        note.truncate(note.trim_end().len());
        note
    }

    fn flags(&mut self) -> [(u8, &mut bool); 3] {
        [
            (b's', &mut self.may_be_stale),
            (b'a', &mut self.shared_with_authorization),
            (b'c', &mut self.without_cookies),
        ]
    }
}

impl Head {
    /// The status of a response with `metadata`; `None` if it is none.
    pub(crate) fn status(metadata: &Metadata) -> Option<StatusCode> {
        StatusCode::from_u16(metadata.status()?).ok()
    }

    /// The head of a response with `metadata`, of which the status and the note are read. Its fields are written into `fields`,
    /// which is empty but may have memory.
    pub(crate) fn read(
        metadata: &Metadata,
        status: StatusCode,
        note: Note,
        mut fields: HeaderMap,
    ) -> Self {
        fields.reserve(FEW);
        for (name, value) in metadata.shared_fields().skip(1) {
            // The rules of metadata are those of fields: none is left out.
            if let (Some(name), Ok(value)) = (named(name), HeaderValue::from_maybe_shared(value)) {
                fields.insert(name, value);
            }
        }
        Self {
            status,
            fields,
            note,
        }
    }

    pub(crate) fn write(&self) -> Result<Metadata, TooMuch> {
        let mut fields = vec![(NOTE, self.note.write().into_bytes())];
        for name in self.fields.keys().filter(|name| name.as_str() != NOTE) {
            let values = self.fields.get_all(name).iter();
            let values: Vec<_> = values.map(HeaderValue::as_bytes).collect();
            // Several lines of one field are one list (RFC 9110, 5.3).
            fields.push((name.as_str(), values.join(&b", "[..])));
        }
        Metadata::new(Some(self.status.as_u16()), fields).or(Err(TooMuch))
    }
}

impl Marker {
    pub(crate) fn read(metadata: &Metadata) -> Option<Self> {
        let (_, note) = metadata.fields().next().filter(|(name, _)| *name == NOTE)?;
        let note = std::str::from_utf8(note).ok()?.strip_prefix("v ")?;
        let mut words = note.split(' ');
        Some(Self {
            nonce: words.next()?.to_owned(),
            since_ms: words.next()?.parse().ok()?,
            fields: names(words.next()?)?,
        })
    }

    /// The marker of responses that vary by `fields`, and by those of `older` as well.
    pub(crate) fn new(fields: &[HeaderName], older: Option<&Self>, now_ms: u64) -> Self {
        let mut all = fields.to_vec();
        if let Some(older) = older {
            all.extend_from_slice(&older.fields);
        }
        all.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        all.dedup();
        Self {
            // Unpredictable is not needed, only that it is no marker's of this key before.
            nonce: format!("{:x}", RandomState::new().build_hasher().finish()),
            since_ms: older.map_or(now_ms, |older| older.since_ms),
            fields: all,
        }
    }

    pub(crate) fn write(&self) -> Result<Metadata, TooMuch> {
        if self.fields.len() > MOST_FIELDS {
            return Err(TooMuch);
        }
        let fields: Vec<_> = self.fields.iter().map(HeaderName::as_str).collect();
        let note = format!("v {} {} {}", self.nonce, self.since_ms, fields.join(","));
        Metadata::new(None, [(NOTE, note)]).or(Err(TooMuch))
    }

    /// Whether a response that varies by `fields` is told apart by the fields of this marker.
    pub(crate) fn covers(&self, fields: &[HeaderName]) -> bool {
        fields.iter().all(|field| self.fields.contains(field))
    }
}

/// The name of a field: that of most fields is found without reading it byte by byte.
fn named(name: &[u8]) -> Option<HeaderName> {
    Some(match name {
        b"cache-control" => CACHE_CONTROL,
        b"content-length" => CONTENT_LENGTH,
        b"content-type" => CONTENT_TYPE,
        b"date" => DATE,
        b"etag" => ETAG,
        b"last-modified" => LAST_MODIFIED,
        b"vary" => VARY,
        name => return HeaderName::from_bytes(name).ok(),
    })
}

/// The number that `digits` are; `None` if they are none.
fn number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    digits
        .iter()
        .try_fold(0, add)
        .filter(|_| !digits.is_empty())
}

fn names(list: &str) -> Option<Vec<HeaderName>> {
    let names: Result<Vec<_>, _> = list.split(',').map(str::parse).collect();
    names.ok().filter(|names| names.len() <= MOST_FIELDS)
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, ACCEPT_ENCODING, COOKIE, LINK};

    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let mut fields = HeaderMap::new();
        fields.append(LINK, HeaderValue::from_static("</a>"));
        fields.append(LINK, HeaderValue::from_static("</b>"));
        fields.append(ACCEPT, HeaderValue::from_bytes(b"\xe9").unwrap());
        fields.append("~", HeaderValue::from_static("v 1 1 cookie"));
        let head = Head {
            status: StatusCode::NOT_FOUND,
            fields,
            note: Note {
                initial_age: Duration::from_secs(7),
                may_be_stale: true,
                shared_with_authorization: false,
                without_cookies: true,
            },
        };
        let Some(Stored::Response(read)) = Stored::read(&head.write().unwrap()) else {
            panic!("a response");
        };
        assert_eq!((read.status, read.note), (head.status, head.note));
        assert_eq!(read.fields.len(), 2);
        assert_eq!(read.fields[LINK], "</a>, </b>");
        assert_eq!(read.fields[ACCEPT].as_bytes(), b"\xe9");
    }

    #[test]
    fn a_marker_has_the_fields_of_the_one_before_and_a_nonce_of_its_own() {
        let older = Marker::new(&[COOKIE, ACCEPT], None, 1_000);
        let marker = Marker::new(&[ACCEPT_ENCODING, ACCEPT], Some(&older), 2_000);
        assert_eq!(marker.fields, [ACCEPT, ACCEPT_ENCODING, COOKIE]);
        assert_eq!(marker.since_ms, 1_000);
        assert_ne!(marker.nonce, older.nonce);
        assert!(marker.covers(&[COOKIE]) && !older.covers(&[ACCEPT_ENCODING]));
        let read = Stored::read(&marker.write().unwrap());
        assert!(matches!(read, Some(Stored::Marker(read)) if read == marker));
    }

    #[test]
    fn what_the_layer_has_not_written_is_neither() {
        for note in [
            "",
            "r",
            "r ",
            "r x",
            "r 1 x",
            "r 99999999999999999999",
            "v 1",
            "v 1 2",
            "v 1 2 a:",
            "x 1",
        ] {
            let metadata = Metadata::new(Some(200), [("~", note)]).unwrap();
            assert!(Stored::read(&metadata).is_none(), "{note}");
        }
        let metadata = Metadata::new(Some(200), [("link", "</a>"), ("~", "r 0")]).unwrap();
        assert!(Stored::read(&metadata).is_none());
    }
}
