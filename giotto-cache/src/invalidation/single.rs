//! Expiring or removing one entry.
//!
//! No step of a lookup: called by an operator, or by a program that knows which entry it has changed.

use crate::engine::lease::lease_key;
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::error::Result;
use crate::guard::unanswered::Unanswered;
use crate::invalidation::outward::tell_entry;
use crate::invalidation::tell::{ATTEMPTS, unanswered};
use crate::key::Key;
use crate::policy::clocks::Clocks;
use crate::signature::Signer;

/// Makes the entry of `key` old, and whether there was one. It is served only where its policy lets an old entry be served.
pub(crate) async fn expire(engine: &Engine, key: &Key) -> Result<bool> {
    let revoked = revoke(engine, key).await;
    let expired = expire_stored(engine, key).await;
    tell_entry(engine, key, false);
    note(engine, key, false, &expired);
    revoked.and(expired)
}

/// Removes the entry of `key`, and whether there was one.
pub(crate) async fn remove(engine: &Engine, key: &Key) -> Result<bool> {
    let revoked = revoke(engine, key).await;
    let removed = engine.store.delete(key.as_str()).await;
    engine.budgets.left(key.as_str());
    engine.stats.invalidations.increase();
    tell_entry(engine, key, true);
    let removed = removed.map_err(|_| unanswered("remove the entry"));
    note(engine, key, true, &removed);
    revoked?;
    removed
}

/// Remembers it, unless there was nothing.
fn note(engine: &Engine, key: &Key, is_hard: bool, done: &Result<bool>) {
    if !matches!(done, Ok(false)) {
        let now_ms = engine.clock.now_ms();
        engine.past.note_entry(key, is_hard, now_ms);
    }
}

/// Tells the running computations of `key` that their results must not stay: those here directly, those in other processes by
/// deleting their lease. Before the entry is removed, so that none of them stores it again unnoticed.
async fn revoke(engine: &Engine, key: &Key) -> Result<()> {
    engine.flights.revoke(key.as_str());
    if engine.is_shared() && engine.store.store().is_atomic() {
        match engine.store.delete(&lease_key(key)).await {
            // Where the store is not asked there are no leases.
            Ok(_) | Err(Unanswered::Skipped) => {}
            Err(_) => return Err(unanswered("stop the computations of the entry")),
        }
    }
    Ok(())
}

async fn expire_stored(engine: &Engine, key: &Key) -> Result<bool> {
    let (store, name) = (&engine.store, key.as_str());
    for _ in 0..ATTEMPTS {
        let stored = store.get(name).await;
        let Some(stored) = stored.map_err(|_| unanswered("read the entry"))? else {
            return Ok(false);
        };
        let now_ms = engine.clock.now_ms();
        let Ok(entry) = Entry::opened(stored.clone(), key, false, &engine.signer) else {
            // It is no entry of this key, and no lookup is served it anyway.
            let removed = store.delete(name).await;
            return removed.map_err(|_| unanswered("remove the entry"));
        };
        let expired = expired(&entry, key, now_ms, &engine.signer);
        let expire = expired.as_ref().and_then(|entry| entry.keep_for(now_ms));
        let raw = expired.map(|entry| entry.to_bytes());
        let replaced = match store.replace(name, &stored, raw, expire).await {
            // A full store accepts a removal, which is more than was asked for.
            Err(why) if why != Unanswered::Late => store.replace(name, &stored, None, None).await,
            replaced => replaced,
        };
        if replaced.map_err(|_| unanswered("write the entry"))? {
            engine.stats.invalidations.increase();
            return Ok(true);
        }
    }
    Err(unanswered(
        "write the entry, which others change all the time,",
    ))
}

/// The same entry with its fresh time over, and its other times counted from now; `None` if it would be of no use.
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
        error_until: earlier(clocks.error_until),
        keep_until: earlier(clocks.keep_until),
        ..clocks
    };
    let is_of_use = clocks.keep_until > now_ms;
    let extension = entry.extension()?;
    is_of_use.then(|| entry.resealed(key, clocks, extension, signer))
}
