//! Stores in layers: this process's memory in front of a shared store.
//!
//! The last step of a lookup: the layers are asked in turn, and the layers above the last one get a copy for a short time.

mod copies;
mod failure;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::failure::{refused, unanswered};
use super::names::names_of;
use super::{KeyValue, Place};
use crate::clock::Clock;
use crate::entry::codec;
use crate::error::Result;
use crate::guard::store::{DEFAULT_DEADLINE, GuardedStore};
use crate::guard::unanswered::Unanswered;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue};
use crate::stats::Counts;
use crate::stats::layer::LayerCounts;

const DEFAULT_REFILL: Duration = Duration::from_secs(5);

/// A [`KeyValue`] of several, the fastest first, the one that all processes share last.
///
/// The last layer keeps a value for its whole life. The layers above keep a copy for at most 5 seconds (see
/// [`refill`](Self::refill)), so that a value that another process deletes or replaces below is soon gone above. `delete`
/// and `clear` go to all layers. A value that is not an [`Entry`](crate::Entry) does not say how long it lives: it is kept
/// in the last layer only, where all processes find the same one. Each layer outside this process has its own deadline and
/// breaker: while the last one is down, the others still answer and still keep computed results.
#[derive(Clone)]
pub struct LayeredKeyValue {
    layers: Arc<[GuardedStore]>,
    settings: Settings,
    /// How often copies were forgotten.
    forgotten: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Settings {
    refill: Duration,
    deadline: Duration,
    clock: Clock,
}

impl LayeredKeyValue {
    /// The `layers`, the fastest first.
    #[must_use]
    pub fn new(layers: Vec<Arc<dyn KeyValue>>) -> Self {
        let settings = Settings {
            refill: DEFAULT_REFILL,
            deadline: DEFAULT_DEADLINE,
            clock: Clock::system(),
        };
        Self::with(layers, settings)
    }

    /// The maximum life of a copy above the last layer; 5 seconds if not set. A page may be served for this time after
    /// another process has deleted it.
    #[must_use]
    pub fn refill(mut self, refill: Duration) -> Self {
        self.settings.refill = refill;
        self
    }

    /// The time limit of a call to a layer outside this process; 100 ms if not set.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        let settings = Settings {
            deadline,
            ..self.settings
        };
        Self::with(
            self.layers.iter().map(GuardedStore::share).collect(),
            settings,
        )
    }

    /// Tells the time by `clock` instead of the machine's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        let settings = Settings {
            clock,
            ..self.settings
        };
        Self::with(
            self.layers.iter().map(GuardedStore::share).collect(),
            settings,
        )
    }

    fn with(layers: Vec<Arc<dyn KeyValue>>, settings: Settings) -> Self {
        let layers = layers
            .into_iter()
            .map(|store| GuardedStore::new(store, settings.deadline, settings.clock.clone()));
        Self {
            layers: layers.collect(),
            settings,
            forgotten: Arc::default(),
        }
    }

    /// The store that all processes share.
    fn last_store(&self) -> Option<&dyn KeyValue> {
        self.layers.last().map(GuardedStore::store)
    }

    /// Runs `operation` on every layer, even if one fails; the last answer, or the first error.
    async fn on_all<'s, T: Default, F>(
        &'s self,
        operation: impl Fn(&'s dyn KeyValue) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut answer = Ok(T::default());
        for layer in &*self.layers {
            let result = operation(layer.store()).await;
            answer = answer.and(result);
        }
        answer
    }
}

impl fmt::Debug for LayeredKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores = self.layers.iter().map(GuardedStore::store);
        f.debug_list().entries(stores).finish()
    }
}

#[async_trait]
impl KeyValue for LayeredKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let found = self.find(&[key]).await?.pop().flatten();
        Ok(found.map(|(_, value)| value))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let found = self.find(keys).await?.into_iter();
        Ok(found.map(|found| Some(found?.1)).collect())
    }

    async fn find(&self, keys: &[&str]) -> Result<Vec<Option<(u8, Bytes)>>> {
        let mut values = vec![None; keys.len()];
        let (mut failed, forgotten) = (false, self.forgotten());
        for (number, layer) in (0..).zip(&*self.layers) {
            let missing: Vec<_> = (0..keys.len()).filter(|at| values[*at].is_none()).collect();
            let asked: Vec<_> = missing.iter().map(|at| keys[*at]).collect();
            let found = match asked[..] {
                [] => break,
                [key] => layer.get(key).await.map(|value| vec![value]),
                _ => layer.get_many(&asked).await,
            };
            let Ok(found) = found else {
                failed = true;
                continue;
            };
            let is_last = usize::from(number) + 1 == self.layers.len();
            for (at, value) in missing.into_iter().zip(found) {
                if let Some(value) = value.as_ref().filter(|_| is_last) {
                    self.refill_all(keys[at], value, forgotten).await;
                }
                values[at] = value.map(|value| (number, value));
            }
        }
        match failed && values.contains(&None) {
            false => Ok(values),
            true => Err(unanswered()),
        }
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let Some((last, above)) = self.layers.split_last() else {
            return Ok(());
        };
        // The shared store first, so that no caller reads above what is not yet below.
        let stored = last.set(key, value.clone(), expire).await;
        if let Err(Unanswered::TooLarge | Unanswered::Rejected) = stored {
            // The old value is removed: it is not the last one set.
            self.forget_above(key).await;
            return Err(refused(stored == Err(Unanswered::TooLarge)));
        }
        let stored = stored.is_ok();
        if codec::keep_until(&value).is_none() {
            self.forget_above(key).await;
            return if stored { Ok(()) } else { Err(unanswered()) };
        }
        let expire = expire.map_or(self.settings.refill, |expire| {
            expire.min(self.settings.refill)
        });
        for layer in above {
            layer.set_for(key, value.clone(), expire).await;
        }
        // The copies are served for a moment all the same, but nothing is stored.
        match stored {
            true => Ok(()),
            false => Err(unanswered()),
        }
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let Some(last) = self.layers.last() else {
            return Ok(true);
        };
        // The shared store decides, and a copy above must not contradict it.
        let added = last.add(key, value, expire).await;
        if added != Ok(false) {
            self.forget_above(key).await;
        }
        added.or(Err(unanswered()))
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let Some(last) = self.layers.last() else {
            return Ok(false);
        };
        let replaced = last.replace(key, old, new, expire).await;
        // A copy above may be the value that was replaced.
        self.forget_above(key).await;
        replaced.or(Err(unanswered()))
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        self.on_all(|store| store.delete(key)).await
    }

    async fn clear(&self) -> Result<()> {
        self.on_all(|store| store.clear()).await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.on_all(|store| store.delete_containing(part)).await
    }

    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        self.on_all(|store| store.delete_scanned(values)).await
    }

    /// Of the last layer, which has everything. Each of the [`layers`](KeyValue::layers) can be asked by itself.
    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        match self.last_store() {
            Some(last) => last.scan(scan).await,
            None => Ok(Scanned::default()),
        }
    }

    async fn syncdb(&self) -> Result<()> {
        self.on_all(|store| store.syncdb()).await
    }

    async fn forget_copies(&self, keys: Option<&[&str]>) {
        self.forget_in_memory(keys).await;
    }

    async fn settle(&self) {
        for layer in &*self.layers {
            layer.store().settle().await;
        }
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.layers
            .first()?
            .store()
            .get_now(key)
            .filter(Option::is_some)
    }

    fn limit_values(&self, bytes: usize) {
        for layer in &*self.layers {
            layer.store().limit_values(bytes);
        }
    }

    fn set_deadline(&self, deadline: Duration) -> bool {
        let mut stores = self.layers.iter().map(GuardedStore::store);
        let is_taken = stores.all(|store| store.set_deadline(deadline));
        if is_taken {
            for layer in &*self.layers {
                layer.deadline.set(deadline);
            }
        }
        is_taken
    }

    fn max_value(&self) -> Option<usize> {
        self.last_store()?.max_value()
    }

    fn is_writable(&self, key: &str) -> bool {
        let last = self.layers.last();
        last.is_none_or(|last| last.is_writable(key))
    }

    fn doubted_before_ms(&self, now_ms: u64) -> u64 {
        let layers = self.layers.iter();
        let doubted = layers.map(|layer| layer.doubted_before_ms(now_ms));
        doubted.max().unwrap_or(0)
    }

    fn is_atomic(&self) -> bool {
        self.last_store().is_some_and(KeyValue::is_atomic)
    }

    fn stored_key(&self, key: &str) -> String {
        let last = self.last_store();
        last.map_or_else(|| key.to_owned(), |last| last.stored_key(key))
    }

    fn layers(&self) -> Vec<&dyn KeyValue> {
        self.layers.iter().map(GuardedStore::store).collect()
    }

    fn counts(&self) -> Counts {
        self.layers.iter().map(GuardedStore::counts).sum()
    }

    fn name(&self) -> &'static str {
        "layers"
    }

    fn layer_counts(&self) -> Vec<LayerCounts> {
        let names = names_of(&self.layers());
        let layers = self.layers.iter().zip(names);
        layers.map(|(layer, name)| layer.counts_as(&name)).collect()
    }

    fn copies_live(&self) -> Duration {
        match self.layers.len() {
            0 | 1 => Duration::ZERO,
            _ => self.settings.refill,
        }
    }

    fn place(&self) -> Place {
        Place::Layered
    }
}
