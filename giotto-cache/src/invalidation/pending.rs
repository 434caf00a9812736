//! Invalidations that the store has not accepted yet: this process obeys them at once, and retries until the store does.
//!
//! Part of step 1 of a lookup, while there are any. The race: the data changes while the store is down, and the store comes back
//! with the old page, which would be a fresh hit again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::invalidation::generation::{Generation, Record};
use crate::scope::{EVERY_TAG, Scope, wildcards};

/// More than this many scopes become one: everything.
const MAX_SCOPES: usize = 1_000;

/// The invalidations of this process that the store has not accepted yet, merged by scope.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Whether there are any: most lookups ask no more than this.
    has_some: AtomicBool,
    scopes: Mutex<HashMap<Scope, Due>>,
    /// How many there are, for those who wait until all are told.
    count: watch::Sender<usize>,
}

/// One invalidation that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) is_hard: bool,
    /// Whether what it is about was removed from the store, so that only its record is missing.
    pub(crate) is_removed: bool,
    /// When it was asked for last, in milliseconds since 1970.
    since_ms: u64,
    /// Differs each time that it is asked for.
    change: Generation,
}

impl Due {
    /// Whether it was not asked for again meanwhile.
    fn is(self, other: Self) -> bool {
        self.change == other.change
    }

    /// `record` as this invalidation changes it, each time in the same way.
    pub(crate) fn applied(self, record: Record) -> Record {
        record.changed_by(self.change, self.is_hard, self.since_ms)
    }
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            has_some: AtomicBool::new(false),
            scopes: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }

    /// Notes an invalidation, and returns whether none was due before, so that the task must be started that repeats them.
    pub(crate) fn add(&self, scope: Scope, is_hard: bool, now_ms: u64) -> bool {
        let mut scopes = self.lock();
        let is_first = scopes.is_empty();
        let mut due = Due {
            is_hard,
            is_removed: false,
            since_ms: now_ms,
            change: Generation::random(),
        };
        let scope = match scopes.len() >= MAX_SCOPES && !scopes.contains_key(&scope) {
            false => scope,
            true => {
                due.is_hard |= scopes.values().any(|due| due.is_hard);
                scopes.clear();
                Scope::All
            }
        };
        due.is_hard |= scopes.get(&scope).is_some_and(|known| known.is_hard);
        scopes.insert(scope, due);
        self.note(&scopes);
        is_first
    }

    /// All that are due.
    pub(crate) fn all(&self) -> Vec<(Scope, Due)> {
        let scopes = self.lock();
        scopes
            .iter()
            .map(|(scope, due)| (scope.clone(), *due))
            .collect()
    }

    /// Notes that the store has accepted one of them, unless it was asked for again meanwhile, and returns whether none is
    /// left.
    pub(crate) fn told(&self, scope: &Scope, due: Due) -> bool {
        let mut scopes = self.lock();
        if scopes.get(scope).is_some_and(|known| known.is(due)) {
            scopes.remove(scope);
        }
        self.note(&scopes);
        scopes.is_empty()
    }

    /// Notes that what one of them is about was removed from the store.
    pub(crate) fn removed(&self, scope: &Scope, due: Due) {
        if let Some(known) = self.lock().get_mut(scope)
            && known.is(due)
        {
            known.is_removed = true;
        }
    }

    pub(crate) fn len(&self) -> usize {
        *self.count.borrow()
    }

    /// Returns when none is left.
    pub(crate) async fn ended(&self) {
        let mut count = self.count.subscribe();
        // This fails only when the last sender is dropped, and `self` has one.
        let _ = count.wait_for(|count| *count == 0).await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.has_some.load(Ordering::Acquire)
    }

    /// The record of `scope` as this process has to see it: `record`, which the store has, with what is due.
    pub(crate) fn applied(&self, scope: &Scope, record: Record) -> Record {
        match self.is_empty() {
            true => record,
            false => {
                let due = self.lock().get(scope).copied();
                due.map_or(record, |due| due.applied(record))
            }
        }
    }

    /// The same for the record of a tag. A wildcard is changed by all tags that it stands for.
    pub(crate) fn applied_to_tag(&self, tag: &str, record: Record) -> Record {
        if self.is_empty() {
            return record;
        }
        let record = self.applied(&Scope::Tag(tag.to_owned()), record);
        if !tag.ends_with(EVERY_TAG) {
            return record;
        }
        let is_meant = |scope: &Scope| match scope {
            Scope::Tag(due) => wildcards(due).iter().any(|wildcard| wildcard == tag),
            _ => false,
        };
        let scopes = self.lock();
        let meant = scopes.iter().filter(|(scope, _)| is_meant(scope));
        meant.fold(record, |record, (_, due)| due.applied(record))
    }

    /// Whether `scope` is due.
    pub(crate) fn has(&self, scope: &Scope) -> bool {
        !self.is_empty() && self.lock().contains_key(scope)
    }

    fn note(&self, scopes: &HashMap<Scope, Due>) {
        self.has_some.store(!scopes.is_empty(), Ordering::Release);
        self.count.send_replace(scopes.len());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Due>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::generation::Difference;

    fn tag(number: usize) -> Scope {
        Scope::Tag(number.to_string())
    }

    #[test]
    fn what_is_due_makes_the_entries_of_its_tag_old_until_it_is_told() {
        let pending = Pending::new();
        let record = Record::new(0);
        let difference = |tag: &str| {
            let applied = pending.applied(&Scope::Tag(tag.to_owned()), record);
            record.generation.difference(applied.generation)
        };
        assert_eq!(difference("1"), Difference::Same);
        assert!(pending.add(tag(1), false, 5));
        assert_eq!(difference("1"), Difference::Soft);
        assert_eq!(difference("2"), Difference::Same);
        assert!(!pending.add(tag(1), true, 6));
        assert_eq!(difference("1"), Difference::Hard);
        // What is computed now is under the changed generation, and fresh here.
        let applied = pending.applied(&tag(1), record);
        assert_eq!(pending.applied(&tag(1), record), applied);
        let (scope, due) = pending.all().remove(0);
        assert!(pending.told(&scope, due));
        assert_eq!((difference("1"), pending.len()), (Difference::Same, 0));
    }

    #[test]
    fn a_wildcard_is_old_while_a_tag_is_due_that_it_stands_for() {
        let pending = Pending::new();
        let record = Record::new(0);
        let difference = |tag: &str| {
            let applied = pending.applied_to_tag(tag, record);
            record.generation.difference(applied.generation)
        };
        pending.add(Scope::Tag("user:7".into()), false, 5);
        for tag in ["user:7", "user:*", "*"] {
            assert_eq!(difference(tag), Difference::Soft, "{tag}");
        }
        for tag in ["user:8", "book:*", "user:"] {
            assert_eq!(difference(tag), Difference::Same, "{tag}");
        }
    }

    #[test]
    fn one_that_is_asked_for_again_while_it_is_told_stays_due() {
        let pending = Pending::new();
        pending.add(tag(1), true, 5);
        let (scope, due) = pending.all().remove(0);
        pending.add(tag(1), false, 6);
        assert!(!pending.told(&scope, due));
        let (_, again) = pending.all().remove(0);
        assert!(again.is_hard, "a hard one is not forgotten for a soft one");
        assert!(pending.told(&scope, again));
    }

    #[test]
    fn too_many_become_one_for_everything() {
        let pending = Pending::new();
        for number in 0..10 * MAX_SCOPES {
            pending.add(tag(number), number == 3, 5);
            assert!(pending.has(&tag(number)) || pending.has(&Scope::All));
            assert!(pending.len() <= MAX_SCOPES);
        }
        let all = pending.all();
        let everything = all.iter().find(|(scope, _)| *scope == Scope::All);
        assert!(everything.is_some_and(|(_, due)| due.is_hard));
    }
}
