//! A store whose leases are held back: every caller has missed before any process may compute.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{KeyValue, Result};
use tokio::sync::Semaphore;

/// The store, to which no lease is added until they are released.
#[derive(Debug)]
pub(crate) struct HeldLeases<S> {
    store: S,
    /// Closed when they are.
    gate: Arc<Semaphore>,
}

impl<S> HeldLeases<S> {
    /// And what is closed to release them.
    pub(crate) fn new(store: S) -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let held = Self {
            store,
            gate: Arc::clone(&gate),
        };
        (held, gate)
    }
}

#[async_trait]
impl<S: KeyValue> KeyValue for HeldLeases<S> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.store.get_many(keys).await
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        self.store.set(key, value, expire).await
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        if key.starts_with("{lease:") {
            let _closed = self.gate.acquire().await;
        }
        self.store.add(key, value, expire).await
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        self.store.replace(key, old, new, expire).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.store.delete(key).await
    }

    fn is_atomic(&self) -> bool {
        self.store.is_atomic()
    }
}
