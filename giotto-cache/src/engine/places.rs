//! What is known of one program with a budget: its places, its rate, and the keys that were asked for and stored.
//!
//! Part of step 4 of a lookup: the decision, under one lock.

use std::collections::HashMap;

use crate::engine::seen::Seen;
use crate::invalidation::generation::{Difference, Generation};
use crate::policy::budget::Budget;
use crate::reason::NotStored;

/// How long a key that was asked for once is remembered, at least.
const ASKED_MS: u64 = 10 * 60_000;
/// How often the places whose time is over are looked for, at most.
const SWEEP_EVERY_MS: u64 = 1_000;
const NEVER: u64 = u64::MAX;

/// A new entry that would like a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Of its key.
    pub(crate) digest: u64,
    /// Whether the store has it, or had it a moment ago.
    pub(crate) is_kept: bool,
    /// Whether it waits for no second request, and for no rate.
    pub(crate) is_admitted: bool,
    /// The generation of its program, if the store has told it.
    pub(crate) generation: Option<Generation>,
}

/// The places of one program, and what else its budget needs to know.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) budget: Budget,
    /// Until when each place is taken, by the digest of the key; with `max_entries` only.
    taken: HashMap<u64, u64>,
    swept_ms: u64,
    /// The generation of the program when a place was last taken.
    generation: Option<Generation>,
    bucket: Bucket,
    /// The keys that were asked for and not stored.
    asked: Seen,
    /// The keys that were stored.
    stored: Seen,
}

/// A token bucket: a second's worth of new entries at most.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    thousandths: u64,
    filled_ms: u64,
}

impl Places {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            taken: HashMap::new(),
            swept_ms: 0,
            generation: None,
            bucket: Bucket::default(),
            asked: Seen::new(ASKED_MS),
            stored: Seen::new(NEVER),
        }
    }

    pub(crate) fn set(&mut self, budget: Budget) {
        self.budget = budget;
        if budget.most_entries().is_none() {
            self.taken = HashMap::new();
        }
    }

    /// Whether `wanted` may be stored; whether its key is new then.
    pub(crate) fn judge(&mut self, wanted: &Wanted, now_ms: u64) -> Result<bool, NotStored> {
        let digest = wanted.digest;
        let is_known =
            wanted.is_kept || self.taken.contains_key(&digest) || self.stored.has(digest, now_ms);
        let is_new = !is_known && !wanted.is_admitted;
        if is_new && self.budget.waits_for_second_request() && !self.asked.has(digest, now_ms) {
            return Err(NotStored::FirstRequest);
        }
        let has_room = wanted.is_kept || self.has_room(digest, now_ms);
        let rate = self.budget.most_new_entries_per_second();
        match rate.filter(|_| is_new) {
            _ if !has_room => Err(NotStored::OverBudget),
            Some(rate) if !self.bucket.has(rate, now_ms) => Err(NotStored::OverBudget),
            _ => Ok(is_new),
        }
    }

    /// Takes a place for `wanted`; whether it is one that was free before.
    pub(crate) fn take(&mut self, wanted: &Wanted, now_ms: u64) -> Result<bool, NotStored> {
        self.follow(wanted.generation);
        match self.judge(wanted, now_ms) {
            Ok(is_new) => {
                if let Some(rate) = self.budget.most_new_entries_per_second() {
                    self.bucket.take(rate, is_new);
                }
                let is_taken = !self.taken.contains_key(&wanted.digest);
                Ok(is_taken && self.put(wanted.digest, NEVER))
            }
            Err(why) => {
                if why == NotStored::FirstRequest {
                    self.asked.note(wanted.digest, now_ms);
                }
                Err(why)
            }
        }
    }

    /// Puts an entry in its place, if it has one or there is a free one.
    fn put(&mut self, digest: u64, until_ms: u64) -> bool {
        let Some(limit) = self.budget.most_entries() else {
            return false;
        };
        let has_place = self.taken.len() < limit as usize || self.taken.contains_key(&digest);
        if has_place {
            self.taken.insert(digest, until_ms);
        }
        has_place
    }

    /// Whether there is a place for the key, its own or a free one.
    fn has_room(&mut self, digest: u64, now_ms: u64) -> bool {
        let Some(limit) = self.budget.most_entries() else {
            return true;
        };
        if self.taken.contains_key(&digest) {
            return true;
        }
        let is_full = |state: &Self| state.taken.len() >= limit as usize;
        if is_full(self) && now_ms.saturating_sub(self.swept_ms) >= SWEEP_EVERY_MS {
            self.sweep(now_ms);
        }
        !is_full(self)
    }

    /// Keeps the place of an entry that is stored now, and remembers it.
    pub(crate) fn keep(&mut self, digest: u64, until_ms: u64, now_ms: u64) {
        self.put(digest, until_ms);
        self.stored.note(digest, now_ms);
    }

    /// Frees the place of an entry that is not stored any more.
    pub(crate) fn free(&mut self, digest: u64) {
        self.taken.remove(&digest);
    }

    pub(crate) fn free_all(&mut self) {
        self.taken.clear();
    }

    /// How many places are taken, if their number is limited.
    pub(crate) fn count(&mut self, now_ms: u64) -> Option<usize> {
        self.budget.most_entries()?;
        self.sweep(now_ms);
        Some(self.taken.len())
    }

    /// Frees the places whose time is over.
    fn sweep(&mut self, now_ms: u64) {
        self.swept_ms = now_ms;
        self.taken.retain(|_, until_ms| now_ms < *until_ms);
    }

    /// Frees all places if the program was purged, here or by another process.
    fn follow(&mut self, generation: Option<Generation>) {
        let Some(now) = generation else {
            return;
        };
        let before = self.generation.replace(now);
        if before.is_some_and(|before| before.difference(now) == Difference::Hard) {
            self.taken.clear();
        }
    }
}

impl Bucket {
    /// Whether one more entry may be stored.
    fn has(&mut self, rate: u32, now_ms: u64) -> bool {
        let rate = u64::from(rate);
        let passed_ms = now_ms.saturating_sub(self.filled_ms);
        let filled = self
            .thousandths
            .saturating_add(passed_ms.saturating_mul(rate));
        self.thousandths = filled.min(rate * 1_000);
        self.filled_ms = now_ms;
        self.thousandths >= 1_000
    }

    /// Counts an entry that [may be stored](Self::has), if it `is_new`.
    fn take(&mut self, rate: u32, is_new: bool) {
        if is_new {
            // The rate may have been lowered since.
            self.thousandths = self
                .thousandths
                .saturating_sub(1_000)
                .min(u64::from(rate) * 1_000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_allows_a_second_at_once_and_then_the_rate() {
        let mut bucket = Bucket::default();
        let mut stored = |now_ms| {
            let allowed = bucket.has(10, now_ms);
            bucket.take(10, allowed);
            allowed
        };
        let start = 1_700_000_000_000;
        assert_eq!((0..100).filter(|_| stored(start)).count(), 10);
        assert_eq!((1..=1_000).filter(|ms| stored(start + ms)).count(), 10);
        assert_eq!((0..100).filter(|_| stored(start + 3_600_000)).count(), 10);
    }
}
