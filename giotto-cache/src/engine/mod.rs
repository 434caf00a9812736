//! The engine: a lookup, from the first read of the store to the stored result.
//!
//! A miss, one line a step, in the order of the files:
//!
//! 1. [`read::fetch`]: the entry, and the generations of its program and tags, from the store.
//! 2. [`read::judge`]: whether the entry may be served (`entry/freshness.rs`). A hit ends here.
//! 3. [`SingleFlight::join`]: wait for another caller's computation of the same key, or lead one.
//! 4. [`Attempt::acquire`]: of several processes one computes, by a lease (`lease.rs`). A new page over the budget of its
//!    program is not stored (`budget.rs`).
//! 5. [`compute::run`]: the model, in a task that no disconnecting client cancels.
//! 6. [`store::store`]: the result becomes an entry, unless something it depends on was invalidated meanwhile.
//! 7. [`Fallback::apply`]: the caller gets the result, or an old one if the computation failed or takes too long.
//!
//! A lookup that is made inside a computation gives that its tags and its life: `computing.rs` knows which computation it is
//! in, `inherited.rs` gathers, and `heritage.rs` makes a part of the entry of it in step 6.
//!
//! Steps 4 to 6 are [`lead`], a task of its own; steps 1 to 3 and 7 are the caller's.
//!
//! [`SingleFlight::join`]: single_flight::SingleFlight::join

pub(crate) mod attempt;
pub(crate) mod budget;
pub(crate) mod coarse;
pub(crate) mod coding;
pub(crate) mod compute;
pub(crate) mod computing;
pub(crate) mod fallback;
#[cfg(feature = "functions")]
pub(crate) mod functions;
pub(crate) mod heritage;
pub(crate) mod history;
pub(crate) mod hit;
pub(crate) mod ignored;
pub(crate) mod inherited;
pub(crate) mod lease;
pub(crate) mod lives;
pub(crate) mod places;
pub(crate) mod popular;
pub(crate) mod read;
#[cfg(feature = "functions")]
pub(crate) mod recent;
pub(crate) mod seen;
pub(crate) mod single_flight;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod tasks;
pub(crate) mod uncacheable;
pub(crate) mod unstored;
pub(crate) mod waits;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::acceptance::Acceptance;
use crate::answer::Answer;
use crate::computed::CacheControl;
use crate::engine::attempt::{Attempt, Role, Start};
use crate::engine::compute::{Computation, Unfinished};
use crate::engine::computing::{computing, heir, inherited_by, is_computing, note_hit};
use crate::engine::fallback::{Fallback, not_cached, panicked};
use crate::engine::read::{Fetched, Found};
use crate::engine::single_flight::{Flight, Join, Outcome, Waiter};
use crate::engine::state::Engine;
use crate::entry::freshness;
use crate::error::Result;
use crate::log::Cut;
use crate::lookup::{Lookup, Mode};
use crate::reason::{Reason, Status};
use crate::trace;

/// Added to the deadline of the store when a caller waits for a flight to end.
const SLACK: Duration = Duration::from_millis(25);

/// Answers `lookup` from the store, or with the result of `compute`.
pub(crate) async fn answer<C>(engine: &Arc<Engine>, lookup: Lookup, compute: C) -> Result<Answer>
where
    C: FnOnce(CacheControl) -> Computation,
{
    let fetched = match lookup.mode {
        Mode::Bypass => Fetched::skipped(),
        _ => read::fetch(engine, &lookup).await,
    };
    match hit::fetched(engine, &lookup, &fetched) {
        Some(answer) => {
            note_hit(engine, &lookup.key, lookup.is_independent, || {
                answer.clone()
            });
            Ok(answer)
        }
        // Boxed, so that the future of a plain hit stays small.
        None => {
            let heir = heir(engine, &lookup.key, lookup.is_independent);
            let answer = answer_fetched(engine, lookup, fetched, compute);
            Box::pin(inherited_by(heir, answer)).await
        }
    }
}

/// Serves what was fetched, if it may be served, and computes where that is due.
async fn answer_fetched<C>(
    engine: &Arc<Engine>,
    lookup: Lookup,
    fetched: Fetched,
    compute: C,
) -> Result<Answer>
where
    C: FnOnce(CacheControl) -> Computation,
{
    let found = match lookup.mode {
        Mode::Prefer | Mode::Only => read::judge(engine, &lookup, fetched).await,
        Mode::Refresh => read::judge(engine, &lookup, fetched).await.refused(),
        Mode::Bypass => Found::skipped(Reason::Bypass),
    };
    if let Some(answer) = found.answer() {
        let (meter, cost_us) = (engine.meter(&lookup.key), answer.entry.cost_us());
        match answer.status {
            Status::Stale(staleness) => meter.served_stale(staleness, cost_us, found.now_ms),
            _ => meter.hit(cost_us, found.now_ms),
        }
        engine.popular.hit(&lookup.key, found.now_ms);
        if found.freshness.refreshes() && lookup.mode != Mode::Only {
            refresh(engine, lookup, found.decoded(engine), compute);
        }
        return Ok(answer);
    }
    let found = found.decoded(engine);
    let reason = read::why_missed(engine, &lookup.key, &found);
    let now_ms = engine.clock.now_ms();
    engine.meter(&lookup.key).missed(&reason, now_ms);
    tracing::debug!(key = %Cut(&lookup.key), %reason, "nothing fresh is stored");
    if lookup.mode == Mode::Only {
        return Err(not_cached(&found, &reason));
    }
    compute_once(engine, lookup, found, reason, compute).await
}

/// Starts a computation in the background, unless one is running.
fn refresh<C>(engine: &Arc<Engine>, lookup: Lookup, found: Found, compute: C)
where
    C: FnOnce(CacheControl) -> Computation,
{
    let (flights, key) = (&engine.flights, lookup.key.as_str());
    if let Join::Lead(flight, _) = flights.join(key, flights.arrive(), &engine.clock) {
        engine.meter(&lookup.key).stats.refreshes.increase();
        spawn(engine, *flight, lookup, found, Role::Refresh, compute);
    }
}

/// The result of `compute`, or of another caller's computation of the same key.
async fn compute_once<C>(
    engine: &Arc<Engine>,
    lookup: Lookup,
    found: Found,
    reason: Reason,
    compute: C,
) -> Result<Answer>
where
    C: FnOnce(CacheControl) -> Computation,
{
    let fallback = Fallback::new(&lookup, &found, reason);
    let mut has_waited = false;
    let coalesced = coalesce(engine, &lookup, &found, &fallback, &mut has_waited).await;
    let (role, flight, mut waiter) = match coalesced {
        Coalesced::Compute(role, flight, waiter) => (role, flight, waiter),
        Coalesced::Ended(result) => return fallback.apply(engine, result).await,
    };
    let meter = engine.meter(&lookup.key);
    spawn(engine, flight, lookup, found, role, compute);
    let result = match fallback.wait(&mut waiter).await {
        Some(Outcome::Shared(result)) => result,
        Some(Outcome::Private(answer)) => Ok(answer),
        Some(Outcome::ComputedElsewhere) | None => Err(panicked()),
    };
    if let (Ok(answer), false) = (&result, has_waited)
        && answer.status == Status::Collapsed
    {
        // It led, and found the result of another process.
        meter.stats.collapsed.increase();
    }
    fallback.apply(engine, result).await
}

/// How a caller that wants a result goes on.
enum Coalesced {
    /// It computes.
    Compute(Role, Flight, Waiter),
    /// Another caller's computation has ended, or takes too long.
    Ended(Result<Answer>),
}

/// Waits for another caller's computation of the same key, or decides that this caller computes.
///
/// `has_waited` becomes true when the caller waits, so that a wait is counted once, and once more after a panic.
///
/// This is a loop, because the outcome may be of no use to this caller: the computation began before an invalidation that this
/// caller has seen, another process was computing, or the computation panicked. Then the caller joins again, and leads if
/// no other caller does.
async fn coalesce(
    engine: &Engine,
    lookup: &Lookup,
    found: &Found,
    fallback: &Fallback,
    has_waited: &mut bool,
) -> Coalesced {
    let (flights, key) = (&engine.flights, lookup.key.as_str());
    let alone = |role| {
        let (flight, waiter) = flights.lead_alone(key);
        Coalesced::Compute(role, flight, waiter)
    };
    let (arrived, mut panics) = (flights.arrive(), 0);
    loop {
        if lookup.mode == Mode::Bypass || is_computing(engine, key) {
            return alone(Role::Bypass);
        }
        let mut waiter = match flights.join(key, arrived, &engine.clock) {
            Join::Lead(flight, waiter) => return Coalesced::Compute(Role::Leader, *flight, waiter),
            Join::Uncacheable => return alone(Role::Uncoalesced),
            Join::Wait(waiter) => waiter,
        };
        // Race: that computation waits for one that this caller is part of. Neither would end.
        let Some(_wait) = engine.waits.begin(computing(engine), key) else {
            return alone(Role::Bypass);
        };
        if !std::mem::replace(has_waited, true) {
            engine.meter(&lookup.key).stats.collapsed.increase();
        }
        let outcome = fallback.wait(&mut waiter).await;
        let counts = lookup.mode != Mode::Refresh
            && waiter.counts_for(&found.generations, found.is_answered);
        match outcome {
            Some(Outcome::Private(_)) => return alone(Role::Uncoalesced),
            Some(Outcome::Shared(Ok(answer))) if is_refused(engine, lookup, &answer) => {
                return alone(Role::Bypass);
            }
            Some(Outcome::ComputedElsewhere) => {}
            // Race: the store accepted an invalidation after the computation began and before this caller read it, or does not
            // say whether it did (or this caller wants a new result). Join again once the flight has ended. A store that hangs
            // keeps the flight open: after the deadline, a caller that joined late takes a result without tags.
            Some(Outcome::Shared(Ok(answer))) if !counts => {
                let ended = timeout(engine.store.deadline() + SLACK, waiter.ended()).await;
                let may_count = waiter.may_count(&found.generations);
                if ended.is_err() && may_count && lookup.mode != Mode::Refresh {
                    return Coalesced::Ended(Ok(answer.collapsed(&engine.clock)));
                }
            }
            Some(Outcome::Shared(result)) => {
                let result = result.map(|answer| answer.collapsed(&engine.clock));
                return Coalesced::Ended(result);
            }
            // One of the callers that waited for a computation that panicked computes again, once, unless there is
            // something else to serve.
            None if panics == 0 && !fallback.covers_failure() => {
                panics += 1;
                *has_waited = false;
            }
            None => return Coalesced::Ended(Err(panicked())),
        }
    }
}

/// Whether the caller of `lookup` does not accept what another caller has computed.
fn is_refused(engine: &Engine, lookup: &Lookup, answer: &Answer) -> bool {
    let now_ms = engine.clock.now_ms();
    freshness::acceptance(&answer.entry, lookup, now_ms) == Acceptance::Recompute
}

/// Starts the task that computes. A disconnecting client does not cancel it.
fn spawn<C>(
    engine: &Arc<Engine>,
    flight: Flight,
    lookup: Lookup,
    found: Found,
    role: Role,
    compute: C,
) where
    C: FnOnce(CacheControl) -> Computation,
{
    let attempt = Attempt::new(engine, lookup, found, role);
    let computation = compute(attempt.control.clone());
    let (engine, task) = (Arc::clone(engine), engine.tasks.begin());
    let span = match attempt.role {
        Role::Refresh => trace::refresh(&attempt.key().program_name()),
        _ => Span::current(),
    };
    let lead = async move {
        lead(&engine, flight, attempt, computation).await;
        drop(task);
    };
    tokio::spawn(lead.instrument(span));
}

/// Computes, unless another process does or has just done so, stores the result and ends the flight.
async fn lead(engine: &Engine, flight: Flight, mut attempt: Attempt, computation: Computation) {
    match attempt.acquire(engine).instrument(trace::lease()).await {
        Start::Compute => {}
        Start::Found(answer) => return finish_found(engine, flight, attempt, answer).await,
        Start::ComputedElsewhere => return flight.finish(Outcome::ComputedElsewhere),
    }
    // Before the computation starts: a caller that joins from here on may have seen a change that the computation does not
    // see.
    flight.computes_under(attempt.generations.clone());
    match compute::run(engine, &mut attempt, computation).await {
        Ok(result) => store::store(engine, flight, attempt, result).await,
        Err(Unfinished::Refused(error)) => store::refuse(engine, flight, attempt, error).await,
        Err(Unfinished::Declined(error)) => store::decline(engine, flight, attempt, error).await,
        Err(Unfinished::Failed(error)) => {
            fallback::failed(engine, flight, attempt, Some(error)).await;
        }
        Err(Unfinished::Panicked) => fallback::failed(engine, flight, attempt, None).await,
    }
}

/// Ends the flight with the answer that another computation has left in the store. Its callers are counted as misses, so they
/// are told that they waited for that computation: a hit would be one too many.
async fn finish_found(engine: &Engine, flight: Flight, mut attempt: Attempt, answer: Answer) {
    flight.finds(std::mem::take(&mut attempt.generations));
    if !answer.entry.tags().is_empty() {
        flight.depends_on_tags();
    }
    let answer = answer.collapsed(&engine.clock);
    flight.finish(match (attempt.role, answer.status) {
        // The callers that joined a refresh may require a fresh page: they join again.
        (Role::Refresh, Status::Stale(_)) => Outcome::ComputedElsewhere,
        _ => Outcome::Shared(Ok(answer)),
    });
    attempt.release().await;
}
