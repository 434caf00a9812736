//! A store on a machine under load: what it gives up after a wait is asked again.
//!
//! A store gives up a call that its server has not answered for a while, as it must. On a machine that is busy with
//! something else an honest server may be that late. A call that fails sooner is not repeated, nor is one that may have
//! changed something and would not do the same again.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{KeyValue, Result, Scan, Scanned};

/// For so long a call is repeated.
const PATIENCE: Duration = Duration::from_secs(120);

/// The store, and the time after which it gives up a call.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    pub(crate) store: S,
    pub(crate) gives_up_after: Duration,
}

impl<S> Patient<S> {
    async fn in_the_end<F, T>(&self, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let answer = call().await;
            let is_late = asked.elapsed() >= self.gives_up_after && begun.elapsed() < PATIENCE;
            if answer.is_ok() || !is_late {
                return answer;
            }
        }
    }
}

#[async_trait]
impl<S: KeyValue> KeyValue for Patient<S> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.in_the_end(|| self.store.get(key)).await
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.store.get_now(key)
    }

    /// Of several servers, those that answer have their values returned. Absent values of a late answer may be those of a server
    /// that was given up.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let get = async || {
            let asked = Instant::now();
            let values = self.store.get_many(keys).await?;
            let is_whole =
                asked.elapsed() < self.gives_up_after || values.iter().all(Option::is_some);
            Ok((values, is_whole))
        };
        let begun = Instant::now();
        loop {
            let (values, is_whole) = self.in_the_end(get).await?;
            if is_whole || begun.elapsed() > PATIENCE {
                return Ok(values);
            }
        }
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let set = || self.store.set(key, value.clone(), expire);
        self.in_the_end(set).await
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
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

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        self.in_the_end(async || self.store.scan(scan).await).await
    }

    async fn clear(&self) -> Result<()> {
        self.in_the_end(|| self.store.clear()).await
    }
}
