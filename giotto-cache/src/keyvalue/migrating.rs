//! A store that is being replaced by another, while processes go on.
//!
//! The last step of a lookup: the new store is asked first, then the old one; what is written goes to the new one. Some
//! processes may still use the old store alone, so a record of what was invalidated is kept in both, and the one that was
//! changed last counts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes};

use super::{KeyValue, Place};
use crate::error::Result;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue, foreign_cursor};
use crate::stats::Counts;

/// In front of a cursor, the store that it is of.
const NEW: &str = "new:";
const OLD: &str = "old:";

/// Where the moment of its last change stands in a record (`invalidation/generation.rs`).
const CHANGED_MS: usize = 20;

/// A [`KeyValue`] of two: the old store, which is read where the new one has nothing, and the new one, which is written.
///
/// Use it while a deployment moves from one store to another, after or before [`copy_to`](crate::Cache::copy_to). A value that
/// is written to the new store is removed from the old one, so that it does not come back when the new one is gone.
/// Invalidations go to both, and those of processes that still use the old store alone are seen. Leases are in the new store.
/// If either store does not answer, the call fails: the other one alone may have an older page.
#[derive(Clone)]
pub struct MigratingKeyValue {
    old: Arc<dyn KeyValue>,
    new: Arc<dyn KeyValue>,
}

impl MigratingKeyValue {
    /// From the `old` store to the `new` one. Both are outside this process.
    #[must_use]
    pub fn new(old: Arc<dyn KeyValue>, new: Arc<dyn KeyValue>) -> Self {
        Self { old, new }
    }

    /// What counts of a record: the one that was changed last.
    async fn record(&self, key: &str) -> Result<Record> {
        let (new, old) = (self.new.get(key).await?, self.old.get(key).await?);
        Ok(Record { new, old })
    }

    /// Has the old store have the same record as the new one.
    async fn tell_old(&self, key: &str, raw: Bytes, expire: Option<Duration>) -> Result<()> {
        self.old.set(key, raw, expire).await
    }
}

/// A record as either store has it.
struct Record {
    new: Option<Bytes>,
    old: Option<Bytes>,
}

impl Record {
    fn latest(&self) -> Option<&Bytes> {
        match (&self.new, &self.old) {
            (Some(new), Some(old)) if changed_ms(old) > changed_ms(new) => Some(old),
            (Some(new), _) => Some(new),
            (None, old) => old.as_ref(),
        }
    }
}

/// When a record was last changed; 0 if it is none.
fn changed_ms(raw: &[u8]) -> u64 {
    let mut moment = raw.get(CHANGED_MS..CHANGED_MS + 8).unwrap_or(&[0; 8]);
    moment.get_u64_le()
}

/// Whether `key` is that of a record of invalidations. A lease is none.
fn is_record(key: &str) -> bool {
    key.ends_with('}') && !key.starts_with("{lease:")
}

impl fmt::Debug for MigratingKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigratingKeyValue")
            .field("from", &self.old)
            .field("to", &self.new)
            .finish()
    }
}

#[async_trait]
impl KeyValue for MigratingKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        if is_record(key) {
            return Ok(self.record(key).await?.latest().cloned());
        }
        match self.new.get(key).await? {
            None => self.old.get(key).await,
            found => Ok(found),
        }
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let new = self.new.get_many(keys).await?;
        let of_both = |(key, value): &(&&str, &Option<Bytes>)| value.is_none() || is_record(key);
        let asked: Vec<&str> = keys
            .iter()
            .zip(&new)
            .filter(of_both)
            .map(|(key, _)| *key)
            .collect();
        let old = match asked.is_empty() {
            true => Vec::new(),
            false => self.old.get_many(&asked).await?,
        };
        // Of a key that is asked for twice, either value is right.
        let old: HashMap<&str, Option<Bytes>> = asked.into_iter().zip(old).collect();
        let value = |(key, new): (&&str, Option<Bytes>)| {
            let old = old.get(*key).cloned().flatten();
            Record { new, old }.latest().cloned()
        };
        Ok(keys.iter().zip(new).map(value).collect())
    }

    /// The old store first: an older value must not come back from there.
    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        if is_record(key) {
            self.new.set(key, value.clone(), expire).await?;
            return self.tell_old(key, value, expire).await;
        }
        self.old.delete(key).await?;
        self.new.set(key, value, expire).await
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let is_lease = key.starts_with("{lease:");
        if !is_lease && self.old.get(key).await?.is_some() {
            return Ok(false);
        }
        let added = self.new.add(key, value.clone(), expire).await?;
        if added && is_record(key) {
            self.tell_old(key, value, expire).await?;
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
        let stored = Record {
            new: self.new.get(key).await?,
            old: self.old.get(key).await?,
        };
        let is_latest = match is_record(key) {
            true => stored.latest().is_some_and(|latest| latest == old),
            false => stored
                .new
                .as_ref()
                .or(stored.old.as_ref())
                .is_some_and(|latest| latest == old),
        };
        if !is_latest {
            return Ok(false);
        }
        let replaced = match (&stored.new, &new) {
            (Some(in_new), _) => self.new.replace(key, in_new, new.clone(), expire).await?,
            (None, Some(value)) => self.new.add(key, value.clone(), expire).await?,
            (None, None) => self.old.replace(key, old, None, None).await?,
        };
        match new {
            Some(new) if replaced && is_record(key) => self.tell_old(key, new, expire).await?,
            _ if replaced => drop(self.old.delete(key).await?),
            _ => {}
        }
        Ok(replaced)
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        let of_old = self.old.delete(key).await;
        let of_new = self.new.delete(key).await?;
        Ok(of_old? || of_new)
    }

    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        let of_old = self.old.delete_scanned(values).await;
        let of_new = self.new.delete_scanned(values).await?;
        Ok(of_old? + of_new)
    }

    /// The new store first, then the old one: a key may be in both.
    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let cursor = scan.cursor.as_deref();
        let of_old = cursor.and_then(|cursor| cursor.strip_prefix(OLD));
        let of_new = cursor.map(|cursor| cursor.strip_prefix(NEW));
        let (store, inner, name) = match (of_old, of_new) {
            (Some(inner), _) => (&self.old, Some(inner), OLD),
            (None, None) => (&self.new, None, NEW),
            (None, Some(Some(inner))) => (&self.new, Some(inner), NEW),
            (None, Some(None)) => return Err(foreign_cursor(cursor.unwrap_or_default())),
        };
        let inner = inner.filter(|inner| !inner.is_empty()).map(str::to_owned);
        let page = store.scan(&scan.clone().after(inner)).await?;
        let next = match (page.next, name) {
            (Some(next), name) => Some(format!("{name}{next}")),
            (None, NEW) => Some(OLD.to_owned()),
            (None, _) => None,
        };
        Ok(Scanned { next, ..page })
    }

    async fn clear(&self) -> Result<()> {
        let of_old = self.old.clear().await;
        self.new.clear().await.and(of_old)
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        let of_old = self.old.delete_containing(part).await;
        self.new.delete_containing(part).await.and(of_old)
    }

    async fn syncdb(&self) -> Result<()> {
        let of_old = self.old.syncdb().await;
        self.new.syncdb().await.and(of_old)
    }

    async fn measure(&self) -> Result<Measure> {
        let mut measure = self.new.measure().await?;
        let old = match self.old.measure().await {
            Ok(Measure {
                entries: Some(entries),
                ..
            }) => format!("the old store has {entries} values"),
            Ok(_) => "the old store does not say how much it has".to_owned(),
            Err(error) => format!("the old store: {error}"),
        };
        measure.notes.push(old);
        Ok(measure)
    }

    async fn settle(&self) {
        self.old.settle().await;
        self.new.settle().await;
    }

    fn name(&self) -> &'static str {
        "migrating"
    }

    fn counts(&self) -> Counts {
        self.new.counts() + self.old.counts()
    }

    fn limit_values(&self, bytes: usize) {
        self.old.limit_values(bytes);
        self.new.limit_values(bytes);
    }

    fn max_value(&self) -> Option<usize> {
        self.new.max_value()
    }

    fn is_writable(&self, key: &str) -> bool {
        self.new.is_writable(key) && self.old.is_writable(key)
    }

    fn is_atomic(&self) -> bool {
        self.new.is_atomic()
    }

    fn stored_key(&self, key: &str) -> String {
        self.new.stored_key(key)
    }

    fn place(&self) -> Place {
        Place::Shared
    }
}
