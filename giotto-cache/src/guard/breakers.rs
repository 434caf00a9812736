//! The two circuit breakers of a store or a server: one for all calls, one for those that store a value.
//!
//! Part of every call to a store outside this process. A store that is full or locked still reads and removes. A store that
//! does not read is not asked for anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::log::{Cut, Pace};
use crate::stats::layer::Failures;

/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
const PROBE_EVERY_MS: u64 = 1_000;
const WARN_EVERY_MS: u64 = 60_000;
/// The log says that a store is back when it has not failed for this time: a full store accepts a value now and then.
const CALM_MS: u64 = 3_000;
/// A breaker that opens again so soon after it closed has closed too early.
const EARLY_MS: u64 = 60_000;
/// How many calls in a row must succeed at most before the breaker of calls that store closes. A full store accepts a value
/// whenever another one leaves it.
const MAX_NEEDED: u32 = 16;

/// What a call wants, which decides what its outcome shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Find,
    Store,
    /// To store in place of a certain value. An answer does not show that the store has room: if the value is another
    /// one, nothing is stored.
    Replace,
    /// To remove a value. An answer does not show that the store has room, and an error may be about this right alone.
    Remove,
}

impl Want {
    pub(crate) const fn stores(self) -> bool {
        matches!(self, Self::Store | Self::Replace)
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
    failures: Arc<Failures>,
    clock: Clock,
}

impl Breakers {
    /// For the store or server `name`. Failures and skipped calls are counted in `failures`.
    pub(crate) fn new(name: &str, failures: Arc<Failures>, clock: Clock) -> Self {
        Self {
            reads: Breaker::new(name, 1),
            writes: Breaker::new(format!("storing in {name}"), MAX_NEEDED),
            failures,
            clock,
        }
    }

    /// Whether a call may be made. While the store does not accept values, one call a second may try to store.
    pub(crate) fn admit(&self, want: Want) -> Result<(), Skipped> {
        let skipped = match () {
            () if self.reads.is_open() => Skipped::Failing,
            () if want.stores() && !self.writes.lets_through(|| self.clock.now_ms()) => {
                Skipped::Full
            }
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
        let breaker = match want {
            Want::Find => &self.reads,
            Want::Store => &self.writes,
            Want::Replace | Want::Remove => return,
        };
        breaker.succeeded(|| self.clock.now_ms());
    }

    /// Notes that a call failed. If the store is lost, any other call would have failed too.
    pub(crate) fn failed(&self, want: Want, is_lost: bool, error: &Error) {
        self.count_error();
        let now_ms = self.clock.now_ms();
        // One line for one outage.
        match want {
            _ if is_lost || want == Want::Find => {
                let is_told = self.writes.was_told_lately(now_ms);
                self.reads.failed(error, now_ms, is_told);
            }
            Want::Remove => {}
            _ => self.writes.failed(error, now_ms, self.reads.is_told()),
        }
    }

    /// Counts a call that failed without saying anything about the store.
    pub(crate) fn count_error(&self) {
        self.failures.errors.increase();
    }

    /// Whether the one for all calls is open, and whether the one for calls that store a value is.
    pub(crate) fn are_open(&self) -> [bool; 2] {
        [&self.reads, &self.writes].map(Breaker::is_open)
    }

    /// Whether the last calls succeeded.
    pub(crate) fn is_writable(&self) -> bool {
        !self.reads.is_failing() && !self.writes.is_failing()
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
    /// The store or server, for the log.
    name: String,
    failures: AtomicU32,
    /// When the next probe may go out; 0 = the breaker is closed.
    next_probe_ms: AtomicU64,
    /// How many calls have succeeded in a row while it is open, and how many are needed to close it: now and at most.
    successes: AtomicU32,
    needed: AtomicU32,
    max_needed: u32,
    /// When it was closed last; 0 = never.
    closed_ms: AtomicU64,
    warnings: Pace,
    last_failure_ms: AtomicU64,
    /// Whether the log says that the store fails, so that it must say when it is back.
    told: AtomicBool,
    told_ms: AtomicU64,
}

impl Breaker {
    fn new(name: impl Into<String>, max_needed: u32) -> Self {
        Self {
            name: name.into(),
            failures: AtomicU32::new(0),
            next_probe_ms: AtomicU64::new(0),
            successes: AtomicU32::new(0),
            needed: AtomicU32::new(1),
            max_needed,
            closed_ms: AtomicU64::new(0),
            warnings: Pace::default(),
            last_failure_ms: AtomicU64::new(0),
            told: AtomicBool::new(false),
            told_ms: AtomicU64::new(0),
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

    fn succeeded(&self, now_ms: impl FnOnce() -> u64) {
        if !self.is_failing() && !self.is_told() {
            return;
        }
        let (now_ms, needed) = (now_ms(), self.needed.load(Ordering::Relaxed));
        if self.is_open() {
            if self.successes.fetch_add(1, Ordering::Relaxed) + 1 < needed {
                return;
            }
            self.closed_ms.store(now_ms, Ordering::Relaxed);
            self.next_probe_ms.store(0, Ordering::Release);
        }
        self.failures.store(0, Ordering::Relaxed);
        let calm_ms = now_ms.saturating_sub(self.last_failure_ms.load(Ordering::Relaxed));
        let is_calm = calm_ms >= if needed > 1 { EARLY_MS } else { CALM_MS };
        if is_calm && self.told.swap(false, Ordering::Relaxed) {
            tracing::info!(store = self.name, "store is back");
        }
    }

    /// Whether the log has said so a moment ago, so that another breaker of the same store does not repeat it.
    fn was_told_lately(&self, now_ms: u64) -> bool {
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        self.is_told() && now_ms.saturating_sub(told_ms) < CALM_MS
    }

    /// Whether the log says that it fails.
    fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Counts a failure, and logs it unless another breaker of the same store has (`is_told`).
    fn failed(&self, error: &Error, now_ms: u64, is_told: bool) {
        self.last_failure_ms.store(now_ms, Ordering::Relaxed);
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
        // An outage is logged once, single failures among successes once a minute, and no more often that values are refused.
        let is_outage = opens && self.max_needed == 1;
        let is_news = !is_told && (is_outage || self.warnings.allows(now_ms, WARN_EVERY_MS));
        if is_news && !self.told.swap(true, Ordering::Relaxed) {
            self.told_ms.store(now_ms, Ordering::Relaxed);
            let error = Cut(error);
            tracing::warn!(store = self.name, %error, "store fails: requests are served without it until it answers");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_breaker(now_ms: u64) -> Breaker {
        let breaker = Breaker::new("a store", 1);
        for _ in 0..FAILURES_TO_OPEN {
            breaker.failed(&Error::new(ErrorKind::Backend, "down"), now_ms, false);
        }
        breaker
    }

    #[test]
    fn a_few_failures_open_the_breaker_and_one_probe_a_second_goes_out() {
        let breaker = open_breaker(10_000);
        assert!(breaker.is_open());
        assert!(!breaker.is_probe_due(10_999));
        assert!(breaker.is_probe_due(11_000));
        assert!(
            !breaker.is_probe_due(11_000),
            "only one of them is the probe"
        );
        assert!(breaker.is_probe_due(12_000));
    }

    #[test]
    fn what_fails_now_and_then_is_not_told_to_be_back_each_time() {
        let breaker = open_breaker(10_000);
        for now_ms in (11_000..20_000).step_by(1_000) {
            breaker.succeeded(|| now_ms);
            assert!(!breaker.is_open() && breaker.is_told(), "{now_ms}");
            breaker.failed(&Error::new(ErrorKind::Backend, "full"), now_ms, false);
        }
        breaker.succeeded(|| 21_999);
        assert!(breaker.is_told());
        breaker.succeeded(|| 22_000);
        assert!(!breaker.is_told());
    }

    /// One of ten values finds room, which another one has left.
    #[test]
    fn a_full_store_that_accepts_a_value_now_and_then_stays_refused() {
        let breaker = Breaker::new("a store", MAX_NEEDED);
        let full = Error::new(ErrorKind::Backend, "full");
        let (mut changes, mut was_open, mut told) = (0, false, 0);
        for now_ms in (100_000..220_000).step_by(10) {
            if !breaker.lets_through(|| now_ms) {
                continue;
            }
            let was_told = breaker.is_told();
            match now_ms % 1_000 == 0 {
                true => breaker.succeeded(|| now_ms),
                false => breaker.failed(&full, now_ms, false),
            }
            told += u32::from(breaker.is_told() && !was_told);
            changes += u32::from(breaker.is_open() != was_open);
            was_open = breaker.is_open();
        }
        assert!(changes <= 16, "{changes} changes in two minutes");
        assert_eq!(told, 1);
        assert!(breaker.is_told());
        for now_ms in (300_000..320_000).step_by(1_000) {
            breaker.succeeded(|| now_ms);
        }
        assert!(!breaker.is_open() && !breaker.is_failing() && !breaker.is_told());
    }

    #[test]
    fn a_probe_that_succeeds_closes_the_breaker() {
        let breaker = open_breaker(10_000);
        assert!(breaker.is_probe_due(11_000));
        breaker.succeeded(|| 11_000);
        assert!(!breaker.is_open());
        assert!(
            !breaker.is_probe_due(20_000),
            "a closed breaker needs no probe"
        );
    }
}
