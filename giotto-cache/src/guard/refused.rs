//! The lengths that a store does not accept, as it has shown.
//!
//! Step 6 of a lookup: a value that is too long is not sent.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const REFUSED_FOR_MS: u64 = 60_000;

/// The shortest value that the store has refused as too long, for a minute: its limit may be raised.
#[derive(Debug, Default)]
pub(super) struct Refused {
    length: AtomicUsize,
    until_ms: AtomicU64,
}

impl Refused {
    pub(super) fn note(&self, length: usize, now_ms: u64) {
        let known = match now_ms < self.until_ms.load(Ordering::Relaxed) {
            true => self.length.load(Ordering::Relaxed),
            false => usize::MAX,
        };
        self.length.store(length.min(known), Ordering::Relaxed);
        let until_ms = now_ms.saturating_add(REFUSED_FOR_MS);
        self.until_ms.store(until_ms, Ordering::Relaxed);
    }

    pub(super) fn covers(&self, length: usize, now_ms: impl FnOnce() -> u64) -> bool {
        match self.until_ms.load(Ordering::Relaxed) {
            0 => false,
            until_ms => length >= self.length.load(Ordering::Relaxed) && now_ms() < until_ms,
        }
    }
}
