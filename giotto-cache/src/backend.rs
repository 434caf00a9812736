//! A store under one deadline and a breaker: whatever it does, an answer comes in time.
//!
//! Step 2 of a lookup. A call that fails or is late is a miss, counted; after a few of them the store is
//! left alone but for one probe a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::stats::Stats;
use crate::{Clock, Error, ErrorKind, KeyValue, Place, Result};

/// So many failures in a row open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
const PROBE_EVERY_MS: u64 = 1_000;
const WARN_EVERY_MS: u64 = 60_000;

#[derive(Debug)]
pub(crate) struct Backend {
    store: Arc<dyn KeyValue>,
    place: Place,
    deadline: Duration,
    clock: Clock,
    stats: Arc<Stats>,
    breaker: Breaker,
}

/// Leaves alone what failed a few times in a row, but for one probe a second.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// What it stands in front of, for the log.
    name: String,
    failures: AtomicU32,
    /// When the next probe may go out; 0 = the breaker is closed.
    next_probe_ms: AtomicU64,
    next_warning_ms: AtomicU64,
}

impl Backend {
    pub(crate) fn new(
        store: Arc<dyn KeyValue>,
        deadline: Duration,
        clock: Clock,
        stats: Arc<Stats>,
    ) -> Self {
        let place = store.place();
        Self {
            store,
            place,
            deadline,
            clock,
            stats,
            breaker: Breaker::new("the cache backend"),
        }
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn store(&self) -> &dyn KeyValue {
        &*self.store
    }

    /// What the store has; `None` if it did not answer.
    pub(crate) async fn get(&self, key: &str) -> Option<Option<Bytes>> {
        match self.store.get_now(key) {
            Some(found) => Some(found),
            None => self.call("get", self.store.get(key)).await,
        }
    }

    /// Whether the store accepted the value.
    pub(crate) async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> bool {
        // The engine alone judges what is fresh. A store in this process has nothing to add to that, and
        // would read the clock a second time in every hit, which is a fifth of what a hit costs.
        let expire = expire.filter(|_| self.place == Place::Shared);
        self.call("set", self.store.set(key, value, expire))
            .await
            .is_some()
    }

    async fn call<T>(&self, operation: &str, call: impl Future<Output = Result<T>>) -> Option<T> {
        if self.place != Place::Shared {
            return call.await.map_err(|error| self.refused(&error)).ok();
        }
        if !self.breaker.lets_through(self.clock.now_ms()) {
            self.stats.backend_skipped.increase();
            return None;
        }
        let result = tokio::time::timeout(self.deadline, call).await;
        match result.unwrap_or_else(|_| Err(self.too_late(operation))) {
            Ok(value) => {
                self.breaker.succeeded();
                Some(value)
            }
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                self.breaker.succeeded();
                self.refused(&error);
                None
            }
            Err(error) => {
                self.stats.backend_errors.increase();
                self.breaker.failed(&error, self.clock.now_ms());
                None
            }
        }
    }

    fn refused(&self, error: &Error) {
        tracing::debug!(%error, "the cache backend refused a value");
        match error.kind() {
            ErrorKind::TooLarge => self.stats.too_large.increase(),
            _ => self.stats.backend_errors.increase(),
        }
    }

    fn too_late(&self, operation: &str) -> Error {
        let message = format!(
            "the cache backend did not answer a {operation} within {:?}",
            self.deadline
        );
        Error::new(ErrorKind::Backend, message)
    }
}

impl Breaker {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            failures: AtomicU32::new(0),
            next_probe_ms: AtomicU64::new(0),
            next_warning_ms: AtomicU64::new(0),
        }
    }

    /// Whether a call may go out; while the breaker is open, one caller a second is let through as a probe.
    pub(crate) fn lets_through(&self, now_ms: u64) -> bool {
        let next = self.next_probe_ms.load(Ordering::Acquire);
        let probe = || {
            let after = now_ms.saturating_add(PROBE_EVERY_MS);
            self.next_probe_ms
                .compare_exchange(next, after, Ordering::AcqRel, Ordering::Relaxed)
        };
        next == 0 || (now_ms >= next && probe().is_ok())
    }

    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.next_probe_ms.load(Ordering::Acquire) != 0
            && self.next_probe_ms.swap(0, Ordering::AcqRel) != 0
        {
            tracing::info!("{} is back", self.name);
        }
    }

    pub(crate) fn failed(&self, error: &Error, now_ms: u64) {
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let open = now_ms.saturating_add(PROBE_EVERY_MS);
        let opens = failures >= FAILURES_TO_OPEN
            && self
                .next_probe_ms
                .compare_exchange(0, open, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        if opens {
            tracing::warn!(%error, "{} is down: serving without it, trying it once a second", self.name);
        } else if self.may_warn(now_ms) {
            tracing::warn!(%error, "{} failed: this counts as a miss", self.name);
        }
    }

    fn may_warn(&self, now_ms: u64) -> bool {
        let next = self.next_warning_ms.load(Ordering::Relaxed);
        let after = now_ms.saturating_add(WARN_EVERY_MS);
        let claim = || {
            self.next_warning_ms
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
        };
        now_ms >= next && claim().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_breaker(now_ms: u64) -> Breaker {
        let breaker = Breaker::new("a store");
        for _ in 0..FAILURES_TO_OPEN {
            breaker.failed(&Error::new(ErrorKind::Backend, "down"), now_ms);
        }
        breaker
    }

    #[test]
    fn a_few_failures_open_the_breaker_and_one_probe_a_second_goes_out() {
        let breaker = open_breaker(10_000);
        assert!(!breaker.lets_through(10_999));
        assert!(breaker.lets_through(11_000));
        assert!(
            !breaker.lets_through(11_000),
            "only one of them is the probe"
        );
        assert!(breaker.lets_through(12_000));
    }

    #[test]
    fn a_probe_that_succeeds_closes_the_breaker() {
        let breaker = open_breaker(10_000);
        assert!(breaker.lets_through(11_000));
        breaker.succeeded();
        assert!(breaker.lets_through(11_001));
        assert!(breaker.lets_through(11_001));
    }
}
