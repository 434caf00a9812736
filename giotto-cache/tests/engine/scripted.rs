//! A store outside this process that does with each call as its mood is, and caches in front of it and of memory.

use std::collections::HashMap;
use std::future::{Ready, pending, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{Cache, Clock, Error, ErrorKind, Key, KeyValue, LocMemKeyValue, Policy, Result};
use tokio::sync::Semaphore;

use crate::model::Broken;
use crate::world::START_MS;

pub(crate) const HOUR: Policy = Policy::seconds(3600);

pub(crate) const DEADLINE: Duration = Duration::from_millis(100);

pub(crate) fn body(text: &'static str) -> Ready<Result<Bytes, Broken>> {
    ready(Ok(Bytes::from_static(text.as_bytes())))
}

/// A cache in this process's memory, and the clock of both.
pub(crate) fn in_memory() -> (Cache, Clock) {
    let clock = Clock::manual(START_MS);
    let store = LocMemKeyValue::new().clock(clock.clone());
    let cache = Cache::builder(Arc::new(store));
    (cache.clock(clock.clone()).build(), clock)
}

/// A cache in front of a scripted store outside this process, the store, and the clock.
pub(crate) fn scripted() -> (Cache, Arc<Scripted>, Clock) {
    let (clock, store) = (Clock::manual(START_MS), Arc::new(Scripted::default()));
    let cache = Cache::builder(store.clone()).clock(clock.clone());
    (cache.build(), store, clock)
}

pub(crate) fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

/// A store outside this process that keeps its values and does with each call as its mood is.
#[derive(Debug)]
pub(crate) struct Scripted {
    values: Mutex<HashMap<String, Bytes>>,
    moods: Mutex<[Mood; 2]>,
    calls: AtomicUsize,
    pub(crate) permits: Semaphore,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    Works,
    Fails,
    Refuses,
    Hangs,
    Waits,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            values: Mutex::default(),
            moods: Mutex::new([Mood::Works; 2]),
            calls: AtomicUsize::new(0),
            permits: Semaphore::new(0),
        }
    }
}

impl Scripted {
    pub(crate) fn moods(&self, get: Mood, set: Mood) {
        *self.moods.lock().unwrap() = [get, set];
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn value(&self, key: &Key) -> Option<Bytes> {
        self.values.lock().unwrap().get(key.as_str()).cloned()
    }

    pub(crate) fn put(&self, key: &Key, value: impl Into<Bytes>) {
        self.values
            .lock()
            .unwrap()
            .insert(key.to_string(), value.into());
    }

    pub(crate) async fn act(&self, operation: usize) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mood = self.moods.lock().unwrap()[operation];
        match mood {
            Mood::Works => Ok(()),
            Mood::Fails => Err(Error::backend(Broken)),
            Mood::Refuses => Err(Error::new(ErrorKind::TooLarge, "too large")),
            Mood::Hangs => pending().await,
            Mood::Waits => {
                self.permits.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    }
}

#[async_trait]
impl KeyValue for Scripted {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.act(0).await?;
        Ok(self.values.lock().unwrap().get(key).cloned())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.act(0).await?;
        let values = self.values.lock().unwrap();
        Ok(keys.iter().map(|key| values.get(*key).cloned()).collect())
    }

    async fn set(&self, key: &str, value: Bytes, _expire: Option<Duration>) -> Result<()> {
        self.act(1).await?;
        self.values.lock().unwrap().insert(key.to_owned(), value);
        Ok(())
    }
}
