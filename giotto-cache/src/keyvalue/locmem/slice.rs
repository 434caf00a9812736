//! A page of the keys in memory.
//!
//! No step of a lookup; for management.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Result;
use crate::keyvalue::scan::{Scan, foreign_cursor, number};

/// The keys of one page of a scan: those whose hashes are in one of 2^`bits` ranges. So a page is what it is, whatever is
/// stored or evicted meanwhile; but all keys are cloned for it, one by one, each under the lock of its shard for a moment.
pub(super) struct Slice {
    number: u64,
    bits: u32,
}

impl Slice {
    /// The one that the cursor names, `number/bits`; without one the first of so many that each has about as many keys of
    /// `count` as may be looked at.
    pub(super) fn of(scan: &Scan, count: usize) -> Result<Self> {
        let Some(cursor) = scan.cursor.as_deref() else {
            let pages = count.div_ceil(scan.limit.max(1)).clamp(1, 1 << 20);
            let bits = pages.next_power_of_two().ilog2();
            return Ok(Self { number: 0, bits });
        };
        let (number_text, bits) = cursor
            .split_once('/')
            .ok_or_else(|| foreign_cursor(cursor))?;
        let (number, bits) = (number(number_text, cursor)?, number::<u32>(bits, cursor)?);
        match bits <= 20 && number < 1 << bits {
            true => Ok(Self { number, bits }),
            false => Err(foreign_cursor(cursor)),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        let of_key = xxh3_64(key.as_bytes()).checked_shr(64 - self.bits);
        of_key.unwrap_or(0) == self.number
    }

    pub(super) fn next(&self) -> Option<String> {
        let next = self.number + 1;
        (next < 1 << self.bits).then(|| format!("{next}/{}", self.bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_one_of_the_slices() {
        let keys: Vec<_> = (0..1_000).map(|number| format!("key {number}")).collect();
        let (mut scan, mut seen) = (Scan::new(100), 0);
        loop {
            let slice = Slice::of(&scan, keys.len()).unwrap();
            let own = keys.iter().filter(|key| slice.has(key)).count();
            assert!((20..150).contains(&own), "{own}");
            seen += own;
            match slice.next() {
                None => break,
                next => scan = scan.after(next),
            }
        }
        assert_eq!(seen, keys.len());
        let all = Slice::of(&Scan::new(usize::MAX), keys.len()).unwrap();
        assert!(keys.iter().all(|key| all.has(key)) && all.next().is_none());
        for odd in [
            "",
            "1",
            "/",
            "1/0",
            "4/2",
            "0/21",
            "0/99999999999",
            "-1/2",
            "x/1",
        ] {
            let scan = Scan::new(1).after(odd.to_owned());
            assert!(Slice::of(&scan, 1).is_err(), "{odd}");
        }
    }
}
