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

    /// What is stored, which [`is_sound`] has been asked about, or which this process has written.
    pub(crate) const fn checked(raw: Bytes) -> Self {
        Self(raw)
    }

    /// The same in memory of its own, so that an entry is not kept by it; `None` if it is longer than so many bytes.
    #[doc(hidden)]
    #[must_use]
    pub fn detached(&self, longest: usize) -> Option<Self> {
        (self.0.len() <= longest).then(|| Self(Bytes::copy_from_slice(&self.0)))
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
        let fields = self.raw_fields();
        fields.map_while(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
    }

    /// The same, for those that keep the values: they are part of the memory of the metadata.
    #[doc(hidden)]
    pub fn shared_fields(&self) -> impl Iterator<Item = (&[u8], Bytes)> {
        let fields = self.raw_fields();
        fields.map(|(name, value)| (name, self.0.slice_ref(value)))
    }

    /// The same, for those that read names from bytes.
    #[doc(hidden)]
    #[inline]
    pub fn raw_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields_of(self.0.get(STATUS..).unwrap_or_default())
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

/// Whether `raw`, which is stored, is metadata that may be served. Nothing in it is believed.
pub(crate) fn is_sound(raw: &[u8]) -> bool {
    check(raw).is_ok()
}

/// Whether `raw` is metadata that may be stored and served; the number of the first field that may not, and why.
fn check(raw: &[u8]) -> Result<(), (usize, Invalid)> {
    if raw.len() > MAX_BYTES {
        return Err((0, Invalid::TooLong));
    }
    if raw.is_empty() {
        return Ok(());
    }
    let fields = raw.get(STATUS..).ok_or((0, Invalid::Cut))?;
    let (mut rest, mut count, mut marks) = (fields, 0, 0_u64);
    while !rest.is_empty() {
        let refused = |why| Err((count, why));
        let (name, value) = take(&mut rest).ok_or((count, Invalid::Cut))?;
        let is_before = || fields_of(fields).take(count).any(|(own, _)| own == name);
        match () {
            () if !is_name(name) => return refused(Invalid::Name),
            () if !is_text(value) => return refused(Invalid::Value),
            // Names with different marks differ, so that few are compared.
            () if marks & mark(name) != 0 && is_before() => return refused(Invalid::Twice),
            () if count == MAX_FIELDS => return refused(Invalid::TooMany),
            () => marks |= mark(name),
        }
        count += 1;
    }
    Ok(())
}

/// One bit for a name.
fn mark(name: &[u8]) -> u64 {
    let (first, last) = (name.first(), name.last());
    let of = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(*byte));
    1 << ((name.len() + 3 * of(first) + 7 * of(last)) % 64)
}

/// The names and values in `raw`, as far as they are not cut short.
#[inline]
fn fields_of(mut raw: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || take(&mut raw))
}

/// The first field, taken off `raw`.
#[inline]
fn take<'r>(raw: &mut &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
    let (length, rest) = raw.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *raw = rest;
    Some((name, value))
}

/// Which bytes are in a token (RFC 9110, 5.6.2) in lower case.
const IN_NAME: [bool; 256] = {
    let mut is_in = [false; 256];
    let mut rest: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    while let [byte, after @ ..] = rest {
        is_in[*byte as usize] = true;
        rest = after;
    }
    is_in
};

/// Whether `name` is a token in lower case.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| IN_NAME[usize::from(*byte)])
}

/// Whether `value` has no control character except tabs.
fn is_text(value: &[u8]) -> bool {
    let is_text = |byte: u8| (byte >= b' ' && byte != 0x7f) | (byte == b'\t');
    // All of it, without a branch: several bytes at once.
    value.iter().fold(true, |all, byte| all & is_text(*byte))
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
        assert!(is_sound(metadata.encoded()));
        assert_eq!(Metadata::checked(metadata.encoded().clone()), metadata);
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
            assert_eq!(is_sound(&raw[..length]), length == STATUS, "{length} bytes");
        }
    }
}
