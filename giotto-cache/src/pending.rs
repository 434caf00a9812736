//! Invalidations that the store has not accepted yet: this process obeys them at once, and retries until the store does.
//!
//! Beside the way of a lookup. Without them a page that was changed while the store was down would be a fresh hit again as
//! soon as the store is back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::generation::{Generation, Record, Scope};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) is_hard: bool,
    /// When it was asked for last, in milliseconds since 1970.
    since_ms: u64,
    /// Differs each time that it is asked for.
    change: Generation,
}

/// What an invalidation has become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) scope: Scope,
    pub(crate) is_hard: bool,
    /// Whether none was due before, so that the task has to be started that retries.
    pub(crate) is_first: bool,
}

impl Due {
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

    /// Takes note of an invalidation.
    pub(crate) fn add(&self, scope: Scope, is_hard: bool, now_ms: u64) -> Added {
        let mut scopes = self.lock();
        let is_first = scopes.is_empty();
        let mut due = Due {
            is_hard,
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
        scopes.insert(scope.clone(), due);
        self.note(&scopes);
        Added {
            scope,
            is_hard: due.is_hard,
            is_first,
        }
    }

    /// All that are due.
    pub(crate) fn all(&self) -> Vec<(Scope, Due)> {
        let scopes = self.lock();
        scopes
            .iter()
            .map(|(scope, due)| (scope.clone(), *due))
            .collect()
    }

    /// Takes note that the store has accepted one of them, unless it was asked for again meanwhile; whether none is left.
    pub(crate) fn told(&self, scope: &Scope, due: Due) -> bool {
        let mut scopes = self.lock();
        if scopes.get(scope) == Some(&due) {
            scopes.remove(scope);
        }
        self.note(&scopes);
        scopes.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        *self.count.borrow()
    }

    /// Returns when none is left.
    pub(crate) async fn ended(&self) {
        let mut count = self.count.subscribe();
        // Only a sender that is gone could fail, and this is one.
        let _ = count.wait_for(|count| *count == 0).await;
    }

    /// The record of `tag` as this process has to see it: `record`, which the store has, with what is due.
    pub(crate) fn applied(&self, tag: &str, record: Option<Record>) -> Option<Record> {
        if !self.has_some.load(Ordering::Acquire) {
            return record;
        }
        let due = self.lock().get(&Scope::Tag(tag.to_owned())).copied();
        match (record, due) {
            (Some(record), Some(due)) => Some(due.applied(record)),
            (record, _) => record,
        }
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
    use crate::generation::Difference;

    fn tag(number: usize) -> Scope {
        Scope::Tag(number.to_string())
    }

    #[test]
    fn what_is_due_makes_the_entries_of_its_tag_old_until_it_is_told() {
        let pending = Pending::new();
        let record = Record::new(0);
        let difference = |tag: &str| {
            let applied = pending.applied(tag, Some(record));
            record.generation.difference(applied.unwrap().generation)
        };
        assert_eq!(difference("1"), Difference::Same);
        assert!(pending.add(tag(1), false, 5).is_first);
        assert_eq!(difference("1"), Difference::Soft);
        assert_eq!(difference("2"), Difference::Same);
        assert_eq!(pending.applied("1", None), None);
        assert!(!pending.add(tag(1), true, 6).is_first);
        assert_eq!(difference("1"), Difference::Hard);
        // What is computed now is under the changed generation, and fresh here.
        let applied = pending.applied("1", Some(record));
        assert_eq!(pending.applied("1", Some(record)), applied);
        let (scope, due) = pending.all().remove(0);
        assert!(pending.told(&scope, due));
        assert_eq!((difference("1"), pending.len()), (Difference::Same, 0));
    }

    #[test]
    fn one_that_is_asked_for_again_while_it_is_told_stays_due() {
        let pending = Pending::new();
        pending.add(tag(1), true, 5);
        let (scope, due) = pending.all().remove(0);
        assert!(pending.add(tag(1), false, 6).is_hard);
        assert!(!pending.told(&scope, due));
        let (_, again) = pending.all().remove(0);
        assert!(again.is_hard, "a hard one is not forgotten for a soft one");
        assert!(pending.told(&scope, again));
    }

    #[test]
    fn too_many_become_one_for_everything() {
        let pending = Pending::new();
        for number in 0..10 * MAX_SCOPES {
            let added = pending.add(tag(number), number == 3, 5);
            assert!(added.scope == tag(number) || added.scope == Scope::All);
            assert!(pending.len() <= MAX_SCOPES);
        }
        let all = pending.all();
        let everything = all.iter().find(|(scope, _)| *scope == Scope::All);
        assert!(everything.is_some_and(|(_, due)| due.is_hard));
    }
}
