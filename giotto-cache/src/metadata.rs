//! What belongs to a result besides its body: representation metadata (RFC 9110, 8), as a status and named fields.
//!
//! A ground type: it comes back from the computation with the body, is stored in the entry (`entry/extension.rs`), and is read
//! with each hit. The cache does not know what a status or a name means. Layout, all numbers little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 0..2 | status; 0 = the usual one |
//! | 2.. | fields: for each the length of its name (1 byte), the name, the length of its value (2 bytes), the value |
//!
//! Metadata that says nothing has no bytes at all.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::{Error, ErrorKind, Result};

/// The most fields of a result.
const MAX_FIELDS: usize = 64;
/// The most bytes of its metadata, as it is stored.
const MAX_BYTES: usize = 16 << 10;
/// The length of the status.
const STATUS: usize = 2;

/// What belongs to a result besides its body: a status and named fields, at most 64 fields and 16 KiB. Cloning it copies
/// no bytes.
///
/// The cache stores it with the result and does not interpret it. It is part of the [entity tag](crate::Entry::etag).
///
/// ```
/// use giotto_cache::Metadata;
///
/// let metadata = Metadata::new(Some(201), [("content-language", "de")])?;
/// assert_eq!(metadata.status(), Some(201));
/// assert_eq!(metadata.field("content-language"), Some(&b"de"[..]));
///
/// let error = Metadata::new(None, [("link", "line\nbreak")]).unwrap_err();
/// assert!(error.to_string().contains("control character"));
/// # Ok::<(), giotto_cache::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(Bytes);

/// Why a field cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("they are cut short")]
    Cut,
    #[error("a result has at most {MAX_FIELDS} fields")]
    TooMany,
    #[error("the fields of a result have at most {MAX_BYTES} bytes together")]
    TooLong,
    #[error("a name is a token of RFC 9110 in lower case, at most 255 bytes long")]
    Name,
    #[error("a value has no control character except tabs")]
    Value,
    #[error("a name occurs once: join the values with commas")]
    Twice,
}

impl Metadata {
    /// A `status`, where it is not the usual one, and fields by their names in lower case.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if a name is not a token, a name occurs twice, a value has a control character, or there is
    /// too much.
    pub fn new<N, V>(status: Option<u16>, fields: impl IntoIterator<Item = (N, V)>) -> Result<Self>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut raw = BytesMut::new();
        raw.put_u16_le(status.unwrap_or_default());
        for (name, value) in fields {
            let (name, value) = (name.as_ref(), value.as_ref());
            let lengths = (u8::try_from(name.len()), u16::try_from(value.len()));
            let (name_len, value_len) = match lengths {
                (Ok(name_len), Ok(value_len)) => (name_len, value_len),
                (Err(_), _) => return Err(refused(name, Invalid::Name)),
                (_, Err(_)) => return Err(refused(name, Invalid::TooLong)),
            };
            raw.put_u8(name_len);
            raw.put_slice(name.as_bytes());
            raw.put_u16_le(value_len);
            raw.put_slice(value);
            if raw.len() > MAX_BYTES {
                return Err(refused(name, Invalid::TooLong));
            }
        }
        if raw.iter().all(|byte| *byte == 0) {
            return Ok(Self::default());
        }
        let metadata = Self(raw.freeze());
        match check(&metadata.0) {
            Ok(()) => Ok(metadata),
            Err((at, why)) => {
                let field = metadata.fields().nth(at);
                Err(refused(field.map_or("", |(name, _)| name), why))
            }
        }
    }

    /// Reads what is stored. Nothing in it is believed.
    pub(crate) fn decode(raw: Bytes) -> Result<Self, Invalid> {
        check(&raw).map_err(|(_, why)| why)?;
        Ok(Self(raw))
    }

    /// As it is stored.
    pub(crate) const fn encoded(&self) -> &Bytes {
        &self.0
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The status; `None` = the usual one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let status = (&self.0[..]).try_get_u16_le().unwrap_or_default();
        (status != 0).then_some(status)
    }

    /// The names and values of the fields, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = self.0.get(STATUS..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (name, value) = take(&mut rest)?;
            Some((std::str::from_utf8(name).ok()?, value))
        })
    }

    /// The value of the field `name`, in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields();
        fields.find_map(|(own, value)| (own == name).then_some(value))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        if let Some(status) = self.status() {
            map.entry(&"status", &status);
        }
        let fields = self.fields();
        map.entries(fields.map(|(name, value)| (name, String::from_utf8_lossy(value))))
            .finish()
    }
}

/// Whether `raw` is metadata that may be stored and served; the number of the first field that may not, and why.
fn check(raw: &[u8]) -> Result<(), (usize, Invalid)> {
    if raw.len() > MAX_BYTES {
        return Err((0, Invalid::TooLong));
    }
    if raw.is_empty() {
        return Ok(());
    }
    let mut rest = raw.get(STATUS..).ok_or((0, Invalid::Cut))?;
    let (mut names, mut count) = ([&b""[..]; MAX_FIELDS], 0);
    while !rest.is_empty() {
        let refused = |why| Err((count, why));
        let (name, value) = take(&mut rest).ok_or((count, Invalid::Cut))?;
        match () {
            () if !is_name(name) => return refused(Invalid::Name),
            () if !value.iter().all(|byte| is_text(*byte)) => return refused(Invalid::Value),
            () if names[..count].contains(&name) => return refused(Invalid::Twice),
            () if count == MAX_FIELDS => return refused(Invalid::TooMany),
            () => names[count] = name,
        }
        count += 1;
    }
    Ok(())
}

/// The first field, taken off `raw`.
fn take<'r>(raw: &mut &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
    let length = usize::from(raw.try_get_u8().ok()?);
    let (name, mut rest) = raw.split_at_checked(length)?;
    let length = usize::from(rest.try_get_u16_le().ok()?);
    let (value, rest) = rest.split_at_checked(length)?;
    *raw = rest;
    Some((name, value))
}

/// A token (RFC 9110, 5.6.2) in lower case.
fn is_name(name: &[u8]) -> bool {
    let is_token = |byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => true,
        byte => b"!#$%&'*+-.^_`|~".contains(byte),
    };
    !name.is_empty() && name.iter().all(is_token)
}

const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn refused(name: &str, why: Invalid) -> Error {
    let message = format!("the field {name:?} cannot be stored with a result: {why}");
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(fields: &[(&str, &str)]) -> Result<Metadata> {
        Metadata::new(None, fields.iter().copied())
    }

    #[test]
    fn what_cannot_be_a_field_is_refused_with_its_name_and_the_rule() {
        let long = "v".repeat(MAX_BYTES);
        let longer = "v".repeat(1 << 16);
        for (name, value, rule) in [
            ("", "de", "token"),
            ("Link", "</a>", "lower case"),
            ("content language", "de", "token"),
            ("link:", "</a>", "token"),
            ("l\u{ef}nk", "</a>", "token"),
            (&"n".repeat(256), "", "255 bytes"),
            ("link", "</a>\r\nset-cookie: a=b", "control character"),
            ("link", "\0", "control character"),
            ("link", "\u{7f}", "control character"),
            ("link", &long, "16384 bytes"),
            ("link", &longer, "16384 bytes"),
        ] {
            let error = new(&[(name, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let error = error.to_string();
            assert!(
                error.contains(rule) && error.contains(&format!("{name:?}")),
                "{error}"
            );
        }
        let error = new(&[("link", "</a>"), ("link", "</b>")]).unwrap_err();
        assert!(error.to_string().contains("join the values"), "{error}");

        let names: Vec<_> = (0..=MAX_FIELDS)
            .map(|number| format!("x-{number}"))
            .collect();
        let fields: Vec<_> = names.iter().map(|name| (&**name, "")).collect();
        assert_eq!(new(&fields[1..]).unwrap().fields().count(), MAX_FIELDS);
        let error = new(&fields).unwrap_err();
        assert!(error.to_string().contains("64 fields"), "{error}");
        assert!(error.to_string().contains("x-64"), "{error}");
    }

    #[test]
    fn fields_keep_their_order_and_are_found_by_name() {
        let fields = [
            ("link", "\t</\u{e9}>"),
            ("content-language", ""),
            ("x", "1"),
        ];
        let metadata = new(&fields).unwrap();
        let own: Vec<_> = metadata.fields().collect();
        assert_eq!(own, fields.map(|(name, value)| (name, value.as_bytes())));
        assert_eq!(metadata.field("x"), Some(&b"1"[..]));
        assert_eq!(metadata.field("y"), None);
        assert_eq!(metadata.status(), None);
        assert_eq!(Metadata::decode(metadata.encoded().clone()), Ok(metadata));
    }

    #[test]
    fn metadata_that_says_nothing_has_no_bytes() {
        let none: [(&str, &str); 0] = [];
        for nothing in [Metadata::default(), Metadata::new(None, none).unwrap()] {
            assert!(nothing.is_empty() && nothing.encoded().is_empty());
            assert_eq!(nothing.fields().count(), 0);
            assert_eq!((nothing.status(), nothing.field("x")), (None, None));
        }
        let status = Metadata::new(Some(201), none).unwrap();
        assert!(!status.is_empty());
        assert_eq!(status.status(), Some(201));
    }

    #[test]
    fn stored_metadata_that_was_cut_is_an_error() {
        let raw = Metadata::new(Some(201), [("link", "</a>")]).unwrap().0;
        for length in 1..raw.len() {
            let decoded = Metadata::decode(raw.slice(..length));
            assert_eq!(decoded.is_ok(), length == STATUS, "{length} bytes");
        }
    }
}
