//! A store that fails, lingers, lies and dies when a test says so.
//!
//! Between the engine and a real store, in tests: steps 1, 4 and 6 of a lookup go wrong here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::engine::lease;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::KeyValue;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue};
use crate::stats::Counts;

/// A [`KeyValue`] in front of another, with faults that are switched while it runs. Cloning it shares it.
///
/// To the cache it is always a store outside this process, whatever is behind it: with a deadline, a breaker and
/// leases. So one [`LocMemKeyValue`](crate::LocMemKeyValue) behind two of them, each with a cache of its own, is
/// as two processes that share a server (see [`another`](Self::another)). It begins without a fault, and which calls
/// a fault hits is the same in every run.
#[derive(Clone, Debug)]
pub struct Chaos {
    store: Arc<dyn KeyValue>,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Debug)]
struct Faults {
    errors: f64,
    delay: Duration,
    corruption: f64,
    is_full: bool,
    life: Life,
    random: fastrand::Rng,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Lives,
    DiesWithLease,
    Dead,
}

impl Chaos {
    /// `store`, without a fault so far.
    #[must_use]
    pub fn new(store: impl KeyValue) -> Self {
        Self::over(Arc::new(store))
    }

    /// The same store as another process sees it, with faults of its own, and none so far.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::over(Arc::clone(&self.store))
    }

    fn over(store: Arc<dyn KeyValue>) -> Self {
        let faults = Faults::none(fastrand::Rng::with_seed(0));
        Self {
            store,
            faults: Arc::new(Mutex::new(faults)),
        }
    }

    /// This part of the calls fails: `0.3` is three of ten, `1.0` all.
    ///
    /// # Panics
    ///
    /// If `part` is not from 0 to 1.
    pub fn errors(&self, part: f64) -> &Self {
        self.change(|faults| faults.errors = checked(part))
    }

    /// Every call takes so much longer, by Tokio's clock.
    pub fn delay(&self, delay: Duration) -> &Self {
        self.change(|faults| faults.delay = delay)
    }

    /// In this part of the values that are read, one byte is another.
    ///
    /// # Panics
    ///
    /// If `part` is not from 0 to 1.
    pub fn corrupt(&self, part: f64) -> &Self {
        self.change(|faults| faults.corruption = checked(part))
    }

    /// Whether the store is full: what needs room fails, and what is stored can be read and removed.
    pub fn full(&self, is_full: bool) -> &Self {
        self.change(|faults| faults.is_full = is_full)
    }

    /// This process dies as soon as it has taken the next lease: nothing that it asks of the store arrives
    /// any more, so that it neither renews the lease nor gives it back.
    pub fn die_with_lease(&self) -> &Self {
        self.change(|faults| faults.life = Life::DiesWithLease)
    }

    /// Draws which calls and values are hit from `seed` from now on; 0 if not set.
    pub fn seed(&self, seed: u64) -> &Self {
        self.change(|faults| faults.random.seed(seed))
    }

    /// Ends all faults.
    pub fn heal(&self) -> &Self {
        self.change(|faults| *faults = Faults::none(faults.random.clone()))
    }

    /// Whether this process has died with a lease.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.lock().life == Life::Dead
    }

    fn change(&self, change: impl FnOnce(&mut Faults)) -> &Self {
        change(&mut self.lock());
        self
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes before every call.
    async fn suffer(&self) -> Result<()> {
        let delay = self.lock().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut faults = self.lock();
        if faults.life == Life::Dead {
            return Err(failed("this process has died"));
        }
        match faults.fails() {
            true => Err(failed("the call fails")),
            false => Ok(()),
        }
    }

    /// What comes before a call that needs room.
    async fn suffer_storing(&self) -> Result<()> {
        self.suffer().await?;
        match self.lock().is_full {
            true => Err(failed("the store is full")),
            false => Ok(()),
        }
    }

    /// `value` as it is read.
    fn read(&self, value: Option<Bytes>) -> Option<Bytes> {
        let value = value?;
        let mut faults = self.lock();
        if value.is_empty() || !faults.corrupts() {
            return Some(value);
        }
        let mut damaged = BytesMut::from(&value[..]);
        damaged[faults.random.usize(..value.len())] ^= faults.random.u8(1..);
        Some(damaged.freeze())
    }

    fn written(&self, key: &str) {
        let mut faults = self.lock();
        if faults.life == Life::DiesWithLease && key.starts_with(lease::PREFIX) {
            faults.life = Life::Dead;
        }
    }
}

impl Faults {
    const fn none(random: fastrand::Rng) -> Self {
        Self {
            errors: 0.0,
            delay: Duration::ZERO,
            corruption: 0.0,
            is_full: false,
            life: Life::Lives,
            random,
        }
    }

    fn fails(&mut self) -> bool {
        self.random.f64() < self.errors
    }

    fn corrupts(&mut self) -> bool {
        self.random.f64() < self.corruption
    }
}

fn checked(part: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&part),
        "{part} is no part: it is a number from 0 to 1, and 0.3 is three of ten"
    );
    part
}

fn failed(what: &str) -> Error {
    Error::new(ErrorKind::Backend, format!("staged by the test: {what}"))
}

#[async_trait]
impl KeyValue for Chaos {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.suffer().await?;
        Ok(self.read(self.store.get(key).await?))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.suffer().await?;
        let values = self.store.get_many(keys).await?;
        Ok(values.into_iter().map(|value| self.read(value)).collect())
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        self.suffer_storing().await?;
        self.store.set(key, value, expire).await?;
        self.written(key);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        self.suffer_storing().await?;
        let added = self.store.add(key, value, expire).await?;
        if added {
            self.written(key);
        }
        Ok(added)
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        match new {
            Some(_) => self.suffer_storing().await?,
            None => self.suffer().await?,
        }
        self.store.replace(key, old, new, expire).await
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.suffer().await?;
        self.store.delete(key).await
    }

    async fn clear(&self) -> Result<()> {
        self.suffer().await?;
        self.store.clear().await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.suffer().await?;
        self.store.delete_containing(part).await
    }

    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        self.suffer().await?;
        self.store.delete_scanned(values).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        self.suffer().await?;
        self.store.scan(scan).await
    }

    async fn syncdb(&self) -> Result<()> {
        self.suffer().await?;
        self.store.syncdb().await
    }

    async fn measure(&self) -> Result<Measure> {
        self.suffer().await?;
        self.store.measure().await
    }

    async fn settle(&self) {
        self.store.settle().await;
    }

    fn counts(&self) -> Counts {
        self.store.counts()
    }

    fn limit_values(&self, bytes: usize) {
        self.store.limit_values(bytes);
    }

    fn max_value(&self) -> Option<usize> {
        self.store.max_value()
    }

    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn is_atomic(&self) -> bool {
        self.store.is_atomic()
    }

    fn stored_key(&self, key: &str) -> String {
        self.store.stored_key(key)
    }
}
