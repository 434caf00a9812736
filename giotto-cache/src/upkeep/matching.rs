//! Removing the entries that match, and removing what was purged so that its room is free.
//!
//! No step of a lookup: called by an operator. An invalidation is one small write; this goes through the keys of the store, in
//! batches and with rests. Nothing here needs room in the store.

use std::time::Instant;

use crate::engine::lease;
use crate::engine::state::Engine;
use crate::error::Result;
use crate::inspect::list::page;
use crate::inspect::listed::ListedState;
use crate::inspect::measure::layers_of;
use crate::inspect::walk::rest;
use crate::invalidation::outward::tell_scope;
use crate::invalidation::tell::unanswered;
use crate::key::{Key, part_of};
use crate::keyvalue::scan::{Scan, StoredValue};
use crate::keyvalue::{KeyValue, Place};
use crate::scope::Scope;

/// The part of the time that it is at work.
const SHARE: f64 = 0.5;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// How many entries, in the layer that has everything.
    pub entries: u64,
    /// How many of them were removed because the store has only a digest of their keys, and they may have been meant.
    pub digests: u64,
    /// How many keys were looked at.
    pub looked_at: u64,
}

/// Removes the entries of `program` whose keys are `meant`.
///
/// A computation of such an entry that began before does not keep its result: those here are told, and those in other
/// processes lose their leases. Race: a computation stores its entry and releases its lease while the keys are gone through,
/// after the place of the entry and before that of the lease. So they are gone through twice: an entry that was stored
/// before the lease was looked for is found the second time.
pub(crate) async fn remove_matching(
    engine: &Engine,
    program: &str,
    meant: &(dyn Fn(&Key) -> bool + Send + Sync),
) -> Result<Removed> {
    let is_meant = |key: &str| Key::read(key).is_some_and(|key| meant(&key));
    engine.flights.revoke_all(is_meant);
    let part = part_of(program);
    let store = engine.store.store();
    let removed = async {
        let layers = layers_of(store);
        let (last, above) = layers
            .split_last()
            .ok_or_else(|| unanswered("say what it has"))?;
        // The last layer first, or the others would get new copies from it.
        let mut removed = pass(*last, &part, &is_meant).await?;
        if last.place() == Place::Shared {
            removed = removed.and(pass(*last, &part, &is_meant).await?);
        }
        for layer in above {
            pass(*layer, &part, &is_meant).await?;
        }
        Ok(removed)
    };
    let removed = removed.await;
    engine.stats.invalidations.increase();
    // Also after an error. Downstream, there may be pages that were not stored here any more.
    tell_scope(engine, &Scope::Program(program.to_owned()), true);
    removed
}

impl Removed {
    const fn and(self, second: Self) -> Self {
        Self {
            entries: self.entries + second.entries,
            digests: self.digests + second.digests,
            looked_at: second.looked_at,
        }
    }
}

/// Goes through the keys of `store` that contain `part`, and removes the entries that are meant and the leases of such.
async fn pass(
    store: &dyn KeyValue,
    part: &str,
    is_meant: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<Removed> {
    let is_chosen = |value: &StoredValue| match value.key.as_deref() {
        // The digest of a record ends in a brace.
        None => !value.stored_key.ends_with('}'),
        Some(key) => match key.strip_prefix(lease::PREFIX) {
            Some(of) => of.strip_suffix('}').is_some_and(is_meant),
            None => is_meant(key),
        },
    };
    let is_entry = |value: &&StoredValue| !value.stored_key.ends_with('}');
    let mut removed = Removed::default();
    let mut scan = Scan::new(store.place().keys_of_page()).containing(part);
    loop {
        let begun = Instant::now();
        let page = store.scan(&scan).await?;
        removed.looked_at += page.looked_at;
        let mut chosen = page.values;
        chosen.retain(is_chosen);
        if !chosen.is_empty() {
            store.delete_scanned(&chosen).await?;
        }
        removed.entries += chosen.iter().filter(is_entry).count() as u64;
        removed.digests += chosen.iter().filter(|value| value.key.is_none()).count() as u64;
        match page.next {
            None => return Ok(removed),
            next => scan = scan.after(next),
        }
        tokio::time::sleep(rest(begun.elapsed(), SHARE)).await;
    }
}

/// Removes the entries of `scope` that a hard invalidation has made useless; `None` if the store does not say which.
pub(crate) async fn reclaim(engine: &Engine, scope: &Scope) -> Result<Option<Removed>> {
    let store = engine.store.store();
    let last = layers_of(store).last().copied().unwrap_or(store);
    let part = match scope {
        Scope::Program(program) => part_of(program),
        _ => String::new(),
    };
    let mut scan = Scan::new(last.place().keys_of_page()).containing(part);
    let mut removed = Removed::default();
    loop {
        let begun = Instant::now();
        let page = page(engine, last, &scan).await?;
        let now_ms = engine.clock.now_ms();
        let judged = page.values.into_iter().map(|value| {
            let state = value.state(&page.now, None, now_ms);
            (value.stored, state)
        });
        let judged: Vec<_> = judged.collect();
        if judged
            .iter()
            .any(|(_, state)| *state == ListedState::Unknown)
        {
            return remove_unseen(store, scope).await;
        }
        removed.looked_at += page.looked_at;
        let purged = judged
            .into_iter()
            .filter(|(_, state)| *state == ListedState::Purged);
        let purged: Vec<_> = purged.map(|(value, _)| value).collect();
        if !purged.is_empty() {
            store.delete_scanned(&purged).await?;
        }
        removed.entries += purged.len() as u64;
        match page.next {
            None => return Ok(Some(removed)),
            next => scan = scan.after(next),
        }
        tokio::time::sleep(rest(begun.elapsed(), SHARE)).await;
    }
}

/// The same in a store that does not hand out a part of a value: what was computed since is removed, too.
async fn remove_unseen(store: &dyn KeyValue, scope: &Scope) -> Result<Option<Removed>> {
    match scope {
        Scope::Program(program) => store.delete_containing(&part_of(program)).await?,
        // The records stay: they say what other processes must not serve.
        _ => return Ok(None),
    }
    Ok(Some(Removed::default()))
}
