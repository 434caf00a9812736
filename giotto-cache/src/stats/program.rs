//! What is counted of one program.
//!
//! Beside every step of a lookup. A hit adds to two counters of one cache line, and compares the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::noted::Noted;
use super::times::{self, Histogram, Times};
use super::{Counter, Counts, Stats};
use crate::key::unescape;
use crate::log::Pace;
use crate::reason::{NotStored, Reason, Staleness};

const MINUTE_MS: u64 = 60_000;
/// How far apart the marks are from which the counts of the last minute are taken.
const MARK_EVERY_MS: u64 = 10_000;
/// What a stored entry says of its cost may be wrong.
const MAX_COST_US: u64 = 3_600_000_000;
const NEVER: u64 = u64::MAX;

/// What one program did since the cache was made.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProgramCounts {
    /// The name of the program; empty for [plain](crate::Key::plain) ones. `(other)` stands for all programs
    /// after the first 1,000.
    pub program: String,
    /// Its counters. Invalidations and calls to the store belong to no program, and are zero here.
    pub counts: Counts,
    /// How long its computations took that have ended, whatever came of them.
    pub model: Times,
    /// The computation time that the answers from the store have saved: for each that no computation was waited for, what its
    /// entry took to compute.
    #[serde(rename = "saved_ms", serialize_with = "times::milliseconds")]
    pub saved: Duration,
    /// Its counters of the last 50 to 60 seconds.
    pub last_minute: Counts,
    /// How long its computations took in that time, all together.
    #[serde(
        rename = "last_minute_model_ms",
        serialize_with = "times::milliseconds"
    )]
    pub last_minute_model: Duration,
}

/// What is counted of one program, and when its record was read.
#[derive(Debug)]
pub(crate) struct ProgramMeter {
    /// Lookups that the first layer answered at once with a fresh entry. They are not counted elsewhere.
    hits_now: Counter,
    saved_us: Counter,
    /// When the next mark is due.
    mark_at_ms: AtomicU64,
    /// When the record of its invalidations was read; [`NEVER`] also if it stands for many programs.
    read_ms: AtomicU64,
    /// Its generation, by how often records had changed.
    generation: Noted,
    name: Box<str>,
    is_of_one: bool,
    pub(crate) stats: Stats,
    pub(crate) model: Histogram,
    marks: Mutex<Vec<Mark>>,
    /// By reason, for the log.
    told: [Pace; NotStored::ALL.len()],
}

/// What had been counted at one moment.
#[derive(Debug)]
struct Mark {
    at_ms: u64,
    counts: Counts,
    model: Duration,
}

impl ProgramMeter {
    pub(super) fn of_one(name: &str) -> Self {
        Self::new(name, true)
    }

    pub(super) fn of_many(name: &str) -> Self {
        Self::new(name, false)
    }

    fn new(name: &str, is_of_one: bool) -> Self {
        Self {
            hits_now: Counter::default(),
            saved_us: Counter::default(),
            mark_at_ms: AtomicU64::new(0),
            read_ms: AtomicU64::new(NEVER),
            generation: Noted::default(),
            name: name.into(),
            is_of_one,
            stats: Stats::default(),
            model: Histogram::of_models(),
            marks: Mutex::default(),
            told: Default::default(),
        }
    }

    #[inline]
    pub(super) fn is_of(&self, program: &str) -> bool {
        *self.name == *program
    }

    /// Counts a lookup that the first layer answered at once, with an entry that took `cost_us` to compute.
    #[inline]
    pub(crate) fn hit_now(&self, cost_us: u64, now_ms: u64) {
        self.mark(now_ms);
        self.hits_now.increase();
        self.saved(cost_us);
    }

    /// The same of a lookup that waited for the store, or whose entry had to be judged.
    #[inline]
    pub(crate) fn hit(&self, cost_us: u64, now_ms: u64) {
        self.mark(now_ms);
        self.stats.hits.increase();
        self.saved(cost_us);
    }

    /// Counts a lookup that was answered by an entry that is not fresh.
    pub(crate) fn served_stale(&self, staleness: Staleness, cost_us: u64, now_ms: u64) {
        self.mark(now_ms);
        self.stats.served_stale(staleness);
        match staleness {
            Staleness::Revalidating | Staleness::Throttled | Staleness::Accepted => {
                self.saved(cost_us);
            }
            // Its caller has waited for a computation.
            Staleness::Failed | Staleness::Late => {}
        }
    }

    /// Counts a lookup that found nothing to serve.
    pub(crate) fn missed(&self, reason: &Reason, now_ms: u64) {
        self.mark(now_ms);
        self.stats.missed(reason);
    }

    /// Whether the log may say that a result is not stored for this reason: once a minute.
    pub(crate) fn may_tell(&self, why: NotStored, now_ms: u64) -> bool {
        self.told[why as usize].allows(now_ms, MINUTE_MS)
    }

    /// Counts an entry that is stored; `is_same` says of the one in whose place it is whether its result was the same.
    pub(crate) fn stored(&self, is_same: Option<bool>) {
        self.stats.stored.increase();
        if let Some(is_same) = is_same {
            self.stats.replaced.increase();
            self.stats.unchanged.add(is_same.into());
        }
    }

    /// Counts computation time that was not spent.
    #[inline]
    fn saved(&self, cost_us: u64) {
        self.saved_us.add(cost_us.min(MAX_COST_US));
    }

    /// Whether its record was last read `age_ms` or longer ago, or before `from_ms`.
    pub(crate) fn is_older(&self, age_ms: u64, from_ms: u64, now_ms: impl FnOnce() -> u64) -> bool {
        let read_ms = self.read_ms.load(Ordering::Acquire);
        read_ms == NEVER || read_ms < from_ms || now_ms().abs_diff(read_ms) >= age_ms
    }

    /// Notes that its record was read.
    pub(crate) fn note_read(&self, now_ms: u64) {
        if self.is_of_one {
            self.read_ms.store(now_ms, Ordering::Release);
        }
    }

    /// What was noted of its generation when records had changed so often.
    #[inline]
    pub(crate) fn generation(&self, changes: u64) -> Option<[u64; 2]> {
        self.generation.at(changes)
    }

    pub(crate) fn note_generation(&self, changes: u64, generation: [u64; 2]) {
        if self.is_of_one {
            self.generation.note(changes, generation);
        }
    }

    /// Before a lookup is counted: marks what was counted until now, once in ten seconds.
    #[inline]
    fn mark(&self, now_ms: u64) {
        if now_ms >= self.mark_at_ms.load(Ordering::Relaxed) {
            self.mark_now(now_ms);
        }
    }

    #[cold]
    fn mark_now(&self, now_ms: u64) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms < self.mark_at_ms.load(Ordering::Relaxed) {
            return;
        }
        marks.retain(|mark| mark.is_of_minute(now_ms));
        marks.push(Mark {
            at_ms: now_ms,
            counts: self.counts(),
            model: self.model.sum(),
        });
        let next = now_ms.saturating_add(MARK_EVERY_MS);
        self.mark_at_ms.store(next, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let counts = self.stats.snapshot();
        Counts {
            hits: counts.hits + self.hits_now.value(),
            ..counts
        }
    }

    pub(super) fn hits_now(&self) -> u64 {
        self.hits_now.value()
    }

    pub(super) fn snapshot(&self, now_ms: u64) -> ProgramCounts {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        // Lookups are marked before they are counted: where there is no mark of the last minute there were none.
        let mark = marks.iter().find(|mark| mark.is_of_minute(now_ms));
        let (counts, model) = (self.counts(), self.model.snapshot());
        let (before, model_before) =
            mark.map_or((counts, model.sum), |mark| (mark.counts, mark.model));
        ProgramCounts {
            program: unescape(&self.name),
            last_minute: counts.since(&before),
            last_minute_model: model.sum.saturating_sub(model_before),
            counts,
            model,
            saved: Duration::from_micros(self.saved_us.value()),
        }
    }
}

impl Mark {
    fn is_of_minute(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) <= MINUTE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_is_that_of_the_clock() {
        let meter = ProgramMeter::of_one("squared");
        let start = 1_700_000_000_000;
        let hits = |now_ms| meter.snapshot(now_ms).last_minute.hits;
        assert_eq!(hits(start), 0);
        for second in 0..300 {
            meter.hit_now(1_000, start + second * 1_000);
        }
        let now = start + 299_000;
        assert!((50..=60).contains(&hits(now)), "{}", hits(now));
        assert!((20..=30).contains(&hits(now + 30_000)));
        assert_eq!(hits(now + 61_000), 0);
        // After a quiet hour, what was before it does not count.
        let later = now + 3_600_000;
        meter.hit(2_000, later);
        meter.missed(&Reason::Expired, later);
        let program = meter.snapshot(later);
        let minute = program.last_minute;
        assert_eq!((minute.hits, minute.misses, minute.expired), (1, 1, 1));
        assert_eq!(program.counts.hits, 301);
        assert_eq!(program.saved, Duration::from_millis(302));
        assert!(meter.marks.lock().unwrap().len() <= 7);
    }

    #[test]
    fn the_record_of_many_programs_is_never_read() {
        let (one, many) = (ProgramMeter::of_one("a"), ProgramMeter::of_many("(other)"));
        for meter in [&one, &many] {
            assert!(meter.is_older(1_000, 0, || 10_000));
            meter.note_read(10_000);
        }
        assert!(!one.is_older(1_000, 0, || 10_999));
        assert!(one.is_older(1_000, 0, || 11_000));
        assert!(!one.is_older(1_000, 10_000, || 10_000));
        assert!(one.is_older(1_000, 10_001, || 10_001));
        assert!(many.is_older(1_000, 0, || 10_000));
    }
}
