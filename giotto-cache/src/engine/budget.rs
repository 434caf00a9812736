//! The budgets of programs: whether a key that has no entry may get one.
//!
//! Part of step 4 of a lookup, before the lease and before the tags get their records: what is over the budget is computed,
//! and costs the store nothing but the read.
//!
//! A program with a limit of entries has a *place* for each entry that this process has stored. A place is taken before the
//! computation begins, so that many at once do not exceed the limit, and given back if nothing is stored in the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use xxhash_rust::xxh3::xxh3_64;

use crate::engine::places::{Places, Wanted};
use crate::entry::Entry;
use crate::invalidation::generation::Generations;
use crate::key::{Key, escape, unescape};
use crate::keyvalue::KeyValue;
use crate::log::{Cut, Pace};
use crate::lookup::Lookup;
use crate::policy::budget::{Budget, BudgetUse};
use crate::policy::clocks::Clocks;
use crate::reason::NotStored;

/// How long the place of an entry is kept for it after its time, at most: a page that many readers want is asked for again
/// before a crawler takes its place.
const GRACE_MS: u64 = 60_000;
/// How long an entry that never expires counts in a store that does not tell what it evicts.
const UNTOLD_MS: u64 = 24 * 3_600_000;
const TOLD_EVERY_MS: u64 = 60_000;
const NEVER: u64 = u64::MAX;

/// The budgets of all programs that have one.
#[derive(Debug)]
pub(crate) struct Budgets {
    trackers: RwLock<HashMap<Box<str>, Arc<Tracker>>>,
    /// Whether the store tells what it evicts.
    is_told: bool,
}

/// What is known of one program with a budget.
#[derive(Debug)]
struct Tracker {
    program: Box<str>,
    places: Mutex<Places>,
    told: Pace,
}

/// The right to store an entry under a budget. If it is dropped before the entry is stored, the place is free again.
#[derive(Debug)]
pub(crate) struct Place {
    tracker: Arc<Tracker>,
    digest: u64,
    /// Whether it was free before.
    is_taken: bool,
}

/// What `lookup` would like to store, in place of the `old` entry.
pub(crate) fn wanted(
    lookup: &Lookup,
    old: Option<&Entry>,
    generations: &Generations,
    is_answered: bool,
    now_ms: u64,
) -> Wanted {
    Wanted {
        digest: digest(lookup.key.as_str()),
        is_kept: old.is_some_and(|old| now_ms < with_grace(old.clocks())),
        is_admitted: lookup.is_admitted,
        generation: is_answered.then_some(generations.program),
    }
}

impl Budgets {
    /// Those of a cache in front of `store`, which may tell them what it evicts. None so far.
    pub(crate) fn before(store: &dyn KeyValue) -> Arc<Self> {
        Arc::new_cyclic(|own: &Weak<Self>| {
            let own = own.clone();
            let is_told = store.tell_evictions(Arc::new(move |key| {
                if let Some(budgets) = own.upgrade() {
                    budgets.left(key);
                }
            }));
            Self {
                trackers: RwLock::default(),
                is_told,
            }
        })
    }

    /// Gives `program` a budget from now on. What is stored already counts as far as it was counted before.
    pub(crate) fn set(&self, program: &str, budget: Budget) {
        let program: Box<str> = escape(program).into();
        let mut trackers = self
            .trackers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match trackers.get(&program) {
            _ if budget.is_unlimited() => drop(trackers.remove(&program)),
            Some(tracker) => tracker.places().set(budget),
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

    /// Takes the right to store what is `wanted` under `key`; none is needed by a program without a budget.
    ///
    /// # Errors
    ///
    /// Why it must not be stored.
    pub(crate) fn take(
        &self,
        key: &Key,
        wanted: &Wanted,
        now_ms: u64,
    ) -> Result<Option<Place>, NotStored> {
        let Some(tracker) = self.of(key.program()) else {
            return Ok(None);
        };
        let taken = tracker.places().take(wanted, now_ms);
        match taken {
            Ok(is_taken) => Ok(Some(Place {
                tracker,
                digest: wanted.digest,
                is_taken,
            })),
            Err(why) => {
                tracker.tell(why, key, now_ms);
                Err(why)
            }
        }
    }

    /// Why what is `wanted` under `key` would not be stored now; nothing is taken.
    pub(crate) fn refuses(&self, key: &Key, wanted: &Wanted, now_ms: u64) -> Option<NotStored> {
        let tracker = self.of(key.program())?;
        let refused = tracker.places().judge(wanted, now_ms);
        refused.err()
    }

    /// Keeps a place for an entry with these `clocks`. Called before the entry is written: a store that evicts it at once says
    /// so before the write returns.
    pub(crate) fn keep(&self, mut place: Place, clocks: Clocks) {
        let until_ms = match with_grace(clocks) {
            NEVER if !self.is_told => clocks.created.saturating_add(UNTOLD_MS),
            until_ms => until_ms,
        };
        place.is_taken = false;
        let mut places = place.tracker.places();
        places.keep(place.digest, until_ms, clocks.created);
    }

    /// Notes that the store has lost the entry of `key`.
    pub(crate) fn left(&self, key: &str) {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        // Every eviction asks, also where no program has a budget.
        if trackers.is_empty() {
            return;
        }
        if let Some(tracker) = program_of(key).and_then(|program| trackers.get(program)) {
            tracker.places().free(digest(key));
        }
    }

    /// Notes that the store is empty.
    pub(crate) fn all_left(&self) {
        let trackers = self.trackers.read().unwrap_or_else(PoisonError::into_inner);
        for tracker in trackers.values() {
            tracker.places().free_all();
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
            places: Mutex::new(Places::new(budget)),
            told: Pace::default(),
        }
    }

    fn used(&self, now_ms: u64) -> BudgetUse {
        let mut places = self.places();
        BudgetUse {
            program: unescape(&self.program),
            budget: places.budget,
            entries: places.count(now_ms),
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

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_taken {
            self.tracker.places().free(self.digest);
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
}
