//! The budgets of programs: whether a key that has no entry may get one.
//!
//! Part of step 4 of a lookup, before the lease and before the tags get their records: what is over the budget is computed,
//! and costs the store nothing but the read.
//!
//! A program with a limit of entries has a *place* for each entry that this process has stored. A place is taken before the
//! computation begins, so that many at once do not exceed the limit, and given back if nothing is stored in the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use xxhash_rust::xxh3::xxh3_64;

use crate::engine::seen::Seen;
use crate::entry::Entry;
use crate::invalidation::generation::{Difference, Generation, Generations};
use crate::key::{Key, escape};
use crate::log::{Cut, Pace};
use crate::lookup::Lookup;
use crate::policy::budget::{Budget, BudgetUse};
use crate::policy::clocks::Clocks;
use crate::reason::NotStored;

/// How long a key that was asked for once is remembered, at least.
const ASKED_MS: u64 = 10 * 60_000;
/// How long the place of an entry is kept for it after its time, at most: a page that many readers want is asked for again
/// before a crawler takes its place.
const GRACE_MS: u64 = 60_000;
/// How long an entry that never expires counts in a store that does not tell what it evicts.
const UNTOLD_MS: u64 = 24 * 3_600_000;
/// How often the places whose time is over are looked for, at most.
const SWEEP_EVERY_MS: u64 = 1_000;
const TOLD_EVERY_MS: u64 = 60_000;
const NEVER: u64 = u64::MAX;

/// The budgets of all programs that have one.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    trackers: RwLock<HashMap<Box<str>, Arc<Tracker>>>,
}

/// What is known of one program with a budget.
#[derive(Debug)]
struct Tracker {
    program: Box<str>,
    state: Mutex<State>,
    told: Pace,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    /// Until when each place is taken, by the digest of the key; with `max_entries` only.
    places: HashMap<u64, u64>,
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

/// An entry that a lookup would like to store.
pub(crate) struct Wanted<'l> {
    lookup: &'l Lookup,
    digest: u64,
    /// Whether the store has it, or had it a moment ago.
    is_kept: bool,
    /// The generation of its program, if the store has told it.
    generation: Option<Generation>,
}

/// The right to store an entry under a budget. If it is dropped before the entry is stored, the place is free again.
#[derive(Debug)]
pub(crate) struct Place {
    tracker: Arc<Tracker>,
    digest: u64,
    /// Whether it was free before.
    is_taken: bool,
}

impl<'l> Wanted<'l> {
    /// The entry of `lookup`, in place of the `old` one.
    pub(crate) fn new(
        lookup: &'l Lookup,
        old: Option<&Entry>,
        generations: &Generations,
        is_answered: bool,
        now_ms: u64,
    ) -> Self {
        Self {
            lookup,
            digest: digest(lookup.key.as_str()),
            is_kept: old.is_some_and(|old| now_ms < with_grace(old.clocks())),
            generation: is_answered.then_some(generations.program),
        }
    }
}

impl Budgets {
    /// Gives `program` a budget from now on. What is stored already counts as far as it was counted before.
    pub(crate) fn set(&self, program: &str, budget: Budget) {
        let program: Box<str> = escape(program).into();
        let mut trackers = self
            .trackers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match trackers.get(&program) {
            _ if budget.is_unlimited() => drop(trackers.remove(&program)),
            Some(tracker) => tracker.state().set(budget),
            None => {
                let tracker = Arc::new(Tracker::new(program.clone(), budget));
                trackers.insert(program, tracker);
            }
        }
    }

    /// What each program has used of its budget, in the order of their names.
    pub(crate) fn uses(&self, now_ms: u64) -> Vec<BudgetUse> {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        let mut uses: Vec<_> = trackers.values().map(|one| one.used(now_ms)).collect();
        uses.sort_unstable_by(|one, other| one.program.cmp(&other.program));
        uses
    }

    /// Takes the right to store `wanted`; none is needed by a program without a budget.
    ///
    /// # Errors
    ///
    /// Why it must not be stored.
    pub(crate) fn take(
        &self,
        wanted: &Wanted<'_>,
        now_ms: u64,
    ) -> Result<Option<Place>, NotStored> {
        let Some(tracker) = self.of(wanted.lookup.key.program()) else {
            return Ok(None);
        };
        let taken = tracker.state().take(wanted, now_ms);
        match taken {
            Ok(is_taken) => Ok(Some(Place {
                tracker,
                digest: wanted.digest,
                is_taken,
            })),
            Err(why) => {
                tracker.tell(why, &wanted.lookup.key, now_ms);
                Err(why)
            }
        }
    }

    /// Why `wanted` would not be stored now; nothing is taken.
    pub(crate) fn refuses(&self, wanted: &Wanted<'_>, now_ms: u64) -> Option<NotStored> {
        let tracker = self.of(wanted.lookup.key.program())?;
        let refused = tracker.state().judge(wanted, now_ms);
        refused.err()
    }

    /// Notes that the store has lost the entry of `key`.
    pub(crate) fn left(&self, key: &str) {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        // Every eviction asks, also where no program has a budget.
        if trackers.is_empty() {
            return;
        }
        if let Some(tracker) = program_of(key).and_then(|program| trackers.get(program)) {
            tracker.state().places.remove(&digest(key));
        }
    }

    /// Notes that the store is empty.
    pub(crate) fn all_left(&self) {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        for tracker in trackers.values() {
            tracker.state().places.clear();
        }
    }

    fn of(&self, program: &str) -> Option<Arc<Tracker>> {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        trackers.get(program).cloned()
    }
}

impl Tracker {
    fn new(program: Box<str>, budget: Budget) -> Self {
        Self {
            program,
            state: Mutex::new(State {
                budget,
                places: HashMap::new(),
                swept_ms: 0,
                generation: None,
                bucket: Bucket::default(),
                asked: Seen::new(ASKED_MS),
                stored: Seen::new(NEVER),
            }),
            told: Pace::default(),
        }
    }

    fn used(&self, now_ms: u64) -> BudgetUse {
        let mut state = self.state();
        state.sweep(now_ms);
        let limit = state.budget.most_entries();
        BudgetUse {
            program: self.program.to_string(),
            budget: state.budget,
            entries: limit.map(|_| state.places.len()),
        }
    }

    /// Logs a result that is over the budget, once a minute. That the first result of a key is not stored is nothing to tell.
    fn tell(&self, why: NotStored, key: &Key, now_ms: u64) {
        if why == NotStored::OverBudget && self.told.allows(now_ms, TOLD_EVERY_MS) {
            let BudgetUse {
                program,
                budget,
                entries,
            } = self.used(now_ms);
            tracing::warn!(
                program,
                key = %Cut(key),
                entries,
                max_entries = budget.most_entries(),
                new_entries_per_second = budget.most_new_entries_per_second(),
                "over budget: new pages of this program are computed and not stored; raise its budget, or see what asks for \
                 so many different ones"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, budget: Budget) {
        self.budget = budget;
        if budget.most_entries().is_none() {
            self.places = HashMap::new();
        }
    }

    /// Whether `wanted` may be stored; whether its key is new then.
    fn judge(&mut self, wanted: &Wanted<'_>, now_ms: u64) -> Result<bool, NotStored> {
        let digest = wanted.digest;
        let is_known =
            wanted.is_kept || self.places.contains_key(&digest) || self.stored.has(digest, now_ms);
        let is_new = !is_known && !wanted.lookup.is_admitted;
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
    fn take(&mut self, wanted: &Wanted<'_>, now_ms: u64) -> Result<bool, NotStored> {
        self.follow(wanted.generation);
        match self.judge(wanted, now_ms) {
            Ok(is_new) => {
                if let Some(rate) = self.budget.most_new_entries_per_second() {
                    self.bucket.take(rate, is_new);
                }
                let is_taken = !self.places.contains_key(&wanted.digest);
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
        let has_place = self.places.len() < limit as usize || self.places.contains_key(&digest);
        if has_place {
            self.places.insert(digest, until_ms);
        }
        has_place
    }

    /// Whether there is a place for the key, its own or a free one.
    fn has_room(&mut self, digest: u64, now_ms: u64) -> bool {
        let Some(limit) = self.budget.most_entries() else {
            return true;
        };
        if self.places.contains_key(&digest) {
            return true;
        }
        let is_full = |state: &Self| state.places.len() >= limit as usize;
        if is_full(self) && now_ms.saturating_sub(self.swept_ms) >= SWEEP_EVERY_MS {
            self.sweep(now_ms);
        }
        !is_full(self)
    }

    /// Frees the places whose time is over.
    fn sweep(&mut self, now_ms: u64) {
        self.swept_ms = now_ms;
        self.places.retain(|_, until_ms| now_ms < *until_ms);
    }

    /// Frees all places if the program was purged, here or by another process.
    fn follow(&mut self, generation: Option<Generation>) {
        let Some(now) = generation else {
            return;
        };
        let before = self.generation.replace(now);
        if before.is_some_and(|before| before.difference(now) == Difference::Hard) {
            self.places.clear();
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

impl Place {
    /// Keeps the place for an entry with these `clocks`. Called before the entry is written: a store that evicts it at once
    /// says so before the write returns.
    pub(crate) fn keep(mut self, clocks: Clocks, tells_evictions: bool) {
        let until_ms = match with_grace(clocks) {
            NEVER if !tells_evictions => clocks.created.saturating_add(UNTOLD_MS),
            until_ms => until_ms,
        };
        self.is_taken = false;
        let mut state = self.tracker.state();
        state.put(self.digest, until_ms);
        state.stored.note(self.digest, clocks.created);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_taken {
            self.tracker.state().places.remove(&self.digest);
        }
    }
}

/// Until when the place of an entry is kept for it.
const fn with_grace(clocks: Clocks) -> u64 {
    let life_ms = clocks.keep_until.saturating_sub(clocks.created);
    let grace_ms = if life_ms < GRACE_MS {
        life_ms
    } else {
        GRACE_MS
    };
    clocks.keep_until.saturating_add(grace_ms)
}

fn digest(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}

/// The program of the entry that is stored under `key`: `..(program)(mimetype)`.
fn program_of(key: &str) -> Option<&str> {
    let (before, _) = key.strip_suffix(')')?.rsplit_once('(')?;
    let (_, program) = before.strip_suffix(')')?.rsplit_once('(')?;
    Some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_stored_key_is_found_from_its_end() {
        for (program, arguments) in [
            ("squared", "{'x': 12}"),
            ("a(b)/c", "{'x': '(y)('}"),
            ("", ""),
        ] {
            let key = Key::new(program, arguments, "text/html");
            assert_eq!(program_of(key.as_str()), Some(key.program()));
        }
        for record in ["{all}", "{tag:(a)(b)}", "", ")", "()", "a)(b"] {
            assert_eq!(program_of(record), None, "{record}");
        }
    }

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
