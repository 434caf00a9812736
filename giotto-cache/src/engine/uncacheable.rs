//! Hit-for-miss: the keys whose last result must not be stored.
//!
//! Part of step 3 of a lookup: their callers do not wait for each other, because the result of one caller is for it alone.

use std::collections::HashMap;

use crate::clock::Clock;

/// How long a key is uncacheable after a result that must not be stored.
const UNCACHEABLE_MS: u64 = 5_000;

/// The uncacheable keys, and until when.
#[derive(Debug, Default)]
pub(crate) struct Uncacheable {
    until_ms: HashMap<String, u64>,
    /// With this many keys, those whose time has passed are removed.
    sweep_at: usize,
}

impl Uncacheable {
    /// Whether `key` is uncacheable. A key whose time has passed is removed.
    pub(crate) fn has(&mut self, key: &str, clock: &Clock) -> bool {
        match self.until_ms.get(key) {
            None => false,
            Some(&until_ms) if clock.now_ms() < until_ms => true,
            Some(_) => {
                self.until_ms.remove(key);
                false
            }
        }
    }

    pub(crate) fn note(&mut self, key: &str, now_ms: u64) {
        if self.until_ms.len() >= self.sweep_at {
            self.until_ms.retain(|_, until_ms| now_ms < *until_ms);
            self.sweep_at = 2 * self.until_ms.len() + 64;
        }
        let until_ms = now_ms.saturating_add(UNCACHEABLE_MS);
        self.until_ms.insert(key.to_owned(), until_ms);
    }
}
