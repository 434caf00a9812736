//! A store under one deadline and a breaker: whatever it does, an answer comes in time.
//!
//! Step 2 of a lookup. A call that fails or is late is a miss, counted; after a few of them the store is
//! left alone but for one probe a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
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
    breaker: Arc<Breaker>,
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
    /// Whether the log says that the store fails, so that it must say when it is back.
    told: AtomicBool,
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
            breaker: Arc::default(),
            breaker: Breaker::new("the cache backend"),
        }
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn store(&self) -> &dyn KeyValue {
        &*self.store
    }

    pub(crate) fn share(&self) -> Arc<dyn KeyValue> {
        Arc::clone(&self.store)
    }

    /// What the store has; `None` if it did not answer.
    pub(crate) async fn get(&self, key: &str) -> Option<Option<Bytes>> {
        if let Some(found) = self.store.get_now(key) {
            return Some(found);
        }
        if self.place == Place::Shared && self.breaker.is_open() {
            self.stats.backend_skipped.increase();
            self.probe(key);
            return None;
        }
        self.call("get", self.store.get(key)).await
    }

    /// Whether the store accepted the value.
    pub(crate) async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> bool {
        // The engine alone judges what is fresh. A store in this process has nothing to add to that, and
        // would read the clock a second time in every hit, which is a fifth of what a hit costs.
        let expire = expire.filter(|_| self.place != Place::InProcess);
        self.call("set", self.store.set(key, value, expire))
            .await
            .is_some()
    }

    /// The same value of a store above another, which must forget it after `expire`.
    pub(crate) async fn set_for(&self, key: &str, value: Bytes, expire: Duration) -> bool {
        self.call("set", self.store.set(key, value, Some(expire)))
            .await
            .is_some()
    }

    /// Whether the value was absent and is now stored; `None` if the store did not answer.
    pub(crate) async fn add(
        &self,
        key: &str,
        value: Bytes,
        expire: Option<Duration>,
    ) -> Option<bool> {
        self.call("add", self.store.add(key, value, expire)).await
    }

    async fn call<T>(&self, operation: &str, call: impl Future<Output = Result<T>>) -> Option<T> {
        match self.place {
            Place::InProcess | Place::Nowhere => {
                return call.await.map_err(|error| self.refused(&error)).ok();
            }
            // Its layers count and log what fails.
            Place::Layered => return call.await.ok(),
            Place::Shared if self.breaker.is_open() => {
                self.stats.backend_skipped.increase();
                return None;
            }
            Place::Shared => {}
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

    /// Asks the store whether it is back, once a second, in a task of its own: nobody waits for it.
    fn probe(&self, key: &str) {
        if !self.breaker.is_probe_due(self.clock.now_ms()) {
            return;
        }
        let (store, breaker) = (Arc::clone(&self.store), Arc::clone(&self.breaker));
        let (stats, key) = (Arc::clone(&self.stats), key.to_owned());
        let deadline = self.deadline;
        tokio::spawn(async move {
            match tokio::time::timeout(deadline, store.get(&key)).await {
                Ok(Ok(_)) => breaker.succeeded(),
                _ => stats.backend_errors.increase(),
            }
        });
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
    fn is_open(&self) -> bool {
        self.next_probe_ms.load(Ordering::Acquire) != 0
    }

    /// Whether the caller is the one that may ask whether the store is back: one a second.
    fn is_probe_due(&self, now_ms: u64) -> bool {
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
        let after = now_ms.saturating_add(PROBE_EVERY_MS);
        let claim = || {
            self.next_probe_ms
                .compare_exchange(next, after, Ordering::AcqRel, Ordering::Relaxed)
        };
        next != 0 && now_ms >= next && claim().is_ok()
    }

    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.is_open() {
            self.next_probe_ms.store(0, Ordering::Release);
        }
        if self.told.load(Ordering::Relaxed) && self.told.swap(false, Ordering::Relaxed) {
            tracing::info!("the cache backend is back");
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
        let after = now_ms.saturating_add(PROBE_EVERY_MS);
        let opens = failures >= FAILURES_TO_OPEN
            && self
                .next_probe_ms
                .compare_exchange(0, after, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        // An outage is told once, one failure among many successes once a minute.
        let is_news = self.may_warn(now_ms) || opens;
        if is_news && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the cache backend fails: serving without it until it answers again");
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
    fn a_probe_that_succeeds_closes_the_breaker() {
        let breaker = open_breaker(10_000);
        assert!(breaker.is_probe_due(11_000));
        breaker.succeeded();
        assert!(!breaker.is_open());
        assert!(
            !breaker.is_probe_due(20_000),
            "a closed breaker needs no probe"
        );
    }
}
