//! Making entries old: by tag, by program, or all of them.
//!
//! No step of a lookup: called when the data changes that entries were computed from. The next lookup sees it.
//! `tell.rs` tells the store; if the store does not accept it, `pending.rs` has this process obey it all the same, and
//! `repeat.rs` repeats it. `outward.rs` tells the caches in front. `single.rs` is for one entry, and `past.rs` remembers the last
//! invalidations.

pub(crate) mod generation;
pub(crate) mod outward;
pub(crate) mod past;
pub(crate) mod pending;
pub(crate) mod programs;
pub(crate) mod records;
pub(crate) mod repeat;
pub(crate) mod single;
pub(crate) mod tags;
pub(crate) mod tell;

use std::sync::Arc;

use crate::engine::state::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::invalidation::generation::Record;
use crate::invalidation::outward::tell_scope;
use crate::invalidation::past::actor;
use crate::invalidation::tell::{Change, Told, unanswered};
use crate::keyvalue::Place;
use crate::log::Cut;
use crate::scope::{Scope, is_tag};

/// Makes all entries of `scope` old: useless if `is_hard`, otherwise served only where an old entry may be.
///
/// It runs in a task of its own, so that a disconnecting client does not leave an invalidation half told.
pub(crate) async fn invalidate(engine: &Arc<Engine>, scope: Scope, is_hard: bool) -> Result<()> {
    check(&scope)?;
    let engine = Arc::clone(engine);
    let by = actor();
    let task = tokio::spawn(async move {
        let changed = change(&engine, &scope, is_hard).await;
        // Whatever the store answers: this process obeys the invalidation from now on.
        tell_scope(&engine, &scope, is_hard);
        let now_ms = engine.clock.now_ms();
        engine.past.note_scope(&scope, is_hard, now_ms, by);
        changed
    });
    let ended = || {
        Err(unanswered(
            "write the invalidation before the runtime ended",
        ))
    };
    task.await.unwrap_or_else(|_| ended())
}

fn check(scope: &Scope) -> Result<()> {
    match scope {
        Scope::Tag(tag) if !is_tag(tag) => {
            let message = format!(
                "{tag:?} is no valid tag: a tag is 1 to 200 bytes long and has no control characters"
            );
            Err(Error::new(ErrorKind::Configuration, message))
        }
        _ => Ok(()),
    }
}

async fn change(engine: &Arc<Engine>, scope: &Scope, is_hard: bool) -> Result<()> {
    engine.stats.invalidations.increase();
    if engine.keeps_nothing() {
        return Ok(());
    }
    // In a store of this process alone, what the process knows of programs is all that there is.
    if engine.store.place() == Place::InProcess && !matches!(scope, Scope::Tag(_)) {
        let now_ms = engine.clock.now_ms();
        let change = |record: Record| record.invalidated(is_hard, now_ms);
        engine.programs.change(scope.record_key(), change);
        return Ok(());
    }
    let told = tell::tell(engine, scope, Change::New { is_hard }, &engine.store).await;
    tracing::debug!(scope = %Cut(scope), is_hard, ?told, "invalidated");
    match told {
        Ok(Told::Recorded) => Ok(()),
        Ok(Told::Removed) => {
            repeat::defer(engine, scope, is_hard, None);
            Ok(())
        }
        Err(error) => {
            repeat::defer(engine, scope, is_hard, Some(&error));
            Err(error)
        }
    }
}
