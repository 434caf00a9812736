//! Enumerating what a store has: a page of keys at a time, with the beginning of each value and without its body.
//!
//! No step of a lookup; for management. The beginning of an entry says all that is known of it but its body (see
//! `entry/head.rs`). Everything here was read from a store, and is not believed.

use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};

/// What is read of a value besides the key that stands in it: the header, the media type, the entity tag, metadata and the
/// first tags.
const BESIDE_KEY: usize = 640;

/// A longer key, in bytes, is not read: a page of them must not fill the memory of this process.
#[cfg(any(
    feature = "redis",
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql"
))]
pub(crate) const LONGEST_KEY: usize = 64 << 10;

/// How much is read of the value of a key of `length` bytes.
pub(crate) const fn head_of(length: usize) -> usize {
    length.saturating_add(BESIDE_KEY)
}

/// The question for one page of an enumeration; see [`KeyValue::scan`](crate::KeyValue::scan).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// Where the last page ended; `None` for the first one.
    pub cursor: Option<String>,
    /// What a key must contain to be returned, for example `(squared)(`; an empty text is in every key.
    pub part: String,
    /// About how many keys may be looked at for this page, whether they are returned or not.
    pub limit: usize,
}

impl Scan {
    /// The first page of all keys, for which about `limit` keys may be looked at.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            cursor: None,
            part: String::new(),
            limit,
        }
    }

    /// The page that begins where the one with this cursor ended.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<String>>) -> Self {
        Self {
            cursor: cursor.into(),
            ..self
        }
    }

    /// Only keys that contain `part`.
    #[must_use]
    pub fn containing(self, part: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            ..self
        }
    }
}

/// `text` as a number, which is part of the `cursor`.
pub(crate) fn number<N: std::str::FromStr>(text: &str, cursor: &str) -> Result<N> {
    text.parse().map_err(|_| foreign_cursor(cursor))
}

/// `cursor` is not one of this store.
pub(crate) fn foreign_cursor(cursor: &str) -> Error {
    let shown: String = cursor.chars().take(100).collect();
    let message = format!(
        "{shown:?} is no cursor of this store: begin again without it, or take that of the last page"
    );
    Error::new(ErrorKind::Configuration, message)
}

/// One page of an enumeration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// What was found, in no order.
    pub values: Vec<StoredValue>,
    /// How many keys were looked at.
    pub looked_at: u64,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<String>,
}

impl Scanned {
    /// A page for which this number of keys was looked at. It is the last one if `next` is `None`.
    #[must_use]
    pub const fn new(values: Vec<StoredValue>, looked_at: u64, next: Option<String>) -> Self {
        Self {
            values,
            looked_at,
            next,
        }
    }
}

/// A value that a store has, without its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredValue {
    /// Its key, as [`get`](crate::KeyValue::get) takes it; `None` if the store has only a digest of it.
    pub key: Option<String>,
    /// Its key as the store writes it.
    pub stored_key: String,
    /// The length of the value in bytes. A store that knows only how much room it takes says that.
    pub bytes: Option<u64>,
    /// The beginning of the value: at least 640 bytes more than the key has, or all of it. `None` if the store does not
    /// hand out a part of a value.
    pub head: Option<Bytes>,
    /// How long the store will keep the value, if its list of keys says so.
    pub expires_in: Option<Duration>,
}

impl StoredValue {
    /// The value of `key`, which the store writes like that, of this number of `bytes`, of which the first ones are `head`.
    #[must_use]
    pub fn new(key: impl Into<String>, bytes: u64, head: Bytes) -> Self {
        let key = key.into();
        Self {
            stored_key: key.clone(),
            key: Some(key),
            bytes: Some(bytes),
            head: Some(head),
            expires_in: None,
        }
    }
}
