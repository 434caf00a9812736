//! How the store is told of an invalidation: by a record, or where it accepts none, by removing.
//!
//! Part of [`invalidate`](super::invalidate) and of its repetition.

use std::time::Duration;

use crate::engine::state::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::deadline::with_deadline;
use crate::guard::store::GuardedStore;
use crate::guard::unanswered::Unanswered;
use crate::invalidation::generation::{Record, TAG_MARGIN_MS};
use crate::invalidation::outward::tell_scope;
use crate::invalidation::pending::Due;
use crate::key::part_of;
use crate::scope::{Scope, tag_key, wildcards};

/// A record, or an entry, is changed by compare-and-set. If other processes win this many times in a row, this one gives up.
pub(crate) const ATTEMPTS: usize = 16;

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

impl Change {
    const fn is_hard(self) -> bool {
        match self {
            Self::New { is_hard } => is_hard,
            Self::Due(due) => due.is_hard,
        }
    }
}

/// How the store knows of an invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By a record, which counts for what is computed now, too.
    Recorded,
    /// What was stored is gone, but there is no record yet.
    Removed,
}

/// The store has not accepted the record of an invalidation.
pub(crate) struct Untold {
    /// Whether it gave no answer. A store that answers and accepts no record may remove something instead.
    is_silent: bool,
    /// Whether it was not asked at all, because it had failed before.
    is_skipped: bool,
    error: Error,
}

impl Untold {
    fn unread(why: Unanswered) -> Self {
        Self {
            is_silent: matches!(why, Unanswered::Late | Unanswered::Skipped),
            is_skipped: why == Unanswered::Skipped,
            error: unanswered("read what is to be invalidated"),
        }
    }

    /// A store that has just been read answers, even if calls that need room are skipped.
    fn unwritten(why: Unanswered) -> Self {
        Self {
            is_silent: why == Unanswered::Late,
            is_skipped: false,
            error: unanswered("write the invalidation"),
        }
    }
}

/// Tells the store. A store that accepts no record is told by removing: what is gone is not served.
pub(crate) async fn tell(
    engine: &Engine,
    scope: &Scope,
    change: Change,
    store: &GuardedStore,
) -> Result<Told> {
    let untold = match change_record(engine, scope, change, store).await {
        Ok(()) => return Ok(Told::Recorded),
        // Race: the store is back, and other processes have found out, who serve what is old now until they are told.
        Err(untold) if untold.is_skipped => {
            let told = change_record(engine, scope, change, &store.insisting()).await;
            return told.map(|()| Told::Recorded).map_err(|untold| untold.error);
        }
        Err(untold) => untold,
    };
    let is_tag = matches!(scope, Scope::Tag(_));
    // A caller does not wait for a second timeout of a silent store. The task that repeats invalidations does, for a tag: that
    // is one call, while removing the pages of a program takes many.
    if untold.is_silent && !(is_tag && store.insists()) {
        return Err(untold.error);
    }
    remove(engine, scope).await.or(Err(untold.error))?;
    // The removal may have made room. Race: without the record, a computation that began before the invalidation would store
    // its result as fresh. The generation of a program has not changed, and the record of a tag that is created anew does not
    // say when the tag was invalidated.
    match change_record(engine, scope, change, store).await.is_ok() {
        true => Ok(Told::Recorded),
        false => Ok(Told::Removed),
    }
}

/// Removes what an invalidation is about, where its record cannot be written: a tag without a record is lost, and with it
/// its entries; those of a program are removed themselves.
async fn remove(engine: &Engine, scope: &Scope) -> Result<()> {
    let (store, deadline) = (engine.store.store(), engine.store.deadline());
    let removed = match scope {
        Scope::Tag(tag) => {
            let wildcards = wildcards(tag).into_iter();
            for tag in [tag.clone()].into_iter().chain(wildcards) {
                let removed = with_deadline(deadline, store.delete(&tag_key(&tag))).await;
                removed.unwrap_or_else(|| Err(unanswered("remove what is invalidated")))?;
            }
            Some(Ok(()))
        }
        Scope::Program(program) => {
            with_deadline(REMOVAL, store.delete_containing(&part_of(program))).await
        }
        Scope::All => with_deadline(REMOVAL, store.clear()).await,
    };
    removed.unwrap_or_else(|| Err(unanswered("remove what is invalidated")))
}

/// Changes the record of `scope`, and behind it those of the wildcards of a tag.
pub(crate) async fn change_record(
    engine: &Engine,
    scope: &Scope,
    change: Change,
    store: &GuardedStore,
) -> Result<(), Untold> {
    change_one(engine, scope, change, store).await?;
    match scope {
        Scope::Tag(tag) => change_wildcards(engine, tag, change, store).await,
        _ => Ok(()),
    }
}

/// Changes the records of the wildcards of `tag`, where there are any: entries with too many tags depend on them instead.
///
/// Race: an entry that depended on `tag` until now is stored with a wildcard. Its process has made the record of that before it
/// read the record of `tag` once more (`engine/heritage.rs`). So either it has seen that `tag` was changed, or the record that it
/// made is found here, because it is looked for after `tag` was changed.
async fn change_wildcards(
    engine: &Engine,
    tag: &str,
    change: Change,
    store: &GuardedStore,
) -> Result<(), Untold> {
    let wildcards = wildcards(tag);
    let keys: Vec<String> = wildcards.iter().map(|tag| tag_key(tag)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let records = store.get_many(&keys).await.map_err(Untold::unread)?;
    for (wildcard, record) in wildcards.into_iter().zip(records) {
        if record.is_some() {
            let scope = Scope::Tag(wildcard);
            change_one(engine, &scope, change, store).await?;
            tell_scope(engine, &scope, change.is_hard());
        }
    }
    Ok(())
}

/// Changes the record of `scope` by comparing and setting.
async fn change_one(
    engine: &Engine,
    scope: &Scope,
    change: Change,
    store: &GuardedStore,
) -> Result<(), Untold> {
    let (key, is_tag) = (scope.record_key(), matches!(scope, Scope::Tag(_)));
    for attempt in 0..ATTEMPTS {
        let now_ms = engine.clock.now_ms();
        let stored = store.get(&key).await.map_err(Untold::unread)?;
        let decode = |raw: &[u8]| Record::decode(raw, &key, &engine.signer);
        let known = stored.as_deref().and_then(decode);
        let record = match is_tag {
            true => changed_tag(known, change, now_ms),
            false => changed_program(engine, &key, known, change, now_ms),
        };
        let (raw, expire) = (record.encode(&key, &engine.signer), record.keep_for(now_ms));
        let changed = match &stored {
            Some(old) => store.replace(&key, old, Some(raw), expire).await,
            None => store.add(&key, raw, expire).await,
        };
        if changed.map_err(Untold::unwritten)? {
            if !is_tag {
                engine.programs.set(key, record);
            }
            return Ok(());
        }
        // The value is no record, and cannot be compared: it is too long, or of another type.
        if known.is_none() && attempt > 0 {
            store.delete(&key).await.map_err(Untold::unwritten)?;
        }
    }
    Err(Untold::unwritten(Unanswered::Failed))
}

/// The record of a tag after `change`.
fn changed_tag(known: Option<Record>, change: Change, now_ms: u64) -> Record {
    // No entry counts under a tag without a record, but a computation may be under way.
    let new = || Record::new(now_ms.saturating_add(TAG_MARGIN_MS));
    let record = known.unwrap_or_else(new);
    match change {
        Change::New { is_hard } => record.tag_invalidated(is_hard, now_ms),
        Change::Due(due) => due.applied(record),
    }
}

/// The record of a program or of everything after `change`.
fn changed_program(
    engine: &Engine,
    key: &str,
    known: Option<Record>,
    change: Change,
    now_ms: u64,
) -> Record {
    let own = engine.programs.record(key);
    // What this process knows may be newer than what a store has that was restored from an older state.
    let record = known.filter(|known| known.changed_ms >= own.changed_ms);
    let record = record.unwrap_or(own);
    match change {
        Change::New { is_hard } => record.invalidated(is_hard, now_ms),
        Change::Due(due) => due.applied(record),
    }
}

pub(crate) fn unanswered(what: &str) -> Error {
    let message = format!("the store did not {what}: see the log, and try again");
    Error::new(ErrorKind::Backend, message)
}
