//! What this process knows of the invalidations of programs and of everything.
//!
//! Part of step 1 of a lookup: whether their records have to be read with the entry.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use crate::invalidation::generation::{Generation, Record};
use crate::invalidation::pending::Pending;
use crate::scope::{ALL, Scope, program_key};
use crate::stats::program::ProgramMeter;

/// What this process knows of the generations of programs and of everything.
///
/// Every entry depends on them, and every page would pay for what an operator does once a month if they were read with each
/// lookup. So they are read along with a lookup once a second ([`HOLD_MS`]). A caller that invalidates a program waits for
/// that time, and then all processes know. In a store of this process alone, what is known here is all that there is.
#[derive(Debug)]
pub(crate) struct ProgramGenerations {
    /// Whether only this process can change them.
    is_own: bool,
    /// How often the records have changed, counted under their lock. Never, if nothing was invalidated as far as is known: then no
    /// record has to be read.
    changes: AtomicU64,
    /// What was read before this time is not relied on.
    reread_from_ms: AtomicU64,
    records: RwLock<HashMap<String, Record>>,
}

/// How long a record that was read is relied on.
pub(crate) const HOLD_MS: u64 = 1_000;

impl ProgramGenerations {
    pub(crate) fn new(is_own: bool) -> Self {
        Self {
            is_own,
            changes: AtomicU64::new(0),
            reread_from_ms: AtomicU64::new(0),
            records: RwLock::default(),
        }
    }

    /// Whether the records of the program of `meter` and of everything have to be read (again).
    #[inline]
    pub(crate) fn is_due(&self, meter: &ProgramMeter, now_ms: impl FnOnce() -> u64) -> bool {
        let from_ms = self.reread_from_ms.load(Ordering::Acquire);
        !self.is_own && meter.is_older(HOLD_MS, from_ms, now_ms)
    }

    /// Has every record be read again: another process has changed one. Race: a lookup may have read the records before the
    /// change, and note that only afterwards; it notes the time at which it began.
    pub(crate) fn reread(&self, now_ms: u64) {
        self.reread_from_ms
            .fetch_max(now_ms.saturating_add(1), Ordering::AcqRel);
    }

    /// The generation of `program` and of everything in one, as this process has to see it: with the invalidations that
    /// the store has not accepted yet. `meter` is that of the program.
    #[inline]
    pub(crate) fn of(&self, program: &str, meter: &ProgramMeter, pending: &Pending) -> Generation {
        let changes = self.changes();
        match pending.is_empty() {
            true if changes == 0 => Generation::default(),
            true => match meter.generation(changes) {
                Some(parts) => Generation::of_parts(parts),
                None => self.settled(program, meter, changes),
            },
            false => self.unsettled(program, pending),
        }
    }

    /// The same while no invalidation is pending, noted for the next lookup. What is counted as a change while this reads the
    /// records may be among them already, and is never missing.
    fn settled(&self, program: &str, meter: &ProgramMeter, changes: u64) -> Generation {
        let generation = |key: &str| self.record(key).generation;
        let generation = generation(ALL).and(generation(&program_key(program)));
        meter.note_generation(changes, generation.parts());
        generation
    }

    /// The number of changes of records that this process knows of.
    #[inline]
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn unsettled(&self, program: &str, pending: &Pending) -> Generation {
        let generation = |scope: &Scope| {
            let record = self.record(&scope.record_key());
            pending.applied(scope, record).generation
        };
        generation(&Scope::All).and(generation(&Scope::of_program(program)))
    }

    /// The scope that was invalidated last of those that `program` depends on.
    pub(crate) fn latest(&self, program: &str, pending: &Pending) -> Scope {
        let own = Scope::of_program(program);
        let changed_ms = |scope: &Scope| self.record(&scope.record_key()).changed_ms;
        match () {
            () if pending.has(&own) => own,
            () if pending.has(&Scope::All) => Scope::All,
            () if changed_ms(&own) >= changed_ms(&Scope::All) => own,
            () => Scope::All,
        }
    }

    /// Notes what was read: the record of everything and that of `program`, `None` where there is none. A record that the
    /// store has lost is remembered here, and returned, to be written again.
    pub(crate) fn learn(&self, program: &str, read: [Option<Record>; 2]) -> Vec<(String, Record)> {
        let mut records = self.write();
        let mut lost = Vec::new();
        let keys = [ALL.to_owned(), program_key(program)];
        for (key, record) in keys.into_iter().zip(read) {
            let known = records.get(&key).copied();
            match (record, known) {
                (None, Some(known)) => lost.push((key, known)),
                // A store that was restored from an older state, or a replica that is behind.
                (Some(record), Some(known)) if record.changed_ms < known.changed_ms => {
                    lost.push((key, known));
                }
                (Some(record), known) => {
                    records.insert(key, record);
                    if known != Some(record) {
                        self.changes.fetch_add(1, Ordering::Release);
                    }
                }
                (None, None) => {}
            }
        }
        lost
    }

    /// Notes what this process has changed itself.
    pub(crate) fn set(&self, key: String, record: Record) {
        self.change(key, |_| record);
    }

    /// Changes what is known of the record under `key`.
    pub(crate) fn change(&self, key: String, change: impl FnOnce(Record) -> Record) {
        let mut records = self.write();
        let record = records.entry(key).or_insert(Record::untouched());
        *record = change(*record);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// What is known of the record under `key`.
    pub(crate) fn record(&self, key: &str) -> Record {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.get(key).copied().unwrap_or(Record::untouched())
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Record>> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::generation::Difference;
    use crate::stats::programs::Programs;

    #[test]
    fn a_program_is_old_when_it_or_everything_was_invalidated() {
        let programs = ProgramGenerations::new(true);
        let meters = Programs::new();
        let meter = meters.of("squared");
        let untouched = programs.of("squared", meter, &Pending::new());
        programs.set(
            program_key("other"),
            Record::untouched().invalidated(false, 1),
        );
        assert_eq!(programs.of("squared", meter, &Pending::new()), untouched);
        programs.set(
            program_key("squared"),
            Record::untouched().invalidated(false, 2),
        );
        assert_eq!(
            untouched.difference(programs.of("squared", meter, &Pending::new())),
            Difference::Soft
        );
        assert_eq!(
            programs.latest("squared", &Pending::new()),
            Scope::Program("squared".into())
        );
        programs.set(ALL.into(), Record::untouched().invalidated(true, 3));
        assert_eq!(
            untouched.difference(programs.of("squared", meter, &Pending::new())),
            Difference::Hard
        );
        assert_eq!(programs.latest("squared", &Pending::new()), Scope::All);
    }

    #[test]
    fn what_the_store_has_lost_is_remembered_and_what_is_older_is_not_believed() {
        let programs = ProgramGenerations::new(false);
        let meters = Programs::new();
        let meter = meters.of("squared");
        let older = Record::untouched().invalidated(true, 1);
        let newer = older.invalidated(false, 2);
        assert_eq!(programs.learn("squared", [None, Some(newer)]), []);
        let now = programs.of("squared", meter, &Pending::new());
        let lost = (program_key("squared"), newer);
        let again = || std::slice::from_ref(&lost);
        assert_eq!(programs.learn("squared", [None, None]), again());
        assert_eq!(programs.learn("squared", [None, Some(older)]), again());
        assert_eq!(programs.of("squared", meter, &Pending::new()), now);
    }

    #[test]
    fn what_others_may_change_is_read_once_a_second() {
        let programs = ProgramGenerations::new(false);
        let meters = Programs::new();
        let (squared, other) = (meters.of("squared"), meters.of("other"));
        assert!(programs.is_due(squared, || 10_000));
        squared.note_read(10_000);
        assert!(!programs.is_due(squared, || 10_999));
        assert!(programs.is_due(squared, || 11_000));
        assert!(programs.is_due(other, || 10_000));
        // What a lookup that began before has read since is not relied on.
        programs.reread(10_100);
        assert!(programs.is_due(squared, || 10_100));
        squared.note_read(10_100);
        assert!(programs.is_due(squared, || 10_101));
        squared.note_read(10_101);
        assert!(!programs.is_due(squared, || 10_102));
        assert!(!ProgramGenerations::new(true).is_due(other, || 0));
    }
}
