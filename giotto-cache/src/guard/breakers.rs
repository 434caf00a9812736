//! The circuit breakers of a store or a server: one for all calls, one for those that store a value, and one for entries.
//!
//! Part of every call to a store outside this process. A store that is full or locked still reads and removes. A store that
//! does not read is not asked for anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::outage::Outage;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::stats::layer::Failures;

/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
const PROBE_EVERY_MS: u64 = 1_000;
/// How long what the store had before it was lost is in doubt when it is back: others repeat what they have invalidated
/// meanwhile several times in this time.
const DOUBT_MS: u64 = 1_000;
/// A breaker that opens again so soon after it closed has closed too early.
const EARLY_MS: u64 = 60_000;
/// How many calls in a row must succeed at most before the breaker of calls that store closes. A full store accepts a value
/// whenever another one leaves it.
const MAX_NEEDED: u32 = 16;

/// What a call wants, which decides what its outcome shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Find,
    /// To store an entry.
    Store,
    /// To store a record or a lease, which is small. If that is accepted, an entry may still be refused.
    Add,
    /// To store in place of a certain value. An answer does not show that the store has room: if the value is another
    /// one, nothing is stored.
    Replace,
    /// To remove a value. An answer does not show that the store has room, and an error may be about this right alone.
    Remove,
}

impl Want {
    pub(crate) const fn stores(self) -> bool {
        matches!(self, Self::Store | Self::Add | Self::Replace)
    }
}

/// Why a call is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// The last calls failed.
    Failing,
    /// The last calls that were to store a value failed.
    Full,
}

#[derive(Debug)]
pub(crate) struct Breakers {
    reads: Breaker,
    writes: Breaker,
    /// For entries alone: it closes only when one was stored.
    entries: Breaker,
    reading: Outage,
    storing: Outage,
    failures: Arc<Failures>,
    clock: Clock,
}

impl Breakers {
    /// For the store or server `name`. Failures and skipped calls are counted in `failures`.
    pub(crate) fn new(name: &str, failures: Arc<Failures>, clock: Clock) -> Self {
        Self {
            reads: Breaker::new(1),
            writes: Breaker::new(MAX_NEEDED),
            entries: Breaker::new(MAX_NEEDED),
            reading: Outage::new(name),
            storing: Outage::new(format!("storing in {name}")),
            failures,
            clock,
        }
    }

    /// Whether a call may be made. While the store does not accept values, one call a second may try to store.
    pub(crate) fn admit(&self, want: Want) -> Result<(), Skipped> {
        let now_ms = || self.clock.now_ms();
        let skipped = match () {
            () if self.reads.is_open() => Skipped::Failing,
            () if want.stores() && !self.writes.lets_through(now_ms) => Skipped::Full,
            () if want == Want::Store && !self.entries.lets_through(now_ms) => Skipped::Full,
            () => return Ok(()),
        };
        self.failures.skipped.increase();
        Err(skipped)
    }

    /// Whether the caller is the one that sends a probe: one a second while the store fails.
    pub(crate) fn is_probe_due(&self) -> bool {
        self.reads.is_probe_due(self.clock.now_ms())
    }

    /// Notes that the store found something, or stored a value.
    pub(crate) fn succeeded(&self, want: Want) {
        let (breakers, outage): (&[&Breaker], _) = match want {
            Want::Find => (&[&self.reads], &self.reading),
            Want::Add => (&[&self.writes], &self.storing),
            Want::Store => (&[&self.writes, &self.entries], &self.storing),
            Want::Replace | Want::Remove => return,
        };
        if !outage.is_told() && !breakers.iter().any(|breaker| breaker.is_failing()) {
            return;
        }
        let now_ms = self.clock.now_ms();
        for breaker in breakers {
            breaker.succeeded(now_ms);
        }
        let is_well = match want {
            Want::Find => !self.reads.is_failing(),
            _ => !self.is_refusing(),
        };
        if is_well {
            outage.ended(now_ms);
        }
    }

    /// The time before which an entry was made that is in doubt now: the store was lost a moment ago, so that an invalidation
    /// that another process could not tell it may still be on its way. 0 = none is.
    pub(crate) fn doubted_before_ms(&self, now_ms: u64) -> u64 {
        match self.reads.closed_ms.load(Ordering::Acquire) {
            0 => 0,
            back_ms if now_ms.saturating_sub(back_ms) < DOUBT_MS => back_ms,
            _ => 0,
        }
    }

    /// Notes that a call failed. If the store `is_late` without a value to store, any other call would have been, too.
    pub(crate) fn failed(&self, want: Want, is_late: bool, error: &Error) {
        self.count_error();
        let now_ms = self.clock.now_ms();
        // One line for one outage.
        match want {
            _ if is_late || want == Want::Find => {
                let opens = self.reads.failed(now_ms);
                let is_told = self.storing.was_told_lately(now_ms);
                self.reading.failed(error, now_ms, opens, is_told);
            }
            Want::Remove => {}
            _ => {
                self.writes.failed(now_ms);
                if want == Want::Store {
                    self.entries.failed(now_ms);
                }
                let is_told = self.reading.is_told();
                self.storing.failed(error, now_ms, false, is_told);
            }
        }
    }

    /// Counts a call that failed without saying anything about the store.
    pub(crate) fn count_error(&self) {
        self.failures.errors.increase();
    }

    /// Whether the one for all calls is open, and whether one for calls that store a value is.
    pub(crate) fn are_open(&self) -> [bool; 2] {
        let [writes, entries] = [&self.writes, &self.entries].map(Breaker::is_open);
        [self.reads.is_open(), writes || entries]
    }

    /// Whether the last calls succeeded.
    pub(crate) fn is_writable(&self) -> bool {
        !self.reads.is_failing() && !self.is_refusing()
    }

    fn is_refusing(&self) -> bool {
        self.writes.is_failing() || self.entries.is_failing()
    }
}

/// Whether `error` is about one key or value: the store would accept others.
pub(super) const fn is_of_value(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::TooLarge)
}

/// A circuit breaker: five failures in a row open it, and while it is open one probe a second is made. One that succeeds
/// closes it; if it opens again within a minute, four must succeed in a row, and so on.
#[derive(Debug)]
struct Breaker {
    failures: AtomicU32,
    /// When the next probe may go out; 0 = the breaker is closed.
    next_probe_ms: AtomicU64,
    /// How many calls have succeeded in a row while it is open, and how many are needed to close it: now and at most.
    successes: AtomicU32,
    needed: AtomicU32,
    max_needed: u32,
    /// When it was closed last; 0 = never.
    closed_ms: AtomicU64,
}

impl Breaker {
    const fn new(max_needed: u32) -> Self {
        Self {
            failures: AtomicU32::new(0),
            next_probe_ms: AtomicU64::new(0),
            successes: AtomicU32::new(0),
            needed: AtomicU32::new(1),
            max_needed,
            closed_ms: AtomicU64::new(0),
        }
    }

    /// Whether a call may be made: every call while the breaker is closed, and the probes.
    fn lets_through(&self, now_ms: impl FnOnce() -> u64) -> bool {
        !self.is_open() || self.is_probe_due(now_ms())
    }

    fn is_open(&self) -> bool {
        self.next_probe_ms.load(Ordering::Acquire) != 0
    }

    /// Whether the caller is the one that sends a probe: one a second while the breaker is open.
    fn is_probe_due(&self, now_ms: u64) -> bool {
        let next = self.next_probe_ms.load(Ordering::Acquire);
        let after = now_ms.saturating_add(PROBE_EVERY_MS);
        let claim = || {
            self.next_probe_ms
                .compare_exchange(next, after, Ordering::AcqRel, Ordering::Relaxed)
        };
        next != 0 && now_ms >= next && claim().is_ok()
    }

    /// Whether the last call failed, or the breaker is open.
    fn is_failing(&self) -> bool {
        self.failures.load(Ordering::Relaxed) != 0
    }

    fn succeeded(&self, now_ms: u64) {
        if self.is_open() {
            let successes = self.successes.fetch_add(1, Ordering::Relaxed) + 1;
            if successes < self.needed.load(Ordering::Relaxed) {
                return;
            }
            self.closed_ms.store(now_ms, Ordering::Release);
            self.next_probe_ms.store(0, Ordering::Release);
        }
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Counts a failure; whether it has opened the breaker.
    fn failed(&self, now_ms: u64) -> bool {
        self.successes.store(0, Ordering::Relaxed);
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let after = now_ms.saturating_add(PROBE_EVERY_MS);
        let opens = failures >= FAILURES_TO_OPEN
            && self
                .next_probe_ms
                .compare_exchange(0, after, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        if opens {
            let closed_ms = self.closed_ms.load(Ordering::Relaxed);
            let is_early = closed_ms != 0 && now_ms.saturating_sub(closed_ms) < EARLY_MS;
            let needed = match is_early {
                true => self.needed.load(Ordering::Relaxed).saturating_mul(4),
                false => 1,
            };
            self.needed
                .store(needed.min(self.max_needed), Ordering::Relaxed);
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn failed(breakers: &Breakers, want: Want, times: u32) {
        for _ in 0..times {
            breakers.failed(want, false, &Error::new(ErrorKind::Backend, "down"));
        }
    }

    fn breakers() -> (Breakers, Clock) {
        let clock = Clock::manual(10_000);
        (
            Breakers::new("a store", Arc::default(), clock.clone()),
            clock,
        )
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_few_failures_open_the_breaker_and_one_probe_a_second_goes_out() {
        let (breakers, clock) = breakers();
        failed(&breakers, Want::Find, FAILURES_TO_OPEN);
        assert!(breakers.reads.is_open());
        clock.advance(ms(999));
        assert!(!breakers.is_probe_due());
        clock.advance(ms(1));
        assert!(breakers.is_probe_due());
        assert!(!breakers.is_probe_due(), "only one of them is the probe");
        clock.advance(ms(1_000));
        assert!(breakers.is_probe_due());
        breakers.succeeded(Want::Find);
        assert!(!breakers.reads.is_open());
        clock.advance(ms(9_000));
        assert!(!breakers.is_probe_due(), "a closed breaker needs no probe");
    }

    #[test]
    fn what_fails_now_and_then_is_not_told_to_be_back_each_time() {
        let (breakers, clock) = breakers();
        failed(&breakers, Want::Find, FAILURES_TO_OPEN);
        for _ in 0..9 {
            clock.advance(ms(1_000));
            breakers.succeeded(Want::Find);
            assert!(!breakers.reads.is_open() && breakers.reading.is_told());
            failed(&breakers, Want::Find, 1);
        }
        clock.advance(ms(2_999));
        breakers.succeeded(Want::Find);
        assert!(breakers.reading.is_told());
        clock.advance(ms(1));
        breakers.succeeded(Want::Find);
        assert!(!breakers.reading.is_told());
    }

    /// One of a hundred entries finds room, which another one has left, and every lease does.
    #[test]
    fn a_full_store_that_accepts_an_entry_now_and_then_stays_refused() {
        let (breakers, clock) = breakers();
        let (mut changes, mut told) = (0, 0);
        for entry in 0..12_000 {
            clock.advance(ms(10));
            let before = (breakers.are_open(), breakers.storing.is_told());
            if breakers.admit(Want::Add).is_ok() {
                breakers.succeeded(Want::Add);
            }
            if breakers.admit(Want::Store).is_ok() {
                match entry % 100 {
                    0 => breakers.succeeded(Want::Store),
                    _ => failed(&breakers, Want::Store, 1),
                }
            }
            changes += u32::from(breakers.are_open() != before.0);
            told += u32::from(breakers.storing.is_told() && !before.1);
        }
        assert!(changes <= 16, "{changes} changes in two minutes");
        assert!(told <= 2, "told {told} times in two minutes");
        for _ in 0..20 {
            clock.advance(ms(1_000));
            if breakers.admit(Want::Store).is_ok() {
                breakers.succeeded(Want::Store);
            }
        }
        assert!(breakers.is_writable() && !breakers.storing.is_told());
        assert_eq!(breakers.are_open(), [false; 2]);
    }
}
