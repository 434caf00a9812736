//! Making entries old: by tag, by program, all of them, or one.
//!
//! Called by whoever changes what entries were computed from; the next lookup sees it.

use crate::backend::Unanswered;
use crate::cache::{Cache, Inner};
use crate::clock::milliseconds;
use crate::entry::{Clocks, Entry};
use crate::generation::{HOLD_MS, Record, Scope};
use crate::lease::lease_key;
use crate::lookup::is_tag;
use crate::{Error, ErrorKind, Key, Place, Result};

/// A record is changed by comparing and setting; when so many others change it at the same time, one gives up.
const ATTEMPTS: usize = 16;

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
    /// [`ErrorKind::Policy`] for a tag that cannot be one, [`ErrorKind::Backend`] if the store does not take the
    /// write: then nothing was invalidated, and the call can be made again.
    pub async fn invalidate(&self, scope: impl Into<Scope>) -> Result<()> {
        self.inner.change(&scope.into(), false).await
    }

    /// Like [`invalidate`](Self::invalidate), but the entries are never served again, in no case.
    ///
    /// # Errors
    ///
    /// As for [`invalidate`](Self::invalidate).
    pub async fn purge(&self, scope: impl Into<Scope>) -> Result<()> {
        self.inner.change(&scope.into(), true).await
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
        let records = self.inner.read_records(vec![tag.to_owned()]).await;
        let records = records.map_err(|_| unanswered("look for the tag"))?;
        Ok(records.iter().any(|(_, record)| record.is_some()))
    }

    /// How long it takes after [`invalidate`](Self::invalidate) until every process knows: nothing for a tag, and for
    /// a store of this process alone.
    #[must_use]
    pub fn settles_within(&self, scope: &Scope) -> std::time::Duration {
        match scope {
            Scope::Program(_) | Scope::All if self.inner.is_shared() => {
                std::time::Duration::from_millis(HOLD_MS) + self.inner.backend.deadline()
            }
            _ => std::time::Duration::ZERO,
        }
    }
}

impl Inner {
    async fn change(&self, scope: &Scope, is_hard: bool) -> Result<()> {
        if let Scope::Tag(tag) = scope
            && !is_tag(tag)
        {
            let message = format!(
                "{tag:?} cannot be a tag: it is 1 to 200 bytes long and has no control characters"
            );
            return Err(Error::new(ErrorKind::Policy, message));
        }
        self.stats.invalidations.increase();
        let key = scope.record_key();
        let is_tag = matches!(scope, Scope::Tag(_));
        let place = self.backend.place();
        if place == Place::Nowhere {
            return Ok(());
        }
        // Programs and everything need no record until they are invalidated, and in a store of this process none at
        // all.
        if !is_tag && place == Place::InProcess {
            let record = self
                .epochs
                .record(&key)
                .invalidated(is_hard, self.clock.now_ms());
            self.epochs.set(key, record);
            return Ok(());
        }
        let record = self.change_record(&key, is_tag, is_hard).await?;
        if !is_tag {
            self.epochs.set(key, record);
        }
        tracing::debug!(%scope, is_hard, "invalidated");
        Ok(())
    }

    async fn change_record(&self, key: &str, is_tag: bool, is_hard: bool) -> Result<Record> {
        for _ in 0..ATTEMPTS {
            let now_ms = self.clock.now_ms();
            let stored = self.backend.get(key).await;
            let stored = stored.map_err(|_| unanswered("read what is to be invalidated"))?;
            let known = stored.as_deref().and_then(Record::decode);
            let record = known.unwrap_or_else(|| match is_tag {
                // No entry counts under a tag without a record, but a computation may be under way.
                true => Record::new(now_ms.saturating_add(milliseconds(TAG_LIFE))),
                false => self.epochs.record(key),
            });
            let record = record.invalidated(is_hard, now_ms);
            let (raw, expire) = (record.encode(), record.keep_for(now_ms));
            let changed = match &stored {
                Some(old) => self.backend.replace(key, old, Some(raw), expire).await,
                None => self.backend.add(key, raw, expire).await,
            };
            if changed.map_err(|_| unanswered("write the invalidation"))? {
                return Ok(record);
            }
        }
        Err(unanswered(
            "write the invalidation, which others change all the time,",
        ))
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
            let expired = Entry::open(stored.clone(), key, false)
                .ok()
                .and_then(|entry| expired(&entry, key, now_ms));
            let expire = expired.as_ref().and_then(|entry| entry.keep_for(now_ms));
            let raw = expired.map(|entry| entry.to_bytes());
            let replaced = self
                .backend
                .replace(key.as_str(), &stored, raw, expire)
                .await;
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

/// So long the record of a tag lives that no entry has yet.
const TAG_LIFE: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

/// The same entry with its fresh time over, the other times counted from now; `None` if nobody could serve that.
fn expired(entry: &Entry, key: &Key, now_ms: u64) -> Option<Entry> {
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
    is_of_use.then(|| entry.resealed(key, clocks, extension))
}

fn unanswered(what: &str) -> Error {
    let message = format!("the cache backend did not {what}: see the log, and try again");
    Error::new(ErrorKind::Backend, message)
}
