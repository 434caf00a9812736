//! The longest value that is read of a store outside this process, and how a longer one is told.
//!
//! The last step of a lookup. A client of the store may have put a value there that is larger than the memory of
//! this process. Only as much of it is read as shows that the cache has not stored it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The log has one line in this time, whatever is in the store.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What is read at most of a record of the cache (a generation or a lease), which has less than 256 bytes. A lookup reads
/// many records at once.
pub(super) const RECORD: usize = 1024;

/// The characters of a key that go into the log.
const SHOWN: usize = 120;

/// Shared by all clones of a store.
#[derive(Debug, Default)]
pub(super) struct Longest {
    /// 0 = not known: every value is read.
    bytes: AtomicUsize,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    /// So many were met since then.
    since: u64,
}

impl Longest {
    /// No value that is stored is longer than `bytes`. Of several caches, the one with the longest values counts.
    pub(super) fn limit(&self, bytes: usize) {
        self.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// `None` if every value is to be read, however long it is.
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

    /// Logs that the value of `key`, of which `read` bytes are known, is longer than any that is stored, if it is.
    pub(super) fn tell(&self, key: &str, read: usize) {
        let Some(longest) = self.of(key).filter(|longest| read > *longest) else {
            return;
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.at.is_some_and(|at| at.elapsed() < TELL_EVERY) {
            told.since += 1;
            return;
        }
        let before = told.since;
        *told = Told {
            at: Some(Instant::now()),
            since: 0,
        };
        tracing::warn!(
            key = %shown(key),
            longest,
            more_before = before,
            "a value in the store is longer than any that this cache stores: it is a miss and will be replaced"
        );
    }
}

/// Whether `key` is that of a record, `{tag:news}` or `{lease:..}`: no key of a program ends in a brace.
pub(super) fn is_record(key: &str) -> bool {
    key.ends_with('}')
}

/// The beginning of `key` without what would act on a terminal.
fn shown(key: &str) -> String {
    let mut characters = key.chars();
    let mut shown: String = characters
        .by_ref()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
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

    #[test]
    fn a_key_is_shown_without_its_control_characters_and_not_at_length() {
        assert_eq!(
            shown("{'x': 12}(squared)\u{1b}[2J\n"),
            r"{\'x\': 12}(squared)\u{1b}[2J\n"
        );
        let long = shown(&"k".repeat(15_000));
        assert_eq!(long, format!("{}...", "k".repeat(SHOWN)));
    }
}
