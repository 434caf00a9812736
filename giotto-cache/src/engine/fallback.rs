//! How one caller waits for a computation, and what it is served if that fails or takes too long.
//!
//! Part of step 4 of a lookup: what the policy allows after an error, and its time limits.

use std::time::Duration;

use crate::answer::Answer;
use crate::cache::Inner;
use crate::engine::read::Look;
use crate::engine::single_flight::{Landing, Outcome};
use crate::entry::Entry;
use crate::entry::freshness::Fallback;
use crate::error::{Error, ErrorKind, Result};
use crate::lookup::Lookup;
use crate::policy::Patience;
use crate::reason::{Reason, Staleness, Status};

/// How one caller waits for a computation.
pub(crate) struct Wait {
    since: tokio::time::Instant,
    limit: Option<Duration>,
    /// What may be served in place of a result, when, and what to ask the store for before it is.
    fallback: Option<(Entry, Fallback, Lookup)>,
    reason: Reason,
}

impl Wait {
    pub(crate) fn new(lookup: &Lookup, look: &Look, reason: Reason) -> Self {
        let Patience { soft, hard } = lookup.policy.patience();
        let fallback = look.fallback();
        let entry = look.entry.clone().filter(|_| match fallback {
            Fallback::Never => false,
            // After the hard limit it has failed.
            Fallback::IfLate => soft.is_some(),
            Fallback::Always => true,
        });
        Self {
            since: tokio::time::Instant::now(),
            limit: soft.filter(|_| entry.is_some()).or(hard),
            fallback: entry.map(|entry| (entry, fallback, lookup.clone())),
            reason,
        }
    }

    /// Whether there is something to serve if the computation fails.
    pub(crate) fn may_fail(&self) -> bool {
        let fallback = self.fallback.as_ref();
        fallback.is_some_and(|(_, fallback, _)| fallback.covers(Staleness::Failed))
    }

    /// What the flight lands with, or that it takes too long; `None` if it ends without a result.
    pub(crate) async fn result(&self, landing: &mut Landing) -> Option<Outcome> {
        let Some(limit) = self.limit else {
            return landing.result().await;
        };
        let in_time = tokio::time::timeout_at(self.since + limit, landing.result()).await;
        in_time.unwrap_or_else(|_| Some(Outcome::Shared(Err(too_late(limit)))))
    }
}

impl Inner {
    /// The result, or what may be served in its place if it is a failure.
    pub(crate) async fn after(&self, result: Result<Answer>, wait: Wait) -> Result<Answer> {
        let error = match result {
            Ok(answer) if answer.status == Status::Hit => return Ok(answer),
            Ok(answer) => {
                return Ok(Answer {
                    reason: answer.reason.or(Some(wait.reason)),
                    ..answer
                });
            }
            Err(error) => error,
        };
        let staleness = match error.kind() {
            ErrorKind::Timeout => Staleness::Late,
            ErrorKind::Compute | ErrorKind::Panic => Staleness::Failed,
            _ => return Err(error.because(wait.reason)),
        };
        let covering = |fallback: &Fallback| fallback.covers(staleness);
        let Some((entry, _, lookup)) = wait.fallback.filter(|(_, when, _)| covering(when)) else {
            return Err(error.because(wait.reason));
        };
        // It may have been purged while its caller waited.
        let look = self.look(&lookup).await;
        let entry = match look.is_answered {
            true if covering(&look.fallback()) => look.entry,
            true => None,
            false => Some(entry),
        };
        let Some(entry) = entry else {
            return Err(error.because(wait.reason));
        };
        self.stats.stale.increase();
        let status = Status::Stale(staleness);
        let now_ms = self.clock.now_ms();
        Ok(Answer::new(entry, status, Some(wait.reason), now_ms))
    }
}

fn too_late(limit: Duration) -> Error {
    let message =
        format!("the computation took longer than {limit:?}; it goes on: try again in a moment");
    Error::new(ErrorKind::Timeout, message)
}
