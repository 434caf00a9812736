//! One computation from its beginning to its landing, and what becomes of the result.
//!
//! Step 4 of a lookup, entered on a miss only, in a task of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::answer::{Answer, Status};
use crate::cache::Inner;
use crate::entry::{Clocks, Draft, Entry, Extension};
use crate::flight::{Flight, Outcome};
use crate::job::{COMPUTING, Computed, Job, Rank};
use crate::lease::Lease;
use crate::permit::{Begin, Permit};
use crate::tags::Unstamped;
use crate::{Error, ErrorKind, Key, Place, Policy, Result};

impl Inner {
    /// Computes, unless another process does or has just done so, and lands the flight.
    pub(crate) async fn lead<F, E>(self: Arc<Self>, flight: Flight, mut job: Job, computation: F)
    where
        F: Future<Output = Result<Computed, E>>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let permit = match self.begin(&mut job).await {
            Begin::Found(answer, permit) => {
                flight.mark(permit.marks);
                let is_stale = matches!(answer.status, Status::Stale(_));
                flight.land(match job.rank {
                    // Whoever waits for a refresh may not be content with an old page.
                    Rank::Behind if is_stale => Outcome::GivenUp,
                    _ => Outcome::Shared(Ok(answer)),
                });
                release(permit.lease).await;
                return;
            }
            Begin::GiveUp => return flight.land(Outcome::GivenUp),
            Begin::Compute(permit) => permit,
        };
        flight.mark(permit.marks.clone());
        self.stats.computed.increase();
        let (started, started_ms) = (Instant::now(), self.clock.now_ms());
        let computing = std::mem::take(&mut job.computing);
        let computation = COMPUTING.scope(computing, unwound(computation));
        let result = self.patiently(&mut job, computation).await;
        let cost = started.elapsed();
        let (body, is_negative) = match result {
            Some(Ok(Computed::Page(body))) => (body, false),
            Some(Ok(Computed::Negative(body))) => (body, true),
            Some(Ok(Computed::NotModified)) => match job.old.as_ref().filter(|_| job.is_old_usable)
            {
                Some(old) => (old.body(), false),
                None => return self.failed(flight, job, permit, Some(nothing_old())).await,
            },
            Some(Ok(Computed::Refused(error))) => {
                flight.announce(Err(error));
                self.forget(&job).await;
                release(permit.lease).await;
                return;
            }
            Some(Err(error)) => {
                return self
                    .failed(flight, job, permit, Some(Error::compute(error)))
                    .await;
            }
            None => return self.failed(flight, job, permit, None).await,
        };
        let result = Finished {
            body,
            is_negative,
            cost,
            started_ms,
        };
        self.finish(flight, job, permit, result).await;
    }

    /// Removes the old result, in whose place the model has given another answer.
    async fn forget(&self, job: &Job) {
        if let Some(old) = &job.old {
            let (key, raw) = (job.key.as_str(), old.to_bytes());
            // One that the store keeps is asked for again when it is due.
            let _ = self.backend.replace(key, &raw, None, None).await;
        }
    }

    /// The output of `computation`. While it takes longer than its callers wait, they get the old entry without
    /// waiting.
    async fn patiently<T>(&self, job: &mut Job, computation: impl Future<Output = T>) -> T {
        let mut computation = pin!(computation);
        if let Some(limit) = job.policy.patience().hard.filter(|_| job.keeps_old()) {
            if let Ok(output) = tokio::time::timeout(limit, &mut computation).await {
                return output;
            }
            self.throttle(job).await;
        }
        computation.await
    }

    async fn failed(&self, flight: Flight, mut job: Job, permit: Permit, error: Option<Error>) {
        self.stats.failed.increase();
        if job.keeps_old() {
            let throttle = Duration::from_millis(job.policy.throttle_ms());
            let error = error
                .as_ref()
                .map_or_else(|| "it panicked".to_owned(), ToString::to_string);
            tracing::warn!(
                key = %job.key,
                error,
                "a computation failed: the old result is kept, and the next attempt is made in {throttle:?}"
            );
        }
        match error {
            // Nobody waits for the store; those who come until it has answered get the same.
            Some(error) if job.keeps_old() => flight.announce(Err(error)),
            Some(error) => flight.land(Outcome::Shared(Err(error))),
            None => {}
        }
        self.throttle(&mut job).await;
        release(permit.lease).await;
    }

    /// Leaves an old entry that may be served alone for a while, so that what fails is not asked with every call.
    async fn throttle(&self, job: &mut Job) {
        let Some(old) = job.old.clone().filter(|_| job.keeps_old()) else {
            return;
        };
        let Some(extension) = old.extension() else {
            return;
        };
        let now_ms = self.clock.now_ms();
        let retry_at = now_ms.saturating_add(job.policy.throttle_ms());
        let extension = Extension {
            retry_at,
            ..extension
        };
        let marked = old.resealed(&job.key, old.clocks(), extension);
        let (key, raw) = (job.key.as_str(), marked.to_bytes());
        let expire = marked.keep_for(now_ms);
        job.old = Some(marked);
        // Only what was there: it may have been replaced or removed meanwhile. A store that does not
        // answer is asked again with the next call.
        let _ = self
            .backend
            .replace(key, &old.to_bytes(), Some(raw), expire)
            .await;
    }

    async fn finish(&self, flight: Flight, job: Job, mut permit: Permit, result: Finished) {
        let wish = job.control.wish();
        flight.asks(job.is_answered && (permit.lease.is_some() || !wish.tags.is_empty()));
        let now_ms = self.clock.now_ms();
        let policy = wish.ttl.map_or(job.policy, |ms| job.policy.lasting(ms));
        let clocks = match result.is_negative {
            true => policy.negative_clocks(now_ms, wish.ttl),
            false => Some(policy.clocks(now_ms, self.draw_jitter(&policy))),
        };
        let stamps = match clocks.filter(|_| permit.may_store && !wish.no_store) {
            Some(clocks) => {
                let began_ms = result.started_ms;
                self.stamp(&mut permit.marks, &job, &wish, clocks, began_ms)
                    .await
            }
            None => Err(Unstamped::NotWanted),
        };
        if let Err(Unstamped::Invalidated) = stamps {
            // Whoever came after that is not to be given it.
            flight.revoke();
        }
        if stamps.is_err() && result.is_negative {
            self.forget(&job).await;
        }
        // Another process that removes the entry takes the lease: nobody is given the result before that is known.
        let is_held = match &permit.lease {
            Some(lease) if stamps.is_ok() && job.is_answered => lease.is_held().await,
            _ => Ok(true),
        };
        match is_held {
            Ok(true) if !matches!(stamps, Err(Unstamped::Unknown)) => {}
            Ok(false) => flight.revoke(),
            // The store does not say.
            _ => flight.asks(false),
        }
        let may_store = stamps.is_ok() && !flight.is_revoked();
        let draft = Draft {
            key: &job.key,
            clocks: clocks
                .filter(|_| may_store)
                .unwrap_or(Clocks::plain(now_ms, 0)),
            cost: result.cost,
            is_negative: result.is_negative,
            extension: Extension {
                version: policy.version_number(),
                retry_at: 0,
                epoch: permit.marks.epoch,
                tags: stamps.unwrap_or_default(),
            },
            body: &result.body,
        };
        let entry = draft.seal();
        if wish.no_store {
            self.flights.keep_apart(job.key.as_str(), now_ms);
            let answer = Answer::new(entry, Status::NotStored, None, now_ms);
            flight.land(Outcome::Private(answer));
            release(permit.lease).await;
            return;
        }
        self.store(flight, &job.key, entry, may_store, permit.lease)
            .await;
    }

    fn draw_jitter(&self, policy: &Policy) -> f64 {
        if policy.has_jitter() {
            self.draw()
        } else {
            0.0
        }
    }

    /// Stores and lands. To a store outside this process the result is written after it was announced,
    /// so that nobody waits; until that store has answered, the flight goes on, and no other begins.
    async fn store(
        &self,
        flight: Flight,
        key: &Key,
        entry: Entry,
        may_store: bool,
        lease: Option<Lease>,
    ) {
        // Made just now, it has its whole life before it.
        let answer = |status| Ok(Answer::new(entry.clone(), status, None, entry.created_ms()));
        let is_too_large = entry.body().len() > self.max_entry;
        if is_too_large {
            self.stats.too_large.increase();
        }
        let is_wanted = !is_too_large && !flight.is_revoked();
        let may_store = may_store && is_wanted && self.backend.place() != Place::Nowhere;
        if !may_store {
            flight.land(Outcome::Shared(answer(Status::NotStored)));
            release(lease).await;
            return;
        }
        if self.is_shared() {
            let is_writable = self.backend.is_writable();
            flight.announce(answer(match is_writable {
                true => Status::Stored,
                false => Status::NotStored,
            }));
        }
        let expire = entry.keep_for(self.clock.now_ms());
        let is_stored = self
            .backend
            .set(key.as_str(), entry.to_bytes(), expire)
            .await;
        if is_stored {
            self.stats.stored.increase();
            self.recent.note(key.as_str(), entry.clocks().keep_until);
        }
        if !release(lease).await {
            flight.revoke();
        }
        // Removed or taken over since it was computed: then it is not to be found afterwards.
        if is_stored && flight.is_revoked() {
            let removed = self
                .backend
                .replace(key.as_str(), &entry.to_bytes(), None, None)
                .await;
            if removed.is_err() {
                tracing::warn!(
                    %key,
                    "an entry that was removed while it was computed is still stored: remove it again"
                );
            }
        }
        if !self.is_shared() {
            let status = match is_stored {
                true => Status::Stored,
                false => Status::NotStored,
            };
            flight.land(Outcome::Shared(answer(status)));
        }
    }
}

/// What was computed.
struct Finished {
    body: Bytes,
    is_negative: bool,
    cost: Duration,
    started_ms: u64,
}

/// Whether the lease, if there was one, was this process's to the end.
async fn release(lease: Option<Lease>) -> bool {
    match lease {
        Some(lease) => lease.release().await,
        None => true,
    }
}

/// The output of `computation`, or `None` if it panicked.
async fn unwound<F: Future>(computation: F) -> Option<F::Output> {
    let mut computation = pin!(computation);
    std::future::poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| computation.as_mut().poll(context)));
        match poll {
            Ok(poll) => poll.map(Some),
            Err(_) => std::task::Poll::Ready(None),
        }
    })
    .await
}

fn nothing_old() -> Error {
    let message = "the computation says that the old result is not modified, but there is none: ask \
                   CacheControl::old_value first";
    Error::new(ErrorKind::Compute, message)
}
