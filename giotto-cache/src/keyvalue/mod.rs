//! The trait that every store implements, and the implementations.
//!
//! The last step of a lookup: bytes in, bytes out. A store decides nothing: freshness is encoded in the bytes (see
//! [`Entry`](crate::Entry)), and nothing that a store forgets can change an answer.

#[cfg(any(feature = "redis", feature = "memcache"))]
mod address;
mod cells;
pub(crate) mod changes;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) mod database;
pub(crate) mod dummy;
pub(crate) mod layered;
pub(crate) mod locmem;
#[cfg(any(
    feature = "redis",
    feature = "memcache",
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql"
))]
mod longest;
pub(crate) mod measure;
#[cfg(feature = "memcache")]
pub(crate) mod memcache;
pub(crate) mod migrating;
pub(crate) mod names;
pub(crate) mod namespace;
#[cfg(any(feature = "redis", feature = "memcache"))]
mod percent;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod scan;
#[cfg(any(feature = "redis", feature = "memcache"))]
mod sum;
pub(crate) mod together;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::changes::Changes;
use self::measure::Measure;
use self::scan::{Scan, Scanned, StoredValue};
use crate::error::{Error, ErrorKind, Result};
use crate::stats::Counts;
use crate::stats::layer::LayerCounts;

/// A store of bytes under text keys, shared by all callers.
///
/// `get` and `set` are enough for a store of your own. The sentences with MUST are its contract; each is a
/// test of that name in the `conformance` module (feature `conformance`), which any store can run:
///
/// 1. `get` MUST return the bytes last set, whatever bytes they are, an empty value included.
/// 2. `get` of an absent key MUST return `None`, not an error.
/// 3. A second `set` MUST replace the value and its expiry.
/// 4. Keys that differ in any character MUST be different keys: letter case, accents, trailing spaces,
///    control characters and length included.
/// 5. A value set with an expiry MUST be absent once that time has passed, and SHOULD be present until then.
/// 6. A value set without an expiry MUST NOT expire.
/// 7. `add` MUST store the value only if the key is absent, and MUST say whether it did.
/// 8. `delete` MUST remove that key alone, and MUST say whether it was there.
/// 9. `clear` MUST remove every key of this store's namespace and nothing else.
/// 10. `get_many` MUST return what `get` returns of each key, in their order, however many they are and however
///     often one is among them.
/// 11. `replace` MUST store or remove only if the value is exactly the old one, and MUST say whether it did. Of many
///     that replace the same value at once, it SHOULD tell one that it did.
/// 12. `scan`, where it is implemented, MUST come to an end, MUST return every key of this store's namespace that is there
///     all the time and no key of another, and MUST tell the length and the beginning of its value, if it tells them. It
///     MAY return a key twice, or one whose value has just expired, and MAY leave out empty values and keys of more
///     than 64 KiB.
///
/// A store may lose any value at any time; that is a miss.
#[async_trait]
pub trait KeyValue: Debug + Send + Sync + 'static {
    /// The value of `key`, if there is one.
    async fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// The values of `keys`, in their order; `None` for each that is absent.
    ///
    /// The default gets one after the other.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await?);
        }
        Ok(values)
    }

    /// The same with the number of the [layer](Self::layers) that had each value, counted from 0.
    #[doc(hidden)]
    async fn find(&self, keys: &[&str]) -> Result<Vec<Option<(u8, Bytes)>>> {
        let values = self.get_many(keys).await?.into_iter();
        Ok(values.map(|value| Some((0, value?))).collect())
    }

    /// Stores `value` under `key`, to be forgotten after `expire`; `None` = never.
    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()>;

    /// Stores `value` only if `key` is absent; whether it did.
    ///
    /// The default looks and then sets, which is not atomic: two callers may both be told `true`.
    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        if self.get(key).await?.is_some() {
            return Ok(false);
        }
        self.set(key, value, expire).await.map(|()| true)
    }

    /// Stores `new` under `key`, to be forgotten after `expire`, or removes the key if `new` is `None`, but only if
    /// its value is exactly `old`; whether it did.
    ///
    /// The default looks and then sets or deletes, which is not atomic: two callers may both be told `true`.
    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        if self.get(key).await?.as_deref() != Some(old) {
            return Ok(false);
        }
        match new {
            Some(new) => self.set(key, new, expire).await.map(|()| true),
            None => self.delete(key).await,
        }
    }

    /// Removes `key`; whether it was there. The default says that the store cannot.
    async fn delete(&self, _key: &str) -> Result<bool> {
        Err(unsupported(self, "delete"))
    }

    /// Removes all keys of this store's namespace, and nothing else. The default says that the store cannot.
    async fn clear(&self) -> Result<()> {
        Err(unsupported(self, "clear"))
    }

    /// Removes every key of this store's namespace that contains `part`, as a program's keys contain `(squared)(`, and
    /// nothing of another namespace. It MAY remove more: a removed entry is a miss. It is called where a store is full,
    /// so it must not need room. The default clears the namespace.
    async fn delete_containing(&self, _part: &str) -> Result<()> {
        self.clear().await
    }

    /// Removes what a [`scan`](Self::scan) has found, and returns how much of it was there. The default deletes one key after
    /// the other, and leaves values whose keys are not known.
    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        let mut deleted = 0;
        for key in values.iter().filter_map(|value| value.key.as_deref()) {
            deleted += u64::from(self.delete(key).await?);
        }
        Ok(deleted)
    }

    /// One page of all keys of this store's namespace, with the beginning of each value. Call it again with the cursor of
    /// the page until there is none. A page is a bounded piece of work, for the store and for this process; bodies are not
    /// read. Other callers must not wait for it. The default says that the store cannot.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for a cursor that is not one of this store, [`ErrorKind::Backend`] if the store does not
    /// answer or cannot enumerate its keys.
    async fn scan(&self, _scan: &Scan) -> Result<Scanned> {
        Err(unsupported(self, "scan"))
    }

    /// Creates what the store needs before its first use, for example a table. Calling it again changes nothing.
    async fn syncdb(&self) -> Result<()> {
        Ok(())
    }

    /// The answer of [`get`](Self::get) if it is available without waiting, else `None`. It MUST NOT block: no deadline
    /// applies to it. It may read a file that the system has cached; it must not wait for another process, a lock or a
    /// network. The default is `None`.
    fn get_now(&self, _key: &str) -> Option<Option<Bytes>> {
        None
    }

    /// Its changes: each begins before a value changes, and ends before the caller is told. Between two equal counts,
    /// [`get_now`](Self::get_now) returns the same of a key, unless it has expired. The default does not count.
    #[doc(hidden)]
    fn changes(&self) -> Option<Changes> {
        None
    }

    /// What the store holds now, as far as it can tell at little cost: an operator waits for it for two seconds. The default
    /// knows nothing. Of a store that has [`layers`](Self::layers), the layers are asked.
    async fn measure(&self) -> Result<Measure> {
        Ok(Measure::default())
    }

    /// Returns once the background tasks of the store have ended. The default has none.
    async fn settle(&self) {}

    /// What the store has counted of its servers, if they are several: [errors](Counts::backend_errors) and
    /// [skipped](Counts::backend_skipped) calls, which are added to those of the cache. The default counts nothing.
    fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Called once by the cache: no value that this cache stores is longer than `bytes`. If another program has stored a
    /// longer one, a store outside this process SHOULD read no more of it, and MAY return its beginning, which does not
    /// decode as an entry. A key that ends in `}` is that of a record, whose value has less than 256 bytes: a store SHOULD
    /// read no more than 1 KiB of it. The default reads the whole value.
    fn limit_values(&self, _bytes: usize) {}

    /// Called when the deadline of its calls changes while the store is in use; whether all of it follows. The default has no
    /// time limit of its own.
    #[doc(hidden)]
    fn set_deadline(&self, _deadline: Duration) -> bool {
        true
    }

    /// Keeps at most so many `bytes` from now on; whether it can. The default cannot.
    #[doc(hidden)]
    fn set_max_bytes(&self, _bytes: u64) -> bool {
        false
    }

    /// The longest value, in bytes, that the store is known to accept; `None` if it is not known. The cache does not hand
    /// it a longer one, and reports the result as too large.
    fn max_value(&self) -> Option<usize> {
        None
    }

    /// Whether the store accepts a value for `key` now, as far as it knows: the last calls succeeded. The cache knows that
    /// of a store as a whole. A store of several servers knows it of each server, and layers know it of their last layer.
    #[doc(hidden)]
    fn is_writable(&self, _key: &str) -> bool {
        true
    }

    /// The time before which an entry was made that is in doubt at `now_ms`, both in milliseconds since 1970: a layer was lost
    /// and is back.
    #[doc(hidden)]
    fn doubted_before_ms(&self, _now_ms: u64) -> u64 {
        0
    }

    /// Calls `told` with the key of each value that it evicts to make room or removes, from now on; whether it does so. Only
    /// one caller is told. The default tells nothing.
    #[doc(hidden)]
    fn tell_evictions(&self, _told: Arc<dyn Fn(&str) + Send + Sync>) -> bool {
        false
    }

    /// Whether [`add`](Self::add) and [`replace`](Self::replace) are atomic, so that a lease can make one of several
    /// processes compute what all of them want. The default is no: then each computes.
    fn is_atomic(&self) -> bool {
        false
    }

    /// What this store is called in metrics and messages, one word: `redis`.
    fn name(&self) -> &'static str {
        "store"
    }

    /// What was counted of each of its layers, the fastest first; nothing if it has none.
    #[doc(hidden)]
    fn layer_counts(&self) -> Vec<LayerCounts> {
        Vec::new()
    }

    /// `key` as the store writes it, for an operator who looks for it there. The default does not change it.
    fn stored_key(&self, key: &str) -> String {
        key.to_owned()
    }

    /// The stores that this one is made of, the fastest first; none if it is one itself.
    fn layers(&self) -> Vec<&dyn KeyValue> {
        Vec::new()
    }

    /// Removes the copies that layers in this process's memory have of the values of `keys`, or of all. The value itself stays
    /// in the last layer, where another process has changed it. The default has no copies.
    #[doc(hidden)]
    async fn forget_copies(&self, _keys: Option<&[&str]>) {}

    /// For how long another process may still have a copy of a value that is deleted here. The default is no time.
    #[doc(hidden)]
    fn copies_live(&self) -> Duration {
        Duration::ZERO
    }

    /// Where the values are. A store of your own keeps the default.
    fn place(&self) -> Place {
        Place::Shared
    }
}

/// Where a [`KeyValue`] keeps its values, which decides whether the cache verifies them and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Outside this process, where others read and write too: calls have a deadline and a breaker, and the checksum of every
    /// value is verified.
    Shared,
    /// In layers, each of which has its own deadline and breaker, so that the failure of one does not affect the others. The
    /// checksum of every value is verified.
    Layered,
    /// In this process's own memory: calls return at once, no other process can have changed a value, and the cache sets
    /// values without an expiry, because it checks the expiry itself.
    InProcess,
    /// Nowhere: nothing that is set is ever returned.
    Nowhere,
}

impl Place {
    /// How many keys one page of a [`scan`](KeyValue::scan) of everything there may look at: enough that few pages are needed,
    /// few enough that no request waits for one. In memory, each page goes by all keys, and takes those that are its own.
    #[must_use]
    pub const fn keys_of_page(self) -> usize {
        match self {
            Self::InProcess => 20_000,
            _ => 1_000,
        }
    }
}

fn unsupported(store: &(impl Debug + ?Sized), operation: &str) -> Error {
    let message = format!(
        "{store:?} does not implement `{operation}`: add it to its KeyValue implementation"
    );
    Error::new(ErrorKind::Backend, message)
}
