//! One computation from its beginning to its landing, and what becomes of the result.
//!
//! Step 4 of a lookup, entered on a miss only, in a task of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::answer::{Answer, NotStored, Status};
use crate::builder::ENVELOPE;
use crate::cache::Inner;
use crate::entry::{Clocks, Draft, Entry, Extension};
use crate::flight::{Flight, Outcome};
use crate::guard::unanswered::Unanswered;
use crate::job::{COMPUTING, Computed, Job, Rank};
use crate::lease::Lease;
use crate::log::Cut;
use crate::permit::{Begin, Permit};
use crate::tags::{Unstamped, may_be_tags};
use crate::{Error, ErrorKind, Key, Place, Policy, Result};

/// How often the log tells of results that are too large to store.
const TOO_LARGE_EVERY_MS: u64 = 60_000;

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

    /// Removes the old result, which is not to be served in the place of the answer that was computed.
    async fn forget(&self, job: &Job) {
        let key = job.key.as_str();
        // One that the store keeps all the same is asked for again when it is due.
        let _ = match &job.old {
            Some(old) => self.backend.replace(key, &old.to_bytes(), None, None).await,
            // It is not known what is there.
            None if !job.is_answered && job.rank != Rank::Unstored => {
                self.backend.delete(key).await
            }
            None => return,
        };
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
            let error = match &error {
                Some(error) => Cut(error).to_string(),
                None => "it panicked".to_owned(),
            };
            let key = Cut(&job.key).to_string();
            let event = (job.key.program().to_owned(), error.clone());
            self.log.tell(event, move |repeated| {
                tracing::warn!(
                    key,
                    error,
                    repeated,
                    "a computation failed: the old result is kept, and the next attempt is made in {throttle:?}"
                );
            });
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
        let marked = old.resealed(&job.key, old.clocks(), extension, &self.signer);
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
            Ok(true) if !matches!(stamps, Err(Unstamped::Unknown | Unstamped::Bad)) => {}
            Ok(false) => flight.revoke(),
            // The store does not say.
            _ => flight.asks(false),
        }
        let is_stamped = stamps.is_ok() && !flight.is_revoked();
        let draft = Draft {
            key: &job.key,
            clocks: clocks
                .filter(|_| is_stamped)
                .unwrap_or(Clocks::plain(now_ms, 0)),
            cost: result.cost,
            is_negative: result.is_negative,
            has_own_time: wish.ttl.is_some(),
            extension: Extension {
                version: policy.version_number(),
                retry_at: 0,
                epoch: permit.marks.epoch,
                tags: stamps.clone().unwrap_or_default(),
            },
            body: &result.body,
        };
        let entry = draft.seal(&self.signer);
        let why = match stamps {
            _ if wish.no_store => Some(NotStored::NoStore),
            _ if self.backend.place() != Place::Nowhere && self.is_too_large(&entry) => {
                Some(NotStored::TooLarge)
            }
            _ if !may_be_tags(&job.tags) || !may_be_tags(&wish.tags) => Some(NotStored::BadTag),
            Err(Unstamped::Bad) => Some(NotStored::BadTag),
            Err(Unstamped::Invalidated) => Some(NotStored::Invalidated),
            Err(Unstamped::Unknown) => Some(NotStored::StoreFailed),
            Ok(_) if !is_stamped => Some(NotStored::Invalidated),
            Ok(_) | Err(Unstamped::NotWanted) => None,
        };
        match why {
            None if is_stamped && self.backend.place() != Place::Nowhere => {
                self.store(flight, &job, entry, permit.lease).await;
            }
            _ => self.keep_out(flight, &job, entry, why, permit.lease).await,
        }
    }

    fn draw_jitter(&self, policy: &Policy) -> f64 {
        if policy.has_jitter() {
            self.draw()
        } else {
            0.0
        }
    }

    fn is_too_large(&self, entry: &Entry) -> bool {
        let length = entry.to_bytes().len();
        let is_over =
            entry.body().len() > self.max_entry || length > self.max_entry.saturating_add(ENVELOPE);
        is_over || self.backend.refuses(length)
    }

    /// Takes note of a result that is too large to store, and tells it once a minute.
    fn note_too_large(&self, key: &Key, bytes: usize) {
        self.stats.too_large.increase();
        self.recent.note_too_large(key.as_str());
        let now_ms = self.clock.now_ms();
        if self.too_large.allows(now_ms, TOO_LARGE_EVERY_MS) {
            tracing::warn!(
                key = %Cut(key),
                bytes,
                max_entry = self.max_entry,
                "a result is too large to store: it is computed for every request"
            );
        }
    }

    /// Lands with a result that is not stored. What is stored under its key is older, and goes where this one could not
    /// take its place: nothing would end its being served.
    async fn keep_out(
        &self,
        flight: Flight,
        job: &Job,
        entry: Entry,
        why: Option<NotStored>,
        lease: Option<Lease>,
    ) {
        if why == Some(NotStored::TooLarge) {
            self.note_too_large(&job.key, entry.body().len());
        }
        if let Some(NotStored::NoStore | NotStored::TooLarge | NotStored::BadTag) = why {
            self.forget(job).await;
        }
        let now_ms = entry.created_ms();
        let answer = Answer::not_stored(entry, why, now_ms);
        if why == Some(NotStored::NoStore) {
            self.flights.keep_apart(job.key.as_str(), now_ms);
            flight.land(Outcome::Private(answer));
        } else {
            flight.land(Outcome::Shared(Ok(answer)));
        }
        release(lease).await;
    }

    /// Stores and lands. To a store outside this process the result is written after it was announced,
    /// so that nobody waits; until that store has answered, the flight goes on, and no other begins.
    async fn store(&self, flight: Flight, job: &Job, entry: Entry, lease: Option<Lease>) {
        let key = &job.key;
        // Made just now, it has its whole life before it.
        let answer = |why: Option<NotStored>| match why {
            None => Answer::new(entry.clone(), Status::Stored, None, entry.created_ms()),
            why => Answer::not_stored(entry.clone(), why, entry.created_ms()),
        };
        if self.is_shared() {
            // The store has still to be asked: what is known of it is said.
            let is_accepting = job.is_answered && self.backend.is_writable(key.as_str());
            let why = (!is_accepting).then_some(NotStored::StoreFailed);
            flight.announce(Ok(answer(why)));
        }
        let expire = entry.keep_for(self.clock.now_ms());
        let stored = self
            .backend
            .set(key.as_str(), entry.to_bytes(), expire)
            .await;
        let why = match stored {
            Ok(()) => {
                self.stats.stored.increase();
                self.recent.note(key.as_str(), entry.clocks().keep_until);
                None
            }
            Err(Unanswered::TooLarge) => {
                self.note_too_large(key, entry.body().len());
                // An older one that is still stored must not be served in its place.
                self.forget(job).await;
                Some(NotStored::TooLarge)
            }
            Err(_) => {
                self.stats.not_stored.increase();
                Some(NotStored::StoreFailed)
            }
        };
        if !release(lease).await {
            flight.revoke();
        }
        // Removed or taken over since it was computed: then it is not to be found afterwards.
        if stored.is_ok() && flight.is_revoked() {
            let removed = self
                .backend
                .replace(key.as_str(), &entry.to_bytes(), None, None)
                .await;
            if removed.is_err() {
                tracing::warn!(
                    key = %Cut(key),
                    "an entry that was removed while it was computed is still stored: remove it again"
                );
            }
        }
        if !self.is_shared() {
            flight.land(Outcome::Shared(Ok(answer(why))));
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
