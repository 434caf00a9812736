//! What an engine is asked, and what it answers: the calls of a [`KeyValue`](super::KeyValue) and the sweeper's.
//!
//! Between the store and its SQL. A call owns what it needs, so that it completes after its caller has given up.

use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use crate::clock::milliseconds;
use crate::keyvalue::longest;
use crate::keyvalue::scan;

/// The bytes of a row besides its key and value: the other columns, the header, three indexes.
pub(super) const OVERHEAD: u64 = 128;

/// What is read at most of a record, as statements have it.
pub(super) const RECORD: i64 = longest::RECORD as i64;

/// The longest key that a scan reads, as statements have it.
pub(super) const LONGEST_KEY: i64 = scan::LONGEST_KEY as i64;
/// What it reads of a value besides the length of its key.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) const BESIDE_KEY: i64 = scan::head_of(0) as i64;

/// 317 years: a longer life is for ever, so that an expiry can be computed without an overflow.
const LONGEST_MS: u64 = 10_000_000_000_000;

pub(super) enum Call {
    /// The value of a live row; an empty one if it has more bytes than this number.
    Get(Key, i64),
    /// The values of live rows, in the order of the keys; an empty one for each that has more bytes than this number, or
    /// than a [record](RECORD) if the key is that of one.
    GetMany(Vec<Key>, i64),
    Set(Row),
    /// Stores the row unless there is a live one of the same key.
    Add(Row),
    /// Stores the row in the place of a live one that has the value.
    Replace(Row, Bytes),
    /// Removes a live row.
    Delete(Key),
    /// Removes a live row that has the value.
    DeleteIf(Key, Bytes),
    /// Removes those rows of a slice whose keys were chosen.
    Clear(Chosen, Slice),
    /// Up to so many rows, in the order of their digests, that come after this one, and what is known of those whose keys
    /// were chosen.
    Scan(Chosen, Vec<u8>, u32),
    /// Creates the table if it is missing.
    Create,
    /// How many rows and bytes a slice has.
    Measure(Slice),
    /// The clock of the server in milliseconds since 1970, as a number of rows; none where there is no server.
    Now,
    /// Removes this number of rows, those that expired first.
    DeleteExpired(u32),
    /// Removes this number of rows, those stored longest ago.
    DeleteOldest(u32),
}

impl Call {
    /// Whether it needs room only to free some.
    #[cfg(feature = "sqlite")]
    pub(super) fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::Delete(_)
                | Self::DeleteIf(..)
                | Self::Clear(..)
                | Self::DeleteExpired(_)
                | Self::DeleteOldest(_)
        )
    }
}

/// Keys that begin with a text and contain another one.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) prefix: String,
    pub(super) part: String,
}

#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) value: Option<Bytes>,
    pub(super) values: Vec<Option<Bytes>>,
    /// Those that a scan came by.
    pub(super) found: Vec<Found>,
    /// Rows that were changed, or are there.
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Reply {
    pub(super) fn value(value: Option<impl Into<Bytes>>) -> Self {
        Self {
            value: value.map(Into::into),
            ..Self::default()
        }
    }

    pub(super) fn values(values: Vec<Option<Bytes>>) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }

    pub(super) fn rows(rows: u64) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    pub(super) fn found(found: Vec<Found>) -> Self {
        Self {
            found,
            ..Self::default()
        }
    }

    /// A count and a sum, which a sound database never answers as negative.
    pub(super) fn size(rows: i64, bytes: i64) -> Self {
        let [rows, bytes] = [rows, bytes].map(|number| u64::try_from(number).unwrap_or(0));
        Self {
            rows,
            bytes,
            ..Self::default()
        }
    }
}

/// A row that a scan came by.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) digest: Vec<u8>,
    /// The text of its key and the beginning of its value; `None` of a row that is dead or was not chosen.
    pub(super) chosen: Option<(String, Bytes)>,
    /// The length of its value.
    pub(super) bytes: u64,
}

/// The key of a row. The index holds the digest, because no index takes keys of any length. The text is compared too, so
/// that a collision of digests is a miss.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) digest: [u8; 16],
    pub(super) text: String,
}

impl Key {
    pub(super) fn new(text: String) -> Self {
        Self {
            digest: digest(&text),
            text,
        }
    }
}

pub(super) fn digest(text: &str) -> [u8; 16] {
    xxh3_128(text.as_bytes()).to_be_bytes()
}

pub(super) struct Row {
    pub(super) key: Key,
    pub(super) value: Bytes,
    /// Its bytes as the bounds of the table count them.
    pub(super) size: u64,
    /// Milliseconds by the database's clock; `None` = for ever.
    pub(super) lifetime_ms: Option<i64>,
}

impl Row {
    pub(super) fn new(key: Key, value: Bytes, expire: Option<Duration>) -> Self {
        let size = (key.text.len() + value.len()) as u64 + OVERHEAD;
        let lifetime = expire.map(milliseconds).filter(|ms| *ms <= LONGEST_MS);
        Self {
            key,
            value,
            size,
            lifetime_ms: lifetime.and_then(|ms| i64::try_from(ms).ok()),
        }
    }

    /// `size` as a column holds it.
    pub(super) fn size_column(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX)
    }
}

/// The rows whose digests are between two, both included. Digests are spread evenly, so that a slice is a fair sample of
/// the table, and an index finds it.
pub(super) struct Slice {
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
}

impl Slice {
    /// Slice `number` of the 2^`bits` that all digests make.
    pub(super) fn new(number: u64, bits: u32) -> Self {
        let low = u128::from(number).checked_shl(128 - bits).unwrap_or(0);
        let last = u128::MAX.checked_shr(bits).unwrap_or(0);
        Self {
            low: low.to_be_bytes(),
            high: (low | last).to_be_bytes(),
        }
    }

    /// All digests, in `count` slices or a few more.
    pub(super) fn all(count: u64) -> impl Iterator<Item = Self> {
        let bits = count.clamp(1, 1 << 32).next_power_of_two().ilog2();
        (0..1 << bits).map(move |number| Self::new(number, bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_side_by_side_and_cover_everything() {
        for count in [0, 1, 2, 3, 100] {
            let slices: Vec<_> = Slice::all(count).collect();
            assert!(slices.len() as u64 >= count.max(1));
            assert_eq!(slices[0].low, [0; 16]);
            assert_eq!(slices[slices.len() - 1].high, [u8::MAX; 16]);
            for pair in slices.windows(2) {
                let [high, low] = [pair[0].high, pair[1].low].map(u128::from_be_bytes);
                assert_eq!(low, high + 1);
            }
        }
    }

    #[test]
    fn a_lifetime_beyond_centuries_is_for_ever() {
        let lifetime = |expire| Row::new(Key::new("key".into()), Bytes::new(), expire).lifetime_ms;
        assert_eq!(lifetime(None), None);
        assert_eq!(lifetime(Some(Duration::from_secs(1))), Some(1000));
        assert_eq!(lifetime(Some(Duration::from_millis(LONGEST_MS + 1))), None);
        assert_eq!(lifetime(Some(Duration::MAX)), None);
    }
}
