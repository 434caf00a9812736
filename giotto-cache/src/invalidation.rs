//! Making entries old: by tag, by program, all of them, or one.
//!
//! Called by whoever changes what entries were computed from; the next lookup sees it.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Cache, Inner};
use crate::entry::{Clocks, Entry};
use crate::generation::{HOLD_MS, Record, Scope, TAG_MARGIN_MS, tag_key};
use crate::guard::deadline::with_deadline;
use crate::guard::store::GuardedStore;
use crate::guard::unanswered::Unanswered;
use crate::lease::lease_key;
use crate::lookup::is_tag;
use crate::pending::Due;
use crate::signature::Signer;
use crate::{Error, ErrorKind, Key, Place, Result};

/// A record is changed by comparing and setting; when so many others change it at the same time, one gives up.
const ATTEMPTS: usize = 16;

/// How long the removal of all entries of a program may take.
const REMOVAL: Duration = Duration::from_secs(10);

/// An invalidation, as the store is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    New {
        is_hard: bool,
    },
    /// One that this process obeys already: what it has computed since must stay fresh.
    Due(Due),
}

/// How the store knows of an invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By a record: it counts for what is computed now, too.
    Recorded,
    /// What was stored is gone, but there is no record yet.
    Removed,
}

/// The store has not accepted the record of an invalidation.
pub(crate) struct Untold {
    /// Whether it gave no answer: one that answers and does not accept a record may remove something instead.
    is_silent: bool,
    error: Error,
}

impl Untold {
    fn unread(why: Unanswered) -> Self {
        Self {
            is_silent: matches!(why, Unanswered::Late | Unanswered::Skipped),
            error: unanswered("read what is to be invalidated"),
        }
    }

    /// A store that has been read answers, even if it is left alone with what needs room.
    fn unwritten(why: Unanswered) -> Self {
        Self {
            is_silent: why == Unanswered::Late,
            error: unanswered("write the invalidation"),
        }
    }
}

impl Cache {
    /// Makes all entries of `scope`, a tag for example, old: `cache.invalidate("user:7")`. They are served no more but
    /// where the policy lets an old entry be served. One small write, however many entries there are.
    ///
    /// Entries with that tag are old for every process from the next lookup on; for a [program](Scope::Program) or
    /// [everything](Scope::All) other processes know within a second. A result whose computation began before
    /// is never fresh.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`] for a tag that cannot be one. [`ErrorKind::Backend`] if the store accepts neither the write
    /// nor a removal in its place: this process serves those entries no more as fresh, and repeats the call in the
    /// background until the store accepts it. Until then other processes may serve them.
    pub async fn invalidate(&self, scope: impl Into<Scope>) -> Result<()> {
        self.inner.change(scope.into(), false).await
    }

    /// Like [`invalidate`](Self::invalidate), but the entries are never served again, in no case.
    ///
    /// # Errors
    ///
    /// As for [`invalidate`](Self::invalidate).
    pub async fn purge(&self, scope: impl Into<Scope>) -> Result<()> {
        self.inner.change(scope.into(), true).await
    }

    /// Makes one entry old; whether there was one. It is served no more but where its policy lets an old entry be
    /// served.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`] if the store does not answer.
    pub async fn expire(&self, key: &Key) -> Result<bool> {
        let revoked = self.inner.revoke(key).await;
        let expired = self.inner.expire(key).await;
        revoked.and(expired)
    }

    /// Removes one entry; whether there was one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`] if the store does not answer.
    pub async fn remove(&self, key: &Key) -> Result<bool> {
        let revoked = self.inner.revoke(key).await;
        let removed = self.inner.backend.delete(key.as_str()).await;
        self.inner.stats.invalidations.increase();
        revoked?;
        removed.map_err(|_| unanswered("remove the entry"))
    }

    /// Whether any entry may have `tag`: somebody has used it, and the store still knows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Backend`] if the store does not answer.
    pub async fn knows_tag(&self, tag: &str) -> Result<bool> {
        // A record that cannot be read is one all the same: an invalidation replaces it.
        let record = self.inner.backend.get(&tag_key(tag)).await;
        let record = record.map_err(|_| unanswered("look for the tag"))?;
        Ok(record.is_some())
    }

    /// Invalidations that the store has not accepted yet, and that this process repeats in the background.
    #[must_use]
    pub fn pending_invalidations(&self) -> usize {
        self.inner.pending.len()
    }

    /// Waits for up to a second until the store has accepted the [pending](Self::pending_invalidations)
    /// invalidations, and logs those that it has not. Call it before the process ends, and with it what only it knows.
    pub async fn tell_invalidations(&self) {
        self.inner.tell_the_rest().await;
    }

    /// How long it takes after [`invalidate`](Self::invalidate) until every process knows: nothing for a tag, and for
    /// a store of this process alone.
    #[must_use]
    pub fn settles_within(&self, scope: &Scope) -> Duration {
        match scope {
            Scope::Program(_) | Scope::All if self.inner.is_shared() => {
                Duration::from_millis(HOLD_MS) + self.inner.backend.deadline()
            }
            _ => Duration::ZERO,
        }
    }
}

impl Inner {
    /// In a task of its own: a caller that goes away does not leave an invalidation half told.
    async fn change(self: &Arc<Self>, scope: Scope, is_hard: bool) -> Result<()> {
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move { inner.change_now(&scope, is_hard).await });
        let ended = || {
            Err(unanswered(
                "write the invalidation before the runtime ended",
            ))
        };
        task.await.unwrap_or_else(|_| ended())
    }

    async fn change_now(self: &Arc<Self>, scope: &Scope, is_hard: bool) -> Result<()> {
        if let Scope::Tag(tag) = scope
            && !is_tag(tag)
        {
            let message = format!(
                "{tag:?} cannot be a tag: it is 1 to 200 bytes long and has no control characters"
            );
            return Err(Error::new(ErrorKind::Policy, message));
        }
        self.stats.invalidations.increase();
        let place = self.backend.place();
        if place == Place::Nowhere {
            return Ok(());
        }
        // Programs and everything need no record until they are invalidated, and in a store of this process none at
        // all.
        if place == Place::InProcess && !matches!(scope, Scope::Tag(_)) {
            let now_ms = self.clock.now_ms();
            let change = |record: Record| record.invalidated(is_hard, now_ms);
            self.epochs.change(scope.record_key(), change);
            return Ok(());
        }
        let told = self
            .tell(scope, Change::New { is_hard }, &self.backend)
            .await;
        tracing::debug!(%scope, is_hard, ?told, "invalidated");
        match told {
            Ok(Told::Recorded) => Ok(()),
            Ok(Told::Removed) => {
                self.defer(scope, is_hard, None);
                Ok(())
            }
            Err(error) => {
                self.defer(scope, is_hard, Some(&error));
                Err(error)
            }
        }
    }

    /// Tells the store. One that does not accept a record is told by removing: what is gone is not served.
    pub(crate) async fn tell(
        &self,
        scope: &Scope,
        change: Change,
        backend: &GuardedStore,
    ) -> Result<Told> {
        let untold = match self.change_record(scope, change, backend).await {
            Ok(()) => return Ok(Told::Recorded),
            Err(untold) => untold,
        };
        let is_tag = matches!(scope, Scope::Tag(_));
        // A caller does not wait for a second answer of a store that has not given the first; and to remove the pages of
        // a program takes many.
        if untold.is_silent && !(is_tag && backend.insists()) {
            return Err(untold.error);
        }
        self.remove(scope).await.or(Err(untold.error))?;
        // A computation under way elsewhere must not be taken for one that began later; and now there may be room.
        match self.change_record(scope, change, backend).await.is_ok() {
            true => Ok(Told::Recorded),
            false => Ok(Told::Removed),
        }
    }

    /// Removes what an invalidation is about, where its record cannot be written: a tag without a record is lost, and so
    /// are its entries; those of a program are removed themselves.
    async fn remove(&self, scope: &Scope) -> Result<()> {
        let (store, deadline) = (self.backend.store(), self.backend.deadline());
        let removed = match scope {
            Scope::Tag(tag) => {
                let key = tag_key(tag);
                with_deadline(deadline, store.delete(&key))
                    .await
                    .map(|removed| removed.map(drop))
            }
            Scope::Program(program) => {
                let part = format!("({program})(");
                with_deadline(REMOVAL, store.delete_containing(&part)).await
            }
            Scope::All => with_deadline(REMOVAL, store.clear()).await,
        };
        removed.unwrap_or_else(|| Err(unanswered("remove what is invalidated")))
    }

    pub(crate) async fn change_record(
        &self,
        scope: &Scope,
        change: Change,
        backend: &GuardedStore,
    ) -> Result<(), Untold> {
        let (key, is_tag) = (scope.record_key(), matches!(scope, Scope::Tag(_)));
        for attempt in 0..ATTEMPTS {
            let now_ms = self.clock.now_ms();
            let stored = backend.get(&key).await;
            let stored = stored.map_err(Untold::unread)?;
            let known = stored
                .as_deref()
                .and_then(|raw| Record::decode(raw, &key, &self.signer));
            let record = match is_tag {
                true => self.changed_tag(known, change, now_ms),
                false => self.changed_epoch(&key, known, change, now_ms),
            };
            let (raw, expire) = (record.encode(&key, &self.signer), record.keep_for(now_ms));
            let changed = match &stored {
                Some(old) => backend.replace(&key, old, Some(raw), expire).await,
                None => backend.add(&key, raw, expire).await,
            };
            if changed.map_err(Untold::unwritten)? {
                if !is_tag {
                    self.epochs.set(key, record);
                }
                return Ok(());
            }
            // What is there is no record, and cannot be compared: too long, or of another type.
            if known.is_none() && attempt > 0 {
                let removed = backend.delete(&key).await;
                removed.map_err(Untold::unwritten)?;
            }
        }
        Err(Untold::unwritten(Unanswered::Failed))
    }

    /// The record of a tag after `change`.
    fn changed_tag(&self, known: Option<Record>, change: Change, now_ms: u64) -> Record {
        // No entry counts under a tag without a record, but a computation may be under way.
        let new = || Record::new(now_ms.saturating_add(TAG_MARGIN_MS));
        let record = known.unwrap_or_else(new);
        match change {
            Change::New { is_hard } => record.tag_invalidated(is_hard, now_ms),
            Change::Due(due) => due.applied(record),
        }
    }

    /// The record of a program or of everything after `change`.
    fn changed_epoch(
        &self,
        key: &str,
        known: Option<Record>,
        change: Change,
        now_ms: u64,
    ) -> Record {
        let own = self.epochs.record(key);
        // What this process knows may be newer than what a store has that was restored from an older state.
        let record = known.filter(|known| known.changed_ms >= own.changed_ms);
        let record = record.unwrap_or(own);
        match change {
            Change::New { is_hard } => record.invalidated(is_hard, now_ms),
            Change::Due(due) => due.applied(record),
        }
    }

    /// Has computations of `key` that are under way leave nothing behind, here and in other processes.
    async fn revoke(&self, key: &Key) -> Result<()> {
        self.flights.revoke(key.as_str());
        if self.is_shared() && self.backend.store().is_atomic() {
            match self.backend.delete(&lease_key(key)).await {
                // Where nobody is asked there are no leases.
                Ok(_) | Err(Unanswered::Skipped) => {}
                Err(_) => return Err(unanswered("stop those who compute the entry")),
            }
        }
        Ok(())
    }

    async fn expire(&self, key: &Key) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            let stored = self.backend.get(key.as_str()).await;
            let Some(stored) = stored.map_err(|_| unanswered("read the entry"))? else {
                return Ok(false);
            };
            let now_ms = self.clock.now_ms();
            let Ok(entry) = Entry::open_signed(stored.clone(), key, false, &self.signer) else {
                // It is no entry of this key, which nobody is served anyway.
                let removed = self.backend.delete(key.as_str()).await;
                return removed.map_err(|_| unanswered("remove the entry"));
            };
            let expired = expired(&entry, key, now_ms, &self.signer);
            let expire = expired.as_ref().and_then(|entry| entry.keep_for(now_ms));
            let raw = expired.map(|entry| entry.to_bytes());
            let (backend, name) = (&self.backend, key.as_str());
            let replaced = match backend.replace(name, &stored, raw, expire).await {
                // A full store accepts a removal, which is more than was asked for.
                Err(why) if why != Unanswered::Late => {
                    backend.replace(name, &stored, None, None).await
                }
                replaced => replaced,
            };
            if replaced.map_err(|_| unanswered("write the entry"))? {
                self.stats.invalidations.increase();
                return Ok(true);
            }
        }
        Err(unanswered(
            "write the entry, which others change all the time,",
        ))
    }
}

/// The same entry with its fresh time over, the other times counted from now; `None` if nobody could serve that.
fn expired(entry: &Entry, key: &Key, now_ms: u64, signer: &Signer) -> Option<Entry> {
    let clocks = entry.clocks();
    let early_ms = clocks.fresh_until.saturating_sub(now_ms);
    // The other clocks keep their distance; what never ends has none.
    let earlier = |until: u64| match until {
        u64::MAX => u64::MAX,
        _ => until.saturating_sub(early_ms),
    };
    let clocks = Clocks {
        fresh_until: clocks.fresh_until.min(now_ms),
        stale_until: earlier(clocks.stale_until),
        keep_until: earlier(clocks.keep_until),
        ..clocks
    };
    let is_of_use = clocks.keep_until > now_ms;
    let extension = entry.extension()?;
    is_of_use.then(|| entry.resealed(key, clocks, extension, signer))
}

fn unanswered(what: &str) -> Error {
    let message = format!("the cache backend did not {what}: see the log, and try again");
    Error::new(ErrorKind::Backend, message)
}
