//! A store under a deadline and circuit breakers: every call returns in time.
//!
//! Steps 1, 4 and 6 of a lookup. A call that fails or is late is a miss, and is counted. After five failures the store is not
//! asked, except for one probe a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::Instrument;

use super::breakers::{Breakers, Want, is_of_value};
use super::deadline::{Deadline, with_deadline};
use super::refused::Refused;
use super::unanswered::Unanswered;
use crate::clock::Clock;
use crate::entry::codec;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::{KeyValue, Place};
use crate::log::Cut;
use crate::stats::layer::{LayerMeter, Operation};
use crate::trace;

/// The default time limit of a call to a store outside this process.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct GuardedStore {
    pub(super) store: Arc<dyn KeyValue>,
    pub(super) place: Place,
    pub(crate) deadline: Deadline,
    clock: Clock,
    pub(super) meter: Arc<LayerMeter>,
    pub(super) breakers: Arc<Breakers>,
    refused: Refused,
    /// Whether it asks the store while a breaker is open.
    insists: bool,
}

impl GuardedStore {
    pub(crate) fn new(store: Arc<dyn KeyValue>, deadline: Duration, clock: Clock) -> Self {
        let (place, meter) = (store.place(), Arc::new(LayerMeter::new()));
        Self {
            store,
            place,
            deadline: Deadline::new(deadline),
            breakers: Arc::new(Breakers::new(
                "the cache backend",
                Arc::clone(&meter.failures),
                clock.clone(),
            )),
            clock,
            meter,
            refused: Refused::default(),
            insists: false,
        }
    }

    /// The same store for calls that are made even while a breaker is open, and whose outcome is not noted: what they
    /// tell the store must not be lost, and is repeated until the store accepts it.
    pub(crate) fn insisting(&self) -> Self {
        Self {
            insists: true,
            meter: Arc::clone(&self.meter),
            ..Self::new(self.share(), self.deadline(), self.clock.clone())
        }
    }

    pub(crate) const fn insists(&self) -> bool {
        self.insists
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline.get()
    }

    pub(crate) fn store(&self) -> &dyn KeyValue {
        &*self.store
    }

    pub(crate) fn share(&self) -> Arc<dyn KeyValue> {
        Arc::clone(&self.store)
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
        let is_judged = self.place == Place::InProcess && codec::keep_until(&value).is_some();
        let expire = expire.filter(|_| !is_judged);
        let length = value.len();
        let set = self.store.set(key, value, expire);
        let stored = self.ask(Operation::Set, Want::Store, key, set).await;
        self.note_stored(Want::Store, stored.is_ok());
        if stored == Err(Unanswered::TooLarge) {
            self.refused.note(length, self.clock.now_ms());
        }
        stored
    }

    /// The same value of a store above another, which must forget it after `expire`.
    pub(crate) async fn set_for(&self, key: &str, value: Bytes, expire: Duration) -> bool {
        let set = self.store.set(key, value, Some(expire));
        let stored = self.ask(Operation::Set, Want::Add, key, set).await;
        self.note_stored(Want::Add, stored.is_ok());
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
        let added = self.ask(Operation::Add, Want::Add, key, add).await;
        self.note_stored(Want::Add, added == Ok(true));
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
        let want = match new {
            Some(_) => Want::Replace,
            None => Want::Remove,
        };
        let replace = self.store.replace(key, old, new, expire);
        let replaced = self.ask(Operation::Replace, want, key, replace).await;
        self.note_stored(Want::Add, want.stores() && replaced == Ok(true));
        replaced
    }

    /// Whether the key was there and is now removed.
    pub(crate) async fn delete(&self, key: &str) -> Result<bool, Unanswered> {
        let delete = self.store.delete(key);
        self.ask(Operation::Delete, Want::Remove, key, delete).await
    }

    /// Only what was stored shows that the store accepts values: a comparison that fails stores nothing.
    fn note_stored(&self, want: Want, is_stored: bool) {
        if is_stored && self.place == Place::Shared {
            self.breakers.succeeded(want);
        }
    }

    /// Whether the store accepted what it was last given, as far as is known, and the server of `key` is well.
    pub(crate) fn is_writable(&self, key: &str) -> bool {
        self.breakers.is_writable() && self.store.is_writable(key)
    }

    /// The time before which an entry was made that is in doubt at `now_ms`, because the store was lost and is back; 0 = none is.
    #[inline]
    pub(crate) fn doubted_before_ms(&self, now_ms: u64) -> u64 {
        match self.place {
            Place::InProcess | Place::Nowhere => 0,
            Place::Layered => self.store.doubted_before_ms(now_ms),
            Place::Shared => self.breakers.doubted_before_ms(now_ms),
        }
    }

    /// Whether a value of `length` bytes is too long for the store, as far as is known.
    pub(crate) fn refuses(&self, length: usize) -> bool {
        let is_over = self.store.max_value().is_some_and(|max| length > max);
        is_over || self.refused.covers(length, || self.clock.now_ms())
    }

    /// Makes `call`, unless a breaker is open. A full store is still asked to remove, which makes room.
    pub(super) async fn ask<T>(
        &self,
        operation: Operation,
        want: Want,
        key: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        match self.place {
            Place::InProcess | Place::Nowhere => call.await.map_err(|error| self.refused(&error)),
            // Its layers count and log what fails.
            Place::Layered => call.await.map_err(|error| Unanswered::of(&error)),
            Place::Shared if !self.insists && self.breakers.admit(want).is_err() => {
                self.probe(key);
                Err(Unanswered::Skipped)
            }
            Place::Shared => self.watch(operation, want, call).await,
        }
    }

    /// Makes `call` and notes its outcome. A store that is late to store may still read in time.
    async fn watch<T>(
        &self,
        operation: Operation,
        want: Want,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T, Unanswered> {
        let started = Instant::now();
        let span = trace::store_call(self.store.name(), operation.name());
        let call = with_deadline(self.deadline(), call);
        let answered = call.instrument(span.clone()).await;
        self.meter.called(operation, started.elapsed());
        let (error, unanswered) = match answered {
            Some(Ok(value)) => {
                self.note_found(want);
                return Ok(value);
            }
            Some(Err(error)) => (error, Unanswered::Failed),
            None => (self.too_late(operation), Unanswered::Late),
        };
        trace::failed(&span, &error.kind());
        match error.kind() {
            _ if is_of_value(&error) => {
                self.note_found(want);
                return Err(self.refused(&error));
            }
            // The store as a whole is well.
            ErrorKind::ServerLost => return Err(Unanswered::Skipped),
            _ if self.insists => self.meter.failures.errors.increase(),
            _ => {
                let is_late = unanswered == Unanswered::Late && !want.stores();
                self.breakers.failed(want, is_late, &error);
            }
        }
        Err(unanswered)
    }

    fn note_found(&self, want: Want) {
        if want == Want::Find {
            self.breakers.succeeded(want);
        }
    }

    /// Asks the store whether it is back, once a second while it fails, in a task of its own: no caller waits for it.
    fn probe(&self, key: &str) {
        if !self.breakers.is_probe_due() {
            return;
        }
        let (store, breakers) = (Arc::clone(&self.store), Arc::clone(&self.breakers));
        let (deadline, key) = (self.deadline(), key.to_owned());
        tokio::spawn(async move {
            match with_deadline(deadline, store.get(&key)).await {
                Some(Ok(_)) => breakers.succeeded(Want::Find),
                // It answers, if only that it cannot read this value.
                Some(Err(error)) if is_of_value(&error) => breakers.succeeded(Want::Find),
                _ => breakers.count_error(),
            }
        });
    }

    /// What the store said of one key or value, and not of itself.
    fn refused(&self, error: &Error) -> Unanswered {
        tracing::debug!(error = %Cut(error), "store refused a value");
        if error.kind() != ErrorKind::TooLarge {
            self.meter.failures.errors.increase();
        }
        Unanswered::of(error)
    }

    fn too_late(&self, operation: Operation) -> Error {
        let (operation, limit) = (operation.name(), self.deadline());
        let message = format!("the store did not answer a {operation} within {limit:?}");
        Error::new(ErrorKind::Backend, message)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use async_trait::async_trait;

    use super::*;
    use crate::keyvalue::locmem::LocMemKeyValue;

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

    fn guarded(store: impl KeyValue) -> GuardedStore {
        let deadline = Duration::from_millis(100);
        GuardedStore::new(Arc::new(store), deadline, Clock::manual(0))
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_or_is_late_is_soon_not_asked() {
        for (hangs, reason) in [(false, Unanswered::Failed), (true, Unanswered::Late)] {
            let lost = guarded(Lost { hangs });
            for expected in [vec![reason; 5], vec![Unanswered::Skipped; 2]].concat() {
                let stored = lost.set("key", Bytes::new(), None).await;
                assert_eq!(stored, Err(expected));
            }
            // A store that is full accepts what makes room. Only that it is late says something of its reads.
            let full = guarded(Lost { hangs });
            for number in 0..7 {
                let expected = match hangs && number >= 5 {
                    true => Unanswered::Skipped,
                    false => reason,
                };
                let removed = full.replace("key", b"", None, None).await;
                assert_eq!(removed, Err(expected));
            }
            assert_eq!(full.breakers.is_writable(), !hangs);
            // Writes have a breaker of their own.
            for expected in [vec![reason; 5], vec![Unanswered::Skipped; 2]].concat() {
                assert_eq!(lost.get_many(&["key", "other"]).await, Err(expected));
            }
            assert_eq!(lost.get("key").await, Err(Unanswered::Skipped));
            let counts = lost.counts();
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

        let store = guarded(Now(LocMemKeyValue::new()));
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
