//! A store under one deadline and a breaker: whatever it does, an answer comes in time.
//!
//! Step 2 of a lookup. A call that fails or is late is a miss, counted; after a few of them the store is
//! left alone but for one probe a second.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::breaker::Breaker;
use crate::in_time::in_time;
use crate::stats::Stats;
use crate::{Clock, Error, ErrorKind, KeyValue, Place, Result, entry};

/// Of one call to a store outside this process, if nothing else is said.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Backend {
    store: Arc<dyn KeyValue>,
    place: Place,
    deadline: Duration,
    clock: Clock,
    stats: Arc<Stats>,
    reads: Arc<Breaker>,
    /// Of its own, because a store that is full or locked still answers reads.
    writes: Breaker,
}

/// Why a store gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It failed, or refused what it was given.
    Failed,
    /// It did not answer within the deadline.
    Late,
    /// It was not asked: it failed a few times in a row.
    Skipped,
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
            reads: Arc::new(Breaker::new("the cache backend")),
            writes: Breaker::new("storing in the cache backend"),
        }
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn store(&self) -> &dyn KeyValue {
        &*self.store
    }

    pub(crate) fn share(&self) -> Arc<dyn KeyValue> {
        Arc::clone(&self.store)
    }

    /// What the store has, if it can say so at once.
    pub(crate) fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.store.get_now(key)
    }

    /// What the store has of `key`.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, Unanswered> {
        if let Some(found) = self.store.get_now(key) {
            return Ok(found);
        }
        self.read("get", key, self.store.get(key)).await
    }

    /// What the store has of each of `keys`, in their order.
    pub(crate) async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, Unanswered> {
        let now = keys.iter().map(|key| self.store.get_now(key));
        if let Some(found) = now.collect() {
            return Ok(found);
        }
        let probe = keys.first().copied().unwrap_or_default();
        self.read("get_many", probe, self.store.get_many(keys))
            .await
    }

    /// Whether the store accepted the value.
    pub(crate) async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> bool {
        // The engine alone judges whether an entry is fresh. A store in this process has nothing to add to that,
        // and would read the clock a second time in every hit, which is a fifth of what a hit costs.
        let is_judged = self.place == Place::InProcess && entry::keep_until(&value).is_some();
        let expire = expire.filter(|_| !is_judged);
        let set = self.store.set(key, value, expire);
        self.write("set", set).await.is_ok()
    }

    /// The same value of a store above another, which must forget it after `expire`.
    pub(crate) async fn set_for(&self, key: &str, value: Bytes, expire: Duration) -> bool {
        let set = self.store.set(key, value, Some(expire));
        self.write("set", set).await.is_ok()
    }

    /// Whether the value was absent and is now stored.
    pub(crate) async fn add(
        &self,
        key: &str,
        value: Bytes,
        expire: Option<Duration>,
    ) -> Result<bool, Unanswered> {
        self.write("add", self.store.add(key, value, expire)).await
    }

    /// Whether the value was `old` and is now `new`, or removed if that is `None`.
    pub(crate) async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool, Unanswered> {
        let replace = self.store.replace(key, old, new, expire);
        self.write("replace", replace).await
    }

    /// Whether the key was there and is now removed.
    pub(crate) async fn delete(&self, key: &str) -> Result<bool, Unanswered> {
        self.write("delete", self.store.delete(key)).await
    }

    /// Whether a value that is handed over now will be tried to be stored.
    pub(crate) fn is_writable(&self) -> bool {
        !self.reads.is_open() && !self.writes.is_open()
    }

    /// A store that failed a few times in a row is not asked by the caller, but by a probe for `key`.
    async fn read<T>(
        &self,
        operation: &str,
        key: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        if self.place == Place::Shared && self.reads.is_open() {
            self.stats.backend_skipped.increase();
            self.probe(key);
            return Err(Unanswered::Skipped);
        }
        self.call(operation, &self.reads, call).await
    }

    /// Nobody waits for a write, so that one a second is the probe of a store that does not take any. A store
    /// that does not even answer reads is left alone.
    async fn write<T>(
        &self,
        operation: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        let may_call = || {
            let now_ms = self.clock.now_ms();
            !self.reads.is_open() && self.writes.lets_through(now_ms)
        };
        if self.place == Place::Shared && !may_call() {
            self.stats.backend_skipped.increase();
            return Err(Unanswered::Skipped);
        }
        self.call(operation, &self.writes, call).await
    }

    async fn call<T>(
        &self,
        operation: &str,
        breaker: &Breaker,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        match self.place {
            Place::InProcess | Place::Nowhere => {
                let refused = |error| self.refused(&error);
                return call.await.map_err(refused).or(Err(Unanswered::Failed));
            }
            // Its layers count and log what fails.
            Place::Layered => return call.await.or(Err(Unanswered::Failed)),
            Place::Shared => {}
        }
        let (error, unanswered) = match in_time(self.deadline, call).await {
            Some(Ok(value)) => {
                breaker.succeeded();
                return Ok(value);
            }
            Some(Err(error)) => (error, Unanswered::Failed),
            None => (self.too_late(operation), Unanswered::Late),
        };
        match error.kind() {
            ErrorKind::TooLarge | ErrorKind::Rejected => {
                breaker.succeeded();
                self.refused(&error);
            }
            // The store as a whole is well.
            ErrorKind::ServerLost => return Err(Unanswered::Skipped),
            _ => {
                self.stats.backend_errors.increase();
                // One line for one outage.
                let is_told = self.reads.is_told() || self.writes.is_told();
                breaker.failed(&error, self.clock.now_ms(), is_told);
            }
        }
        Err(unanswered)
    }

    /// Asks the store whether it is back, once a second, in a task of its own: nobody waits for it.
    fn probe(&self, key: &str) {
        if !self.reads.is_probe_due(self.clock.now_ms()) {
            return;
        }
        let (store, breaker) = (Arc::clone(&self.store), Arc::clone(&self.reads));
        let (stats, key) = (Arc::clone(&self.stats), key.to_owned());
        let deadline = self.deadline;
        tokio::spawn(async move {
            match in_time(deadline, store.get(&key)).await {
                Some(Ok(_)) => breaker.succeeded(),
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;

    use super::*;
    use crate::LocMemKeyValue;

    /// A store that fails, or hangs.
    #[derive(Debug)]
    struct Lost {
        hangs: bool,
    }

    #[async_trait]
    impl KeyValue for Lost {
        async fn get(&self, _: &str) -> Result<Option<Bytes>> {
            if self.hangs {
                pending::<()>().await;
            }
            Err(Error::new(ErrorKind::Backend, "it is down"))
        }

        async fn set(&self, key: &str, _: Bytes, _: Option<Duration>) -> Result<()> {
            self.get(key).await.map(drop)
        }

        async fn delete(&self, key: &str) -> Result<bool> {
            self.get(key).await.map(|_| true)
        }
    }

    fn backend(store: impl KeyValue) -> Backend {
        let deadline = Duration::from_millis(100);
        Backend::new(Arc::new(store), deadline, Clock::manual(0), Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_or_is_late_is_soon_not_asked() {
        for (hangs, reason) in [(false, Unanswered::Failed), (true, Unanswered::Late)] {
            let lost = backend(Lost { hangs });
            for expected in [vec![reason; 5], vec![Unanswered::Skipped; 2]].concat() {
                assert_eq!(lost.delete("key").await, Err(expected));
            }
            assert_eq!(
                lost.replace("key", b"", None, None).await,
                Err(Unanswered::Skipped)
            );
            // Writes have a breaker of their own.
            for expected in [vec![reason; 5], vec![Unanswered::Skipped; 2]].concat() {
                assert_eq!(lost.get_many(&["key", "other"]).await, Err(expected));
            }
            assert_eq!(lost.get("key").await, Err(Unanswered::Skipped));
            let counts = lost.stats.snapshot();
            assert_eq!((counts.backend_errors, counts.backend_skipped), (10, 6));
        }
    }

    #[tokio::test]
    async fn many_are_answered_at_once_by_a_store_that_can() {
        #[derive(Debug)]
        struct Now(LocMemKeyValue);

        #[async_trait]
        impl KeyValue for Now {
            async fn get(&self, _: &str) -> Result<Option<Bytes>> {
                pending().await
            }

            async fn set(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<()> {
                self.0.set(key, value, None).await
            }

            fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
                self.0.get_now(key).filter(|_| key != "slow")
            }
        }

        let store = backend(Now(LocMemKeyValue::new()));
        assert!(store.set("key", "value".into(), None).await);
        let found = store.get_many(&["absent", "key"]).await;
        assert_eq!(found, Ok(vec![None, Some("value".into())]));
        assert_eq!(store.get_many(&[]).await, Ok(vec![]));
        assert_eq!(
            store.get_many(&["key", "slow"]).await,
            Err(Unanswered::Late)
        );
    }
}
