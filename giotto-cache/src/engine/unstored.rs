//! Results that are not stored: counted and logged by their reason, and what was stored before them removed.
//!
//! Part of step 6 of a lookup.

use crate::computed::Directives;
use crate::engine::attempt::{Attempt, Role};
use crate::engine::budget;
use crate::engine::read::Found;
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::inherited::{Blocked, Unstored};
use crate::invalidation::tags::Unstamped;
use crate::key::Key;
use crate::log::Cut;
use crate::lookup::Lookup;
use crate::policy::clocks::Clocks;
use crate::reason::{NotStored, Reason};
use crate::scope::may_be_tags;

/// What an entry may have besides its result: key, tags and clocks.
pub(crate) const ENVELOPE: usize = 64 << 10;

/// Whether `entry` is too large for the cache or its store.
pub(crate) fn is_too_large(engine: &Engine, entry: &Entry) -> bool {
    let length = entry.to_bytes().len();
    let is_over =
        entry.body().len() > engine.max_entry || length > engine.max_entry.saturating_add(ENVELOPE);
    is_over || engine.store.refuses(length)
}

/// Why the next result of `lookup` will not be stored, as far as it is known.
pub(crate) fn expected(engine: &Engine, lookup: &Lookup, found: &Found) -> Option<NotStored> {
    let now_ms = engine.clock.now_ms();
    let (old, generations) = (found.entry.as_ref(), &found.generations);
    let wanted = budget::wanted(lookup, old, generations, found.is_answered, now_ms);
    let over_budget = engine.budgets.refuses(&lookup.key, &wanted, now_ms);
    match () {
        () if over_budget.is_some() => over_budget,
        () if !may_be_tags(&lookup.tags) => Some(NotStored::BadTag),
        () if found.reason() == Reason::TooLarge => Some(NotStored::TooLarge),
        () if found.is_answered && engine.store.is_writable(lookup.key.as_str()) => None,
        () => Some(NotStored::StoreFailed),
    }
}

/// Why the result is not stored, as far as that is known before the write; the first reason in this order.
pub(crate) fn obstacle(
    engine: &Engine,
    attempt: &Attempt,
    directives: &Directives,
    entry: &Entry,
    stamped: Result<(), Unstamped>,
    is_storable: bool,
) -> Option<NotStored> {
    match stamped {
        _ if directives.no_store => Some(NotStored::NoStore),
        _ if attempt.over_budget.is_some() => attempt.over_budget,
        _ if !engine.keeps_nothing() && is_too_large(engine, entry) => Some(NotStored::TooLarge),
        _ if !may_be_tags(&attempt.lookup.tags) || !may_be_tags(&directives.tags) => {
            Some(NotStored::BadTag)
        }
        Err(Unstamped::Bad) => Some(NotStored::BadTag),
        Err(Unstamped::Invalidated) => Some(NotStored::Invalidated),
        Err(Unstamped::Unknown) => Some(NotStored::StoreFailed),
        Ok(_) if !is_storable && attempt.obstacle.is_none() => Some(NotStored::Invalidated),
        Ok(_) | Err(Unstamped::NotWanted) => None,
    }
}

/// What a computation inherits from a result that is not stored, and whether it was `stamped`. With nothing in its way it would
/// live as long as `clocks` say. If it `depends` on anything and has no stamps, nobody can tell whether it is old.
pub(crate) fn left(
    attempt: &Attempt,
    depends: bool,
    stamped: Result<(), Unstamped>,
    clocks: Option<Clocks>,
) -> Unstored {
    Unstored::Blocked(match (stamped, clocks) {
        (_, None) => Blocked::Lifeless,
        (Ok(_), Some(clocks)) if attempt.obstacle.is_some() => return Unstored::Living(clocks),
        (Ok(_) | Err(Unstamped::Invalidated), _) => Blocked::Invalidated,
        (Err(Unstamped::Bad), _) => Blocked::BadTag,
        (Err(Unstamped::NotWanted), Some(clocks)) if !depends => return Unstored::Living(clocks),
        (Err(Unstamped::Unknown | Unstamped::NotWanted), _) => Blocked::Unknown,
    })
}

/// Removes the old entry, which must not be served in place of what was computed. If the store keeps it all the same, the
/// next lookup computes again when it is due.
pub(crate) async fn forget(engine: &Engine, attempt: &Attempt) {
    let key = attempt.key().as_str();
    engine.budgets.left(key);
    let _ = match &attempt.old {
        Some(old) => engine.store.replace(key, &old.to_bytes(), None, None).await,
        // The store did not answer, so that it is not known what it has.
        None if !attempt.is_answered && attempt.role != Role::Bypass => {
            engine.store.delete(key).await
        }
        None => return,
    };
}

/// Notes a result of this many `bytes` that is not stored; `None` if nothing wanted to store it. The log says why, once a
/// minute for each program.
pub(crate) fn note(engine: &Engine, key: &Key, bytes: usize, why: Option<NotStored>) {
    let meter = engine.meter(key);
    meter.stats.not_stored(why);
    if why == Some(NotStored::TooLarge) {
        engine.history.note_too_large(key.as_str());
    }
    let because = match why {
        Some(NotStored::TooLarge) => "it is too large, and is computed for every request",
        Some(NotStored::StoreFailed) => "the store fails or does not accept values now",
        // What the program wanted, what has been invalidated, and a bad tag, of which the log tells what is bad in it.
        _ => return,
    };
    if why.is_some_and(|why| meter.may_tell(why, engine.clock.now_ms())) {
        tracing::warn!(
            program = %Cut(key.program_name()),
            key = %Cut(key),
            bytes,
            max_entry = engine.max_entry,
            "a result is not stored: {because}"
        );
    }
}
