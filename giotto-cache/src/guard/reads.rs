//! The reads of a guarded store, and the hits among them.
//!
//! Step 1 of a lookup.

use bytes::Bytes;

use super::breakers::Want;
use super::store::GuardedStore;
use super::unanswered::Unanswered;
use crate::error::Result;
use crate::keyvalue::Place;
use crate::stats::layer::Operation;

impl GuardedStore {
    /// What the store has, if it can say so at once. A hit is counted by the caller.
    #[inline]
    pub(crate) fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.store.get_now(key)
    }

    /// What the store has of `key`.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, Unanswered> {
        if let Some(found) = self.store.get_now(key) {
            self.count_hit(key, found.as_ref());
            return Ok(found);
        }
        let get = self.store.get(key);
        let found = self.ask(Operation::Get, Want::Find, key, get).await?;
        // Layers count their own hits.
        if self.place != Place::Layered {
            self.count_hit(key, found.as_ref());
        }
        Ok(found)
    }

    /// What the store has of each of `keys`, in their order.
    pub(crate) async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, Unanswered> {
        if let Some(found) = self.get_many_now(keys) {
            return Ok(found);
        }
        let get = self.store.get_many(keys);
        let found = self.ask_for_many(keys, get).await?;
        if self.place != Place::Layered {
            self.count_hits(keys, &found);
        }
        Ok(found)
    }

    /// The same with the number of the layer that had each value.
    pub(crate) async fn find(&self, keys: &[&str]) -> Result<Vec<Option<(u8, Bytes)>>, Unanswered> {
        let first = |found: Vec<Option<Bytes>>| {
            let found = found.into_iter();
            found.map(|value| Some((0, value?))).collect()
        };
        match self.place {
            Place::Layered => match self.get_many_now(keys) {
                Some(found) => Ok(first(found)),
                None => self.ask_for_many(keys, self.store.find(keys)).await,
            },
            _ => self.get_many(keys).await.map(first),
        }
    }

    /// What the store has of `key`, and the number of the layer that had it.
    pub(crate) async fn find_one(&self, key: &str) -> Result<Option<(u8, Bytes)>, Unanswered> {
        match self.place {
            // Boxed, so that the future of a hit without layers stays small.
            Place::Layered => {
                let found = Box::pin(self.find(&[key])).await;
                found.map(|mut found| found.pop().flatten())
            }
            _ => Ok(self.get(key).await?.map(|value| (0, value))),
        }
    }

    /// What the store has of each of `keys`, if it can say so at once.
    fn get_many_now(&self, keys: &[&str]) -> Option<Vec<Option<Bytes>>> {
        let now = keys.iter().map(|key| self.store.get_now(key));
        let found = now.collect::<Option<Vec<_>>>()?;
        self.count_hits(keys, &found);
        Some(found)
    }

    async fn ask_for_many<T>(
        &self,
        keys: &[&str],
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        let probe = keys.first().copied().unwrap_or_default();
        self.ask(Operation::GetMany, Want::Find, probe, call).await
    }

    fn count_hits(&self, keys: &[&str], found: &[Option<Bytes>]) {
        for (key, found) in keys.iter().zip(found) {
            self.count_hit(key, found.as_ref());
        }
    }

    /// Only entries count: the key of a record ends in a brace.
    fn count_hit(&self, key: &str, found: Option<&Bytes>) {
        if found.is_some() && !key.ends_with('}') {
            self.meter.hits.increase();
        }
    }
}
