//! A store under one deadline and a breaker: whatever it does, an answer comes in time.
//!
//! Step 2 of a lookup. A call that fails or is late is a miss, counted; after a few of them the store is
//! left alone but for one probe a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::guard::breaker::Breaker;
use crate::guard::deadline::in_time;
use crate::stats::Stats;
use crate::{Clock, Error, ErrorKind, KeyValue, Place, Result, entry};

/// Of one call to a store outside this process, if nothing else is said.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Backend {
    store: Arc<dyn KeyValue>,
    place: Place,
    deadline: Duration,
    clock: Clock,
    stats: Arc<Stats>,
    reads: Arc<Breaker>,
    /// Of its own, because a store that is full or locked still answers reads.
    writes: Breaker,
    refused: Refused,
    /// Whether it asks the store whatever the breakers say.
    insists: bool,
}

/// The shortest value that the store has refused as too long, for a minute: its limit may be raised.
#[derive(Debug, Default)]
struct Refused {
    length: AtomicUsize,
    until_ms: AtomicU64,
}

/// What a write does to the room that the store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    /// It needs room, which a full store does not have.
    Stores,
    /// It needs none: that it succeeds says nothing of the other kind.
    Removes,
}

const REFUSED_FOR_MS: u64 = 60_000;

/// Why a store gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It failed.
    Failed,
    /// It is well, and does not accept this key or value.
    Rejected,
    /// It is well, and does not accept a value of this length.
    TooLarge,
    /// It did not answer within the deadline.
    Late,
    /// It was not asked: it failed a few times in a row.
    Skipped,
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
            reads: Arc::new(Breaker::new("the cache backend")),
            writes: Breaker::new("storing in the cache backend"),
            refused: Refused::default(),
            insists: false,
        }
    }

    /// The same store for calls that are made whatever its breakers say, and that are no sign for them: what they tell it
    /// must not be lost, and is repeated until it is heard.
    pub(crate) fn insisting(&self) -> Self {
        let (clock, stats) = (self.clock.clone(), Arc::clone(&self.stats));
        Self {
            insists: true,
            ..Self::new(self.share(), self.deadline, clock, stats)
        }
    }

    pub(crate) const fn insists(&self) -> bool {
        self.insists
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn store(&self) -> &dyn KeyValue {
        &*self.store
    }

    pub(crate) fn share(&self) -> Arc<dyn KeyValue> {
        Arc::clone(&self.store)
    }

    /// What the store has, if it can say so at once.
    pub(crate) fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.store.get_now(key)
    }

    /// What the store has of `key`.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, Unanswered> {
        if let Some(found) = self.store.get_now(key) {
            return Ok(found);
        }
        self.read("get", key, self.store.get(key)).await
    }

    /// What the store has of each of `keys`, in their order.
    pub(crate) async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, Unanswered> {
        let now = keys.iter().map(|key| self.store.get_now(key));
        if let Some(found) = now.collect() {
            return Ok(found);
        }
        let probe = keys.first().copied().unwrap_or_default();
        self.read("get_many", probe, self.store.get_many(keys))
            .await
    }

    /// Stores the value, if the store accepts it.
    pub(crate) async fn set(
        &self,
        key: &str,
        value: Bytes,
        expire: Option<Duration>,
    ) -> Result<(), Unanswered> {
        // The engine alone judges whether an entry is fresh. A store in this process has nothing to add to that,
        // and would read the clock a second time in every hit, which is a fifth of what a hit costs.
        let is_judged = self.place == Place::InProcess && entry::keep_until(&value).is_some();
        let expire = expire.filter(|_| !is_judged);
        let length = value.len();
        let set = self.store.set(key, value, expire);
        let stored = self.write("set", Write::Stores, set).await;
        self.note_stored(stored.is_ok());
        if stored == Err(Unanswered::TooLarge) {
            self.refused.note(length, self.clock.now_ms());
        }
        stored
    }

    /// The same value of a store above another, which must forget it after `expire`.
    pub(crate) async fn set_for(&self, key: &str, value: Bytes, expire: Duration) -> bool {
        let set = self.store.set(key, value, Some(expire));
        let stored = self.write("set", Write::Stores, set).await;
        self.note_stored(stored.is_ok());
        stored.is_ok()
    }

    /// Whether the value was absent and is now stored.
    pub(crate) async fn add(
        &self,
        key: &str,
        value: Bytes,
        expire: Option<Duration>,
    ) -> Result<bool, Unanswered> {
        let add = self.store.add(key, value, expire);
        let added = self.write("add", Write::Stores, add).await;
        self.note_stored(added == Ok(true));
        added
    }

    /// Whether the value was `old` and is now `new`, or removed if that is `None`.
    pub(crate) async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool, Unanswered> {
        let write = match new {
            Some(_) => Write::Stores,
            None => Write::Removes,
        };
        let replace = self.store.replace(key, old, new, expire);
        let replaced = self.write("replace", write, replace).await;
        self.note_stored(write == Write::Stores && replaced == Ok(true));
        replaced
    }

    /// Whether the key was there and is now removed.
    pub(crate) async fn delete(&self, key: &str) -> Result<bool, Unanswered> {
        let delete = self.store.delete(key);
        self.write("delete", Write::Removes, delete).await
    }

    /// Only what was stored shows that the store accepts values: a comparison that fails stores nothing.
    fn note_stored(&self, is_stored: bool) {
        if is_stored && self.place == Place::Shared {
            self.writes.succeeded(self.clock.now_ms());
        }
    }

    /// Whether the store accepted what it was last given, as far as is known, and the server of `key` is well.
    pub(crate) fn is_writable(&self, key: &str) -> bool {
        !self.reads.is_failing() && !self.writes.is_failing() && self.store.is_writable(key)
    }

    /// Whether a value of `length` bytes is too long for the store, as far as is known.
    pub(crate) fn refuses(&self, length: usize) -> bool {
        let is_over = self.store.max_value().is_some_and(|max| length > max);
        is_over || self.refused.covers(length, || self.clock.now_ms())
    }

    /// A store that failed a few times in a row is not asked by the caller, but by a probe for `key`.
    async fn read<T>(
        &self,
        operation: &str,
        key: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        if self.place == Place::Shared && self.reads.is_open() && !self.insists {
            self.stats.backend_skipped.increase();
            self.probe(key);
            return Err(Unanswered::Skipped);
        }
        self.call(operation, Some(&self.reads), call).await
    }

    /// No caller waits for a write, so one a second is the probe of a store that does not accept any. A store that does
    /// not even answer reads is left alone. A full store is not: what removes makes room.
    async fn write<T>(
        &self,
        operation: &str,
        write: Write,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        let may_call = || {
            let now_ms = self.clock.now_ms();
            self.insists
                || !self.reads.is_open()
                    && (write == Write::Removes || self.writes.lets_through(now_ms))
        };
        if self.place == Place::Shared && !may_call() {
            self.stats.backend_skipped.increase();
            return Err(Unanswered::Skipped);
        }
        match write {
            Write::Stores => self.call(operation, Some(&self.writes), call).await,
            Write::Removes => self.call(operation, None, call).await,
        }
    }

    /// A failure is noted in `breaker`. Without one, of a call that removes, an error says nothing of how the store reads
    /// or stores: the user may lack that right alone.
    async fn call<T>(
        &self,
        operation: &str,
        breaker: Option<&Breaker>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        match self.place {
            Place::InProcess | Place::Nowhere => {
                return call.await.map_err(|error| self.refused(&error));
            }
            // Its layers count and log what fails.
            Place::Layered => {
                return call.await.map_err(|error| Unanswered::of(&error));
            }
            Place::Shared => {}
        }
        let succeeded = || {
            if breaker.is_some_and(|breaker| std::ptr::eq(breaker, &*self.reads)) {
                self.reads.succeeded(self.clock.now_ms());
            }
        };
        let (error, unanswered) = match in_time(self.deadline, call).await {
            Some(Ok(value)) => {
                succeeded();
                return Ok(value);
            }
            Some(Err(error)) => (error, Unanswered::Failed),
            None => (self.too_late(operation), Unanswered::Late),
        };
        match error.kind() {
            ErrorKind::TooLarge | ErrorKind::Rejected => {
                succeeded();
                return Err(self.refused(&error));
            }
            // The store as a whole is well.
            ErrorKind::ServerLost => return Err(Unanswered::Skipped),
            _ => {
                self.stats.backend_errors.increase();
                // One line for one outage.
                let now_ms = self.clock.now_ms();
                let breaker = match (breaker, unanswered) {
                    (None, Unanswered::Late) => Some(&*self.reads),
                    (breaker, _) => breaker,
                };
                if let Some(breaker) = breaker.filter(|_| !self.insists) {
                    let is_told = match std::ptr::eq(breaker, &*self.reads) {
                        true => self.writes.was_told_lately(now_ms),
                        false => self.reads.is_told(),
                    };
                    breaker.failed(&error, now_ms, is_told);
                }
            }
        }
        Err(unanswered)
    }

    /// Asks the store whether it is back, once a second, in a task of its own: nobody waits for it.
    fn probe(&self, key: &str) {
        if !self.reads.is_probe_due(self.clock.now_ms()) {
            return;
        }
        let (store, breaker) = (Arc::clone(&self.store), Arc::clone(&self.reads));
        let (stats, key) = (Arc::clone(&self.stats), key.to_owned());
        let (deadline, clock) = (self.deadline, self.clock.clone());
        tokio::spawn(async move {
            match in_time(deadline, store.get(&key)).await {
                Some(Ok(_)) => breaker.succeeded(clock.now_ms()),
                // It answers, if only that this value is none that can be read.
                Some(Err(error)) if Unanswered::of(&error) != Unanswered::Failed => {
                    breaker.succeeded(clock.now_ms());
                }
                _ => stats.backend_errors.increase(),
            }
        });
    }

    /// What the store said of one key or value, and not of itself.
    fn refused(&self, error: &Error) -> Unanswered {
        tracing::debug!(%error, "the cache backend refused a value");
        if error.kind() != ErrorKind::TooLarge {
            self.stats.backend_errors.increase();
        }
        Unanswered::of(error)
    }

    fn too_late(&self, operation: &str) -> Error {
        let message = format!(
            "the cache backend did not answer a {operation} within {:?}",
            self.deadline
        );
        Error::new(ErrorKind::Backend, message)
    }
}

impl Unanswered {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Rejected => Self::Rejected,
            _ => Self::Failed,
        }
    }
}

impl Refused {
    fn note(&self, length: usize, now_ms: u64) {
        let known = match now_ms < self.until_ms.load(Ordering::Relaxed) {
            true => self.length.load(Ordering::Relaxed),
            false => usize::MAX,
        };
        self.length.store(length.min(known), Ordering::Relaxed);
        let until_ms = now_ms.saturating_add(REFUSED_FOR_MS);
        self.until_ms.store(until_ms, Ordering::Relaxed);
    }

    fn covers(&self, length: usize, now_ms: impl FnOnce() -> u64) -> bool {
        match self.until_ms.load(Ordering::Relaxed) {
            0 => false,
            until_ms => length >= self.length.load(Ordering::Relaxed) && now_ms() < until_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;

    use super::*;
    use crate::LocMemKeyValue;

    /// A store that fails, or hangs.
    #[derive(Debug)]
    struct Lost {
        hangs: bool,
    }

    #[async_trait]
    impl KeyValue for Lost {
        async fn get(&self, _: &str) -> Result<Option<Bytes>> {
            if self.hangs {
                pending::<()>().await;
            }
            Err(Error::new(ErrorKind::Backend, "it is down"))
        }

        async fn set(&self, key: &str, _: Bytes, _: Option<Duration>) -> Result<()> {
            self.get(key).await.map(drop)
        }

        async fn delete(&self, key: &str) -> Result<bool> {
            self.get(key).await.map(|_| true)
        }
    }

    fn backend(store: impl KeyValue) -> Backend {
        let deadline = Duration::from_millis(100);
        Backend::new(Arc::new(store), deadline, Clock::manual(0), Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_or_is_late_is_soon_not_asked() {
        for (hangs, reason) in [(false, Unanswered::Failed), (true, Unanswered::Late)] {
            let lost = backend(Lost { hangs });
            for expected in [vec![reason; 5], vec![Unanswered::Skipped; 2]].concat() {
                let stored = lost.set("key", Bytes::new(), None).await;
                assert_eq!(stored, Err(expected));
            }
            // A store that is full accepts what makes room. Only that it is late says something of its reads.
            let full = backend(Lost { hangs });
            for number in 0..7 {
                let expected = match hangs && number >= 5 {
                    true => Unanswered::Skipped,
                    false => reason,
                };
                let removed = full.replace("key", b"", None, None).await;
                assert_eq!(removed, Err(expected));
            }
            assert!(full.writes.lets_through(0) && !full.writes.is_failing());
            // Writes have a breaker of their own.
            for expected in [vec![reason; 5], vec![Unanswered::Skipped; 2]].concat() {
                assert_eq!(lost.get_many(&["key", "other"]).await, Err(expected));
            }
            assert_eq!(lost.get("key").await, Err(Unanswered::Skipped));
            let counts = lost.stats.snapshot();
            assert_eq!((counts.backend_errors, counts.backend_skipped), (10, 5));
        }
    }

    #[tokio::test]
    async fn many_are_answered_at_once_by_a_store_that_can() {
        #[derive(Debug)]
        struct Now(LocMemKeyValue);

        #[async_trait]
        impl KeyValue for Now {
            async fn get(&self, _: &str) -> Result<Option<Bytes>> {
                pending().await
            }

            async fn set(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<()> {
                self.0.set(key, value, None).await
            }

            fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
                self.0.get_now(key).filter(|_| key != "slow")
            }
        }

        let store = backend(Now(LocMemKeyValue::new()));
        assert_eq!(store.set("key", "value".into(), None).await, Ok(()));
        let found = store.get_many(&["absent", "key"]).await;
        assert_eq!(found, Ok(vec![None, Some("value".into())]));
        assert_eq!(store.get_many(&[]).await, Ok(vec![]));
        assert_eq!(
            store.get_many(&["key", "slow"]).await,
            Err(Unanswered::Late)
        );
    }
}
