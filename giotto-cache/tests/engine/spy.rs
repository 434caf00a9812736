//! A store outside this process that writes down what it is asked, and lets a test act between two calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use giotto_cache::{Error, ErrorKind, KeyValue, LocMemKeyValue, Result};
use tokio::sync::Semaphore;

/// One process's way to a store.
#[derive(Clone, Debug)]
pub(crate) struct Spy {
    pub(crate) store: LocMemKeyValue,
    shared: Arc<Shared>,
    is_atomic: bool,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    failing: Mutex<Option<&'static str>>,
    stop: Mutex<Option<Stop>>,
}

/// What was asked: the operation, and the key, or all keys with spaces between them.
pub(crate) type Call = (&'static str, String);

/// The call that waits, counted from 0, before or after the store has answered.
#[derive(Debug)]
struct Stop {
    left: usize,
    is_after: bool,
    standstill: Standstill,
}

/// Where a process stands still until the test has it go on.
#[derive(Clone, Debug)]
pub(crate) struct Standstill {
    reached: Arc<Semaphore>,
    goes_on: Arc<Semaphore>,
}

impl Standstill {
    pub(crate) fn new() -> Self {
        let [reached, goes_on] = [0; 2].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { reached, goes_on }
    }

    /// Stands still.
    pub(crate) async fn stand(&self) {
        self.reached.add_permits(1);
        self.goes_on.acquire().await.unwrap().forget();
    }

    /// Returns once the process stands still.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    pub(crate) fn end(&self) {
        self.goes_on.add_permits(1);
    }
}

impl Spy {
    pub(crate) fn new(store: LocMemKeyValue) -> Self {
        Self {
            store,
            shared: Arc::default(),
            is_atomic: true,
        }
    }

    /// Another process's way to the same store.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.store.clone())
    }

    /// The same as a custom store, whose `add` and `replace` get first and then set.
    pub(crate) fn without_atomic_add(self) -> Self {
        Self {
            is_atomic: false,
            ..self
        }
    }

    /// What was asked since this was called last.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }

    /// Has calls of `operation` fail, or none.
    pub(crate) fn failing(&self, operation: Option<&'static str>) {
        *self.shared.failing.lock().unwrap() = operation;
    }

    /// Has the process stand still in its call of this number from now, counted from 0.
    pub(crate) fn stand_still(&self, number: usize, is_after: bool) -> Standstill {
        let standstill = Standstill::new();
        *self.shared.stop.lock().unwrap() = Some(Stop {
            left: number,
            is_after,
            standstill: standstill.clone(),
        });
        standstill
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        keys: &str,
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let call = (operation, keys.to_owned());
        self.shared.calls.lock().unwrap().push(call);
        if *self.shared.failing.lock().unwrap() == Some(operation) {
            return Err(Error::new(ErrorKind::Backend, "staged"));
        }
        let Some(stop) = self.stops_now() else {
            return answer.await;
        };
        if !stop.is_after {
            stop.standstill.stand().await;
        }
        let answer = answer.await;
        if stop.is_after {
            stop.standstill.stand().await;
        }
        answer
    }

    fn stops_now(&self) -> Option<Stop> {
        let mut stop = self.shared.stop.lock().unwrap();
        match stop.as_mut()?.left.checked_sub(1) {
            Some(left) => {
                stop.as_mut()?.left = left;
                None
            }
            None => stop.take(),
        }
    }
}

#[async_trait]
impl KeyValue for Spy {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.call("get", key, self.store.get(key)).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let all = keys.join(" ");
        self.call("get_many", &all, self.store.get_many(keys)).await
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let set = self.store.set(key, value, expire);
        self.call("set", key, set).await
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let add = self.store.add(key, value, expire);
        self.call("add", key, add).await
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let replace = self.store.replace(key, old, new, expire);
        self.call("replace", key, replace).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.call("delete", key, self.store.delete(key)).await
    }

    fn is_atomic(&self) -> bool {
        self.is_atomic
    }
}
