//! A circuit breaker: five failures in a row open it, and while it is open one probe a second is made.
//!
//! Part of every call to a store outside this process.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::error::Error;
use crate::log::{Cut, Pace};

/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
const PROBE_EVERY_MS: u64 = 1_000;
const WARN_EVERY_MS: u64 = 60_000;
/// The log says that a store is back when it has not failed for this time: a full store accepts a value now and then.
const CALM_MS: u64 = 3_000;

#[derive(Debug)]
pub(super) struct Breaker {
    /// The store or server, for the log.
    name: String,
    failures: AtomicU32,
    /// When the next probe may go out; 0 = the breaker is closed.
    next_probe_ms: AtomicU64,
    warnings: Pace,
    last_failure_ms: AtomicU64,
    /// Whether the log says that the store fails, so that it must say when it is back.
    told: AtomicBool,
    told_ms: AtomicU64,
}

impl Breaker {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            failures: AtomicU32::new(0),
            next_probe_ms: AtomicU64::new(0),
            warnings: Pace::default(),
            last_failure_ms: AtomicU64::new(0),
            told: AtomicBool::new(false),
            told_ms: AtomicU64::new(0),
        }
    }

    /// Whether a call may be made: every call while the breaker is closed, and the probes.
    pub(super) fn lets_through(&self, now_ms: u64) -> bool {
        !self.is_open() || self.is_probe_due(now_ms)
    }

    pub(super) fn is_open(&self) -> bool {
        self.next_probe_ms.load(Ordering::Acquire) != 0
    }

    /// Whether the caller is the one that sends a probe: one a second while the breaker is open.
    pub(super) fn is_probe_due(&self, now_ms: u64) -> bool {
        let next = self.next_probe_ms.load(Ordering::Acquire);
        let after = now_ms.saturating_add(PROBE_EVERY_MS);
        let claim = || {
            self.next_probe_ms
                .compare_exchange(next, after, Ordering::AcqRel, Ordering::Relaxed)
        };
        next != 0 && now_ms >= next && claim().is_ok()
    }

    /// Whether the last call failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures.load(Ordering::Relaxed) != 0
    }

    pub(super) fn succeeded(&self, now_ms: u64) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.is_open() {
            self.next_probe_ms.store(0, Ordering::Release);
        }
        let last_failure_ms = self.last_failure_ms.load(Ordering::Relaxed);
        let is_calm = || now_ms.saturating_sub(last_failure_ms) >= CALM_MS;
        if self.told.load(Ordering::Relaxed)
            && is_calm()
            && self.told.swap(false, Ordering::Relaxed)
        {
            tracing::info!(store = self.name, "store is back");
        }
    }

    /// Whether the log has said so a moment ago, so that another breaker of the same store does not repeat it.
    pub(super) fn was_told_lately(&self, now_ms: u64) -> bool {
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        self.is_told() && now_ms.saturating_sub(told_ms) < CALM_MS
    }

    /// Whether the log says that it fails.
    pub(super) fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Counts a failure, and logs it unless another breaker of the same store has (`is_told`).
    pub(super) fn failed(&self, error: &Error, now_ms: u64, is_told: bool) {
        self.last_failure_ms.store(now_ms, Ordering::Relaxed);
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
        // An outage is logged once, single failures among successes once a minute.
        let is_news = !is_told && (opens || self.warnings.allows(now_ms, WARN_EVERY_MS));
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
    use crate::error::ErrorKind;

    fn open_breaker(now_ms: u64) -> Breaker {
        let breaker = Breaker::new("a store");
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
            breaker.succeeded(now_ms);
            assert!(!breaker.is_open() && breaker.is_told(), "{now_ms}");
            breaker.failed(&Error::new(ErrorKind::Backend, "full"), now_ms, false);
        }
        breaker.succeeded(21_999);
        assert!(breaker.is_told());
        breaker.succeeded(22_000);
        assert!(!breaker.is_told());
    }

    #[test]
    fn a_probe_that_succeeds_closes_the_breaker() {
        let breaker = open_breaker(10_000);
        assert!(breaker.is_probe_due(11_000));
        breaker.succeeded(11_000);
        assert!(!breaker.is_open());
        assert!(
            !breaker.is_probe_due(20_000),
            "a closed breaker needs no probe"
        );
    }
}
