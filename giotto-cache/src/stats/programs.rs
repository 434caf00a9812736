//! The programs that are told apart in the counters.
//!
//! Step 1 of a lookup finds the meter of its program here, without a lock.

use std::sync::{Mutex, OnceLock, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::Counts;
use super::program::{ProgramCounts, ProgramMeter};

/// How many programs are told apart. What asks the cache may invent names.
const MAX_PROGRAMS: usize = 1_000;
/// A power of two that leaves half of them free, so that a search soon ends.
const SLOTS: usize = 2_048;
/// What all other programs are called. No key has this text for a program: it would be escaped.
const OTHER: &str = "(other)";

/// The meters of programs: a hash table with open addressing, from which nothing is removed.
pub(crate) struct Programs {
    slots: Box<[OnceLock<Box<ProgramMeter>>]>,
    known: Mutex<usize>,
    other: ProgramMeter,
}

impl Programs {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| OnceLock::new()).collect(),
            known: Mutex::new(0),
            other: ProgramMeter::of_many(OTHER),
        }
    }

    /// The meter of `program`.
    #[inline]
    pub(crate) fn of(&self, program: &str) -> &ProgramMeter {
        match self.find(program) {
            (_, Some(meter)) => meter,
            (at, None) => self.begin(program, at),
        }
    }

    /// The number of the meter of `program`, by which it is [found](Self::numbered) without its name; `None` if it has none of its
    /// own.
    #[cfg(feature = "functions")]
    pub(crate) fn number_of(&self, program: &str) -> Option<usize> {
        let (at, meter) = self.find(program);
        meter.map(|_| at)
    }

    /// The meter of this number.
    #[cfg(feature = "functions")]
    #[inline]
    pub(crate) fn numbered(&self, number: usize) -> Option<&ProgramMeter> {
        self.slots.get(number)?.get().map(AsRef::as_ref)
    }

    /// Where the meter of `program` is, or would be, and the meter if there is one.
    #[inline]
    fn find(&self, program: &str) -> (usize, Option<&ProgramMeter>) {
        let mut at = xxh3_64(program.as_bytes()) as usize;
        loop {
            at %= SLOTS;
            match self.slots[at].get() {
                Some(meter) if meter.is_of(program) => return (at, Some(meter)),
                Some(_) => at += 1,
                None => return (at, None),
            }
        }
    }

    /// The meter of a program that has none yet: the first free slot is at `at` or, if another caller was faster, after it.
    #[cold]
    fn begin(&self, program: &str, mut at: usize) -> &ProgramMeter {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(meter) = self.slots[at].get() {
            if meter.is_of(program) {
                return meter;
            }
            at = (at + 1) % SLOTS;
        }
        if *known >= MAX_PROGRAMS {
            return &self.other;
        }
        *known += 1;
        self.slots[at].get_or_init(|| Box::new(ProgramMeter::of_one(program)))
    }

    fn all(&self) -> impl Iterator<Item = &ProgramMeter> {
        let told_apart = self.slots.iter().filter_map(OnceLock::get);
        told_apart.map(AsRef::as_ref).chain([&self.other])
    }

    /// What was counted of all programs together.
    pub(crate) fn counts(&self) -> Counts {
        self.all().map(ProgramMeter::counts).sum()
    }

    /// How many lookups the first layer answered at once.
    pub(crate) fn hits_now(&self) -> u64 {
        self.all().map(ProgramMeter::hits_now).sum()
    }

    /// What was counted of each program that was asked for, in the order of their names.
    pub(crate) fn snapshot(&self, now_ms: u64) -> Vec<ProgramCounts> {
        let all = self.all().map(|meter| meter.snapshot(now_ms));
        let mut programs: Vec<_> = all
            .filter(|program| program.counts != Counts::default())
            .collect();
        programs.sort_unstable_by(|one, other| one.program.cmp(&other.program));
        programs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_programs_are_told_apart_and_the_others_are_one() {
        let programs = Programs::new();
        for _ in 0..2 {
            for number in 0..3 * MAX_PROGRAMS {
                programs.of(&number.to_string()).hit_now(1, 1);
            }
        }
        let counts = programs.snapshot(1);
        assert_eq!(counts.len(), MAX_PROGRAMS + 1);
        assert_eq!(counts[0].program, OTHER);
        assert_eq!(counts[0].counts.hits, 4 * MAX_PROGRAMS as u64);
        assert!(counts[1..].iter().all(|program| program.counts.hits == 2));
        assert_eq!(programs.counts().hits, 6 * MAX_PROGRAMS as u64);
    }

    #[test]
    fn callers_that_begin_at_once_share_the_meters() {
        let programs = Programs::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..500 {
                        programs.of(&format!("program {number}")).hit_now(1, 1);
                    }
                });
            }
        });
        let counts = programs.snapshot(1);
        assert_eq!(counts.len(), 500);
        assert!(counts.iter().all(|program| program.counts.hits == 4));
    }
}
