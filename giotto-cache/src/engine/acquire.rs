//! Who may compute: this process, unless another one does or has just done so.
//!
//! Step 4 of a lookup, in the task that computes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::engine::attempt::{Attempt, Role};
use crate::engine::lease::{Acquired, Lease};
use crate::engine::read;
use crate::engine::state::Engine;
use crate::invalidation::tags;
use crate::key::Key;
use crate::keyvalue::Place;
use crate::lookup::Mode;

/// How long a process waits for another one that computes.
const LEASE_PATIENCE: Duration = Duration::from_secs(5);
const READ_EVERY: Duration = Duration::from_millis(25);

/// How an attempt goes on.
pub(crate) enum Start {
    /// Another computation has ended meanwhile, and this is its answer.
    Found(Answer),
    /// Another process computes, and takes its time.
    ComputedElsewhere,
    /// Compute. Whether the result may be stored is noted in the attempt.
    Compute,
}

/// Waits until this process may compute, or need not. The attempt takes note of what became of the entry meanwhile.
pub(crate) async fn acquire(engine: &Engine, attempt: &mut Attempt) -> Start {
    if !attempt.may_store || engine.keeps_nothing() {
        return Start::Compute;
    }
    if !attempt.is_answered {
        return unanswered(attempt);
    }
    let waits_until = Instant::now() + LEASE_PATIENCE;
    loop {
        let acquired = lease(engine, attempt).await;
        if matches!(acquired, Acquired::Unanswered) {
            return unanswered(attempt);
        }
        // Race: between the caller's read and this lease, another process may have computed, stored its result and released
        // its lease. Read again, or the same result is computed twice.
        forget_copies(engine, attempt.key()).await;
        let found = read::find(engine, &attempt.lookup).await;
        if attempt.lookup.mode != Mode::Refresh
            && let Some(answer) = attempt.answered_by(&found)
        {
            attempt.generations = found.generations;
            if let Acquired::Held(lease) = acquired {
                attempt.lease = Some(lease);
            }
            return Start::Found(answer);
        }
        match acquired {
            Acquired::Held(lease) => attempt.lease = Some(lease),
            Acquired::NotUsed | Acquired::Unanswered => {}
            Acquired::HeldElsewhere => {
                let is_late = Instant::now() >= waits_until;
                if found.is_answered && !is_late && attempt.role != Role::Uncoalesced {
                    engine.stats.waited.increase();
                    sleep(READ_EVERY).await;
                    continue;
                }
                if attempt.role == Role::Refresh {
                    return Start::ComputedElsewhere;
                }
                // The owner takes longer than callers wait. Compute too, but do not store: only an owner learns, by losing
                // its lease, that the entry was removed while it computed.
                Lease::remove_foreign(&engine.store, attempt.key()).await;
                attempt.may_store = false;
            }
        }
        attempt.take(found);
        // Race: a tag is invalidated while the computation runs. Its generation is read (or created) before the computation
        // reads any data, so an entry that was computed across the invalidation carries the older generation and is old.
        let are_known = attempt.is_answered || attempt.lookup.tags.is_empty();
        attempt.may_store &=
            are_known && tags::begin(engine, &attempt.lookup, &mut attempt.generations).await;
        return Start::Compute;
    }
}

/// Computes without a lease: a store that did not answer must not delay the caller again. The generations of tags are
/// unknown, so a result with tags is not stored.
fn unanswered(attempt: &mut Attempt) -> Start {
    attempt.is_answered = false;
    attempt.may_store = attempt.lookup.tags.is_empty();
    Start::Compute
}

async fn lease(engine: &Engine, attempt: &Attempt) -> Acquired {
    let policy = &attempt.lookup.policy;
    let is_used = policy.has_lease() && engine.is_shared() && engine.store.store().is_atomic();
    match (is_used, attempt.lookup.mode) {
        (false, _) => Acquired::NotUsed,
        (true, Mode::Refresh) => Lease::take(&engine.store, attempt.key()).await,
        (true, _) => Lease::acquire(&engine.store, attempt.key()).await,
    }
}

/// Removes the copies in the memory of this process, so that the next read reaches the shared store. Race: another process
/// has stored a result there, which an older copy would hide.
async fn forget_copies(engine: &Engine, key: &Key) {
    let layers = engine.store.store().layers();
    for layer in layers.iter().take(layers.len().saturating_sub(1)) {
        if layer.place() == Place::InProcess {
            // Memory does not fail.
            let _ = layer.delete(key.as_str()).await;
        }
    }
}
