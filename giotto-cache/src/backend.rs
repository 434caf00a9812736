//! A store under one deadline and a breaker: whatever it does, an answer comes in time.
//!
//! Step 2 of a lookup. A call that fails or is late is a miss, counted; after a few of them the store is
//! left alone but for one probe a second.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::breaker::Breaker;
use crate::stats::Stats;
use crate::{Clock, Error, ErrorKind, KeyValue, Place, Result};

#[derive(Debug)]
pub(crate) struct Backend {
    store: Arc<dyn KeyValue>,
    place: Place,
    deadline: Duration,
    clock: Clock,
    stats: Arc<Stats>,
    breaker: Arc<Breaker>,
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
            breaker: Arc::new(Breaker::new("the cache backend")),
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
