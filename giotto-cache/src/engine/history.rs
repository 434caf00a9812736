//! Which keys were stored lately, so that a miss can say why.
//!
//! Part of step 2 of a lookup. A store does not tell what it has dropped.

use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use crate::reason::Reason;

const SLOTS: usize = 4_096;

/// Stands for "until when" of a result that was too large to store.
const TOO_LARGE: u64 = u64::MAX - 1;

/// The digests of the last keys and until when their entries were to be served, each in the slot of its digest. A
/// key that another has pushed out counts as never seen.
#[derive(Debug, Default)]
pub(crate) struct History {
    slots: Mutex<Vec<(u64, u64)>>,
}

impl History {
    /// Notes that the last result of `key` was too large to store.
    pub(crate) fn note_too_large(&self, key: &str) {
        self.note(key, TOO_LARGE);
    }

    pub(crate) fn note(&self, key: &str, served_until: u64) {
        let (digest, slot) = place(key);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.is_empty() {
            slots.resize(SLOTS, (0, 0));
        }
        slots[slot] = (digest, served_until);
    }

    /// Why the store has no entry of `key`.
    pub(crate) fn why_absent(&self, key: &str, now_ms: u64) -> Reason {
        let (digest, slot) = place(key);
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(slot) {
            Some(&(known, TOO_LARGE)) if known == digest => Reason::TooLarge,
            Some(&(known, served_until)) if known == digest => match now_ms < served_until {
                true => Reason::Evicted,
                false => Reason::Expired,
            },
            _ => Reason::FirstSeen,
        }
    }
}

fn place(key: &str) -> (u64, usize) {
    let digest = xxh3_64(key.as_bytes());
    (digest, digest as usize % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_was_never_seen_has_expired_or_was_evicted() {
        let history = History::default();
        assert_eq!(history.why_absent("a", 0), Reason::FirstSeen);
        history.note("a", 1_000);
        assert_eq!(history.why_absent("a", 999), Reason::Evicted);
        assert_eq!(history.why_absent("a", 1_000), Reason::Expired);
        assert_eq!(history.why_absent("b", 999), Reason::FirstSeen);
        history.note_too_large("a");
        assert_eq!(history.why_absent("a", 1_000), Reason::TooLarge);
    }
}
