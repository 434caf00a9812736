//! What a caller is served instead of a result that fails or takes too long: the old entry, where the policy allows it.
//!
//! Step 7 of a lookup, in the caller's task: [`Fallback`]. And in the task that computes: [`throttle`] has the next callers
//! get the old entry without an attempt for a while.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::answer::Answer;
use crate::engine::attempt::Attempt;
use crate::engine::read::{self, Found};
use crate::engine::single_flight::{Flight, Outcome, Waiter};
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::extension::Extension;
use crate::entry::freshness::StandIn;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Cut;
use crate::lookup::Lookup;
use crate::policy::Patience;
use crate::reason::{Reason, Staleness, Status};

/// How long a caller waits for a computation, and what it gets if the computation fails or takes longer.
pub(crate) struct Fallback {
    since: Instant,
    limit: Option<Duration>,
    old: Option<Old>,
    reason: Reason,
}

/// The old entry, when it may be served, and the lookup that asks for it once more before it is.
struct Old {
    entry: Entry,
    stand_in: StandIn,
    lookup: Lookup,
}

impl Fallback {
    /// `reason` is why there was nothing fresh.
    pub(crate) fn new(lookup: &Lookup, found: &Found, reason: Reason) -> Self {
        let Patience { soft, hard } = lookup.policy.patience();
        let stand_in = found.freshness.stand_in();
        let entry = found.entry.clone().filter(|_| match stand_in {
            StandIn::Never | StandIn::OldValue => false,
            // After the hard limit the computation counts as failed.
            StandIn::IfLate => soft.is_some(),
            StandIn::Always => true,
        });
        let old = entry.map(|entry| Old {
            entry,
            stand_in,
            lookup: lookup.clone(),
        });
        Self {
            since: Instant::now(),
            limit: soft.filter(|_| old.is_some()).or(hard),
            old,
            reason,
        }
    }

    /// Whether there is something to serve if the computation fails.
    pub(crate) fn covers_failure(&self) -> bool {
        let old = self.old.as_ref();
        old.is_some_and(|old| old.stand_in.covers(Staleness::Failed))
    }

    /// The outcome of the flight, or that it takes too long; `None` if the flight ends without one.
    pub(crate) async fn wait(&self, waiter: &mut Waiter) -> Option<Outcome> {
        let Some(limit) = self.limit else {
            return waiter.outcome().await;
        };
        let outcome = timeout_at(self.since + limit, waiter.outcome()).await;
        outcome.unwrap_or_else(|_| Some(Outcome::Shared(Err(too_late(limit)))))
    }

    /// The result, or what may be served in its place if it is a failure.
    pub(crate) async fn apply(self, engine: &Engine, result: Result<Answer>) -> Result<Answer> {
        let error = match result {
            Ok(answer) => return Ok(self.computed(engine, answer)),
            Err(error) => error,
        };
        let staleness = match error.kind() {
            ErrorKind::Timeout => Staleness::Late,
            ErrorKind::Compute | ErrorKind::Panic => Staleness::Failed,
            _ => return Err(error.because(self.reason)),
        };
        let old = self.old.filter(|old| old.stand_in.covers(staleness));
        let Some(old) = old else {
            return Err(error.because(self.reason));
        };
        let key = old.lookup.key.clone();
        let Some(entry) = old.still_allowed(engine, staleness).await else {
            return Err(error.because(self.reason));
        };
        let now_ms = engine.clock.now_ms();
        let meter = engine.meter(&key);
        meter.served_stale(staleness, entry.cost_us(), now_ms);
        let status = Status::Stale(staleness);
        Ok(Answer::new(entry, status, Some(self.reason), now_ms))
    }

    /// The answer of a computation, with the reason why it was needed. A computation in another process may have left a
    /// throttled entry: for this caller it has failed just now.
    fn computed(self, engine: &Engine, mut answer: Answer) -> Answer {
        if let (Status::Stale(_), Some(old)) = (answer.status, &self.old) {
            answer.status = Status::Stale(Staleness::Failed);
            let (meter, now_ms) = (engine.meter(&old.lookup.key), engine.clock.now_ms());
            meter.served_stale(Staleness::Failed, answer.entry.cost_us(), now_ms);
        }
        answer.reason = answer.reason.or(Some(self.reason));
        answer
    }
}

impl Old {
    /// The old entry. Race: it may be purged or removed while its caller waits, so it is judged again. If the store does not
    /// answer, the judgement from before the wait stands.
    async fn still_allowed(self, engine: &Engine, staleness: Staleness) -> Option<Entry> {
        let found = read::find(engine, &self.lookup).await;
        match found.is_answered {
            true if found.freshness.stand_in().covers(staleness) => found.entry,
            true => None,
            false => Some(self.entry),
        }
    }
}

/// Ends a flight whose computation has failed, with `error` or by a panic, and keeps the old entry for a while.
pub(crate) async fn failed(
    engine: &Engine,
    flight: Flight,
    mut attempt: Attempt,
    error: Option<Error>,
) {
    engine.meter(attempt.key()).stats.failed.increase();
    let keeps_old = attempt.keeps_old(engine.clock.now_ms());
    if keeps_old {
        log_failure(engine, &attempt, error.as_ref());
    }
    match error {
        // No caller waits until the store is told; those that join until then get the same error.
        Some(error) if keeps_old => flight.announce(Outcome::Shared(Err(error))),
        Some(error) => flight.finish(Outcome::Shared(Err(error))),
        // After a panic there is no outcome to announce. The waiters wake when the flight is dropped, after the entry is
        // throttled: a waiter that computes again must find the throttle.
        None => {}
    }
    throttle(engine, &mut attempt).await;
    attempt.release().await;
}

fn log_failure(engine: &Engine, attempt: &Attempt, error: Option<&Error>) {
    let throttle = Duration::from_millis(attempt.lookup.policy.throttle_ms());
    let error = match error {
        Some(error) => Cut(error).to_string(),
        None => "it panicked".to_owned(),
    };
    let key = Cut(attempt.key()).to_string();
    let event = (attempt.key().program().to_owned(), error.clone());
    engine.log.tell(event, move |repeated| {
        tracing::warn!(
            key,
            error,
            repeated,
            "a computation failed: the old result is kept, and the next attempt is made in {throttle:?}"
        );
    });
}

/// Writes into the old entry when the next attempt may start. Until then every process serves the entry without computing.
pub(crate) async fn throttle(engine: &Engine, attempt: &mut Attempt) {
    let now_ms = engine.clock.now_ms();
    let Some(old) = attempt.old.clone().filter(|_| attempt.keeps_old(now_ms)) else {
        return;
    };
    let Some(extension) = old.extension() else {
        return;
    };
    let retry_at = now_ms.saturating_add(attempt.lookup.policy.throttle_ms());
    let extension = Extension {
        retry_at,
        ..extension
    };
    let throttled = old.resealed(attempt.key(), old.clocks(), extension, &engine.signer);
    let (key, raw) = (attempt.key().as_str(), throttled.to_bytes());
    let expire = throttled.keep_for(now_ms);
    // By compare-and-set: the entry may have been replaced or removed meanwhile, which must not be undone. If the store does
    // not answer, the next failed attempt writes the throttle.
    let _ = engine
        .store
        .replace(key, &old.to_bytes(), Some(raw), expire)
        .await;
    attempt.old = Some(throttled);
}

fn too_late(limit: Duration) -> Error {
    let message =
        format!("the computation took longer than {limit:?}; it goes on: try again in a moment");
    Error::new(ErrorKind::Timeout, message)
}

pub(crate) fn panicked() -> Error {
    Error::new(
        ErrorKind::Panic,
        "the computation panicked; its message is in the log",
    )
}

pub(crate) fn not_cached(found: &Found, reason: &Reason) -> Error {
    let what = match found.entry {
        Some(_) => "an old result is stored, which may not be served without computing",
        None => "nothing that may be served is stored",
    };
    let message = format!("{what} ({reason})");
    Error::new(ErrorKind::NotCached, message).because(reason.clone())
}
