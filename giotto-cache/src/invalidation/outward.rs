//! The caches in front of this one are told of an invalidation.
//!
//! No step of a lookup: after this cache and its store were told. A cache downstream that is told asks again.

use std::time::Duration;

use crate::downstream::Outdated;
use crate::engine::state::Engine;
use crate::invalidation::programs::HOLD_MS;
use crate::key::Key;
use crate::scope::Scope;

/// How long it takes until every process sees an invalidation of `scope`.
pub(crate) fn settles_within(engine: &Engine, scope: &Scope) -> Duration {
    match scope {
        Scope::Program(_) | Scope::All if engine.is_shared() => {
            Duration::from_millis(HOLD_MS) + engine.store.deadline()
        }
        _ => Duration::ZERO,
    }
}

pub(crate) fn tell_scope(engine: &Engine, scope: &Scope, is_hard: bool) {
    let outdated = Outdated::Scope(scope.clone());
    let settles_within = settles_within(engine, scope);
    engine.downstream.tell(outdated, is_hard, settles_within);
}

/// Whether the entry was stored here or not: a cache downstream may have kept it for longer.
pub(crate) fn tell_entry(engine: &Engine, key: &Key, is_hard: bool) {
    let outdated = Outdated::Entry(key.clone());
    engine.downstream.tell(outdated, is_hard, Duration::ZERO);
}
