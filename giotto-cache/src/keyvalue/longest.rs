//! How much is read of a value in a store outside this process.
//!
//! The last step of a lookup. Another client of the store may have put a value there that is larger than the memory of
//! this process. Only as much of it is read as shows that the cache has not stored it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::log::{Cut, Limiter};

/// What is read at most of a record of the cache (a generation or a lease), which has less than 256 bytes. A lookup reads
/// many records at once.
pub(super) const RECORD: usize = 1024;

/// Shared by all clones of a store.
#[derive(Debug, Default)]
pub(super) struct Longest {
    /// 0 = not known: every value is read.
    bytes: AtomicUsize,
    limiter: Limiter,
}

impl Longest {
    /// No value that is stored is longer than `bytes`. Of several caches, the one with the longest values counts.
    pub(super) fn limit(&self, bytes: usize) {
        self.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// The longest value of any key; `None` if every value is read, however long it is.
    pub(super) fn get(&self) -> Option<usize> {
        match self.bytes.load(Ordering::Relaxed) {
            0 => None,
            bytes => Some(bytes),
        }
    }

    /// The same for the value of `key`, with or without a namespace: a record is shorter than an entry.
    pub(super) fn of(&self, key: &str) -> Option<usize> {
        let longest = self.get()?;
        Some(match is_record(key) {
            true => longest.min(RECORD),
            false => longest,
        })
    }

    /// Logs that the value of `key`, of which `read` bytes are known, is none that this cache stores, if its length shows
    /// that.
    pub(super) fn tell(&self, key: &str, read: usize) {
        let is_foreign = |longest: &usize| read == 0 || read > *longest;
        if let Some(longest) = self.of(key).filter(is_foreign) {
            let key = Cut(key).to_string();
            self.limiter.tell("foreign", move |repeated| {
                tracing::warn!(
                    key,
                    longest,
                    repeated,
                    "value in the store is too long or empty: it is a miss and will be replaced"
                );
            });
        }
    }
}

/// Whether `key` is that of a record, `{tag:news}` or `{lease:..}`: no key of a program ends in a brace.
pub(super) fn is_record(key: &str) -> bool {
    key.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_until_a_cache_says_what_its_longest_is() {
        let longest = Longest::default();
        assert_eq!(longest.get(), None);
        for bytes in [10, 20, 5] {
            longest.limit(bytes);
        }
        assert_eq!(longest.get(), Some(20), "two caches share a store");
    }

    #[test]
    fn a_record_is_shorter_than_an_entry() {
        let longest = Longest::default();
        assert_eq!(longest.of("{all}"), None);
        longest.limit(20);
        assert_eq!(longest.of("{all}"), Some(20));
        longest.limit(1 << 20);
        for (key, expected) in [
            ("{}(home)(text/html)", 1 << 20),
            ("{all}", RECORD),
            ("prod:{tag:news}", RECORD),
            ("{lease:{}(home)(text/html)}", RECORD),
        ] {
            assert_eq!(longest.of(key), Some(expected), "{key}");
        }
    }
}
