//! The task that repeats invalidations which the store has not accepted, until it does.
//!
//! No step of a lookup: started by the first invalidation that fails. Without it, the store would come back with the old
//! records, and other processes would serve the old pages as fresh.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::engine::state::Engine;
use crate::error::Error;
use crate::guard::store::GuardedStore;
use crate::invalidation::outward::tell_scope;
use crate::invalidation::pending::Due;
use crate::invalidation::tell::{Change, Told, change_record, tell};
use crate::log::Cut;
use crate::scope::Scope;

/// Between two rounds. A store that is back knows within this time what was changed while it was down.
const EVERY: Duration = Duration::from_millis(250);
/// How often the log tells that the store does not accept an invalidation.
const DEFERRED_EVERY_MS: u64 = 3_000;
/// How long a process that ends waits for its store to accept what is due.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// Applies an invalidation that the store has not accepted to everything that this process reads, and repeats it in the
/// background. `error` is `None` if the pages were removed and only the record is missing.
pub(crate) fn defer(engine: &Arc<Engine>, scope: &Scope, is_hard: bool, error: Option<&Error>) {
    engine.stats.deferred.increase();
    let now_ms = engine.clock.now_ms();
    let is_first = engine.pending.add(scope.clone(), is_hard, now_ms);
    match error {
        Some(error) if engine.paces.deferred.allows(now_ms, DEFERRED_EVERY_MS) => tracing::warn!(
            scope = %Cut(scope),
            error = %Cut(error),
            "the store did not accept an invalidation: other processes may serve older pages as fresh until it does; \
             retrying"
        ),
        _ => {}
    }
    if is_first {
        let engine = Arc::clone(engine);
        tokio::spawn(async move { repeat(&engine).await });
    }
}

/// Repeats what is due, in rounds, until the store has accepted all of it.
async fn repeat(engine: &Engine) {
    let store = engine.store.insisting();
    let mut told = 0;
    loop {
        sleep(EVERY).await;
        let mut all = engine.pending.all();
        fastrand::shuffle(&mut all);
        for (scope, due) in all {
            // A store that does not accept one is asked for the others in the next round, in another order.
            if !tell_again(engine, &scope, due, &store).await {
                break;
            }
            told += 1;
            if !due.is_removed {
                // Race: until now, another process may have given the old page to a cache downstream that was purged already.
                tell_scope(engine, &scope, due.is_hard);
            }
            // Decided under the lock of `Pending::add`: an invalidation that is added at this moment starts a task of its own.
            if engine.pending.told(&scope, due) {
                tracing::info!(told, "the store has accepted all pending invalidations");
                return;
            }
        }
    }
}

/// Whether the store has accepted the record now.
async fn tell_again(engine: &Engine, scope: &Scope, due: Due, store: &GuardedStore) -> bool {
    let change = Change::Due(due);
    if due.is_removed {
        return change_record(engine, scope, change, store).await.is_ok();
    }
    match tell(engine, scope, change, store).await {
        Ok(Told::Recorded) => true,
        Ok(Told::Removed) => {
            engine.pending.removed(scope, due);
            false
        }
        Err(_) => false,
    }
}

/// Waits a moment for the store to accept what is due, before the process ends and with it what only it knows.
pub(crate) async fn tell_the_rest(engine: &Engine) {
    let pending = &engine.pending;
    if pending.is_empty() || timeout(LAST_CHANCE, pending.ended()).await.is_ok() {
        return;
    }
    let due = pending.all();
    let due = due.iter().filter(|(_, due)| !due.is_removed);
    let mut scopes: Vec<String> = due.map(|(scope, _)| scope.to_string()).collect();
    let count = scopes.len();
    if count == 0 {
        return;
    }
    scopes.truncate(10);
    tracing::error!(
        count,
        scopes = scopes.join(", "),
        "the process exits before the store accepted these invalidations: older pages may be served as fresh; once \
         the store is back, invalidate them again, or empty the cache"
    );
}
