//! The engine: look, serve what may be served, else compute once.
//!
//! Step 1 of a lookup; every other file of this crate is called from here.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use crate::answer::{Answer, Staleness, Status};
use crate::builder::Builder;
use crate::control::CacheControl;
use crate::flight::{Crews, Flight, Flights, Join, Outcome};
use crate::generation::Epochs;
use crate::guard::store::GuardedStore;
use crate::job::{Computed, Job, Rank, is_computing};
use crate::log::Limiter;
use crate::log::Pace;
use crate::look::{Look, Read};
use crate::lookup::{Lookup, Mode};
use crate::pending::Pending;
use crate::recent::Recent;
use crate::signature::Signer;
use crate::stats::{Counts, Stats};
use crate::verdict::{Reason, Verdict};
use crate::wait::Wait;
use crate::{Clock, Error, ErrorKind, Key, KeyValue, Place, Policy, Result};

/// A store that answers within its deadline has let a flight end by then.
const SLACK: Duration = Duration::from_millis(25);

/// A cache of finished results in front of a [`KeyValue`]. Cloning it shares it.
///
/// It runs inside a Tokio runtime whose timer is enabled.
#[derive(Clone)]
pub struct Cache {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) backend: Arc<GuardedStore>,
    pub(crate) flights: Flights,
    pub(crate) crews: Crews,
    pub(crate) epochs: Epochs,
    pub(crate) pending: Pending,
    pub(crate) signer: Signer,
    pub(crate) log: Limiter,
    /// Of log lines that one bad key, value or result after the other would cause.
    pub(crate) ignorings: Pace,
    pub(crate) bad_tags: Pace,
    pub(crate) deferrals: Pace,
    pub(crate) too_large: Pace,
    pub(crate) recent: Recent,
    pub(crate) clock: Clock,
    pub(crate) stats: Arc<Stats>,
    pub(crate) max_entry: usize,
    pub(crate) random: Mutex<fastrand::Rng>,
}

impl Cache {
    /// A cache in front of `store`, with the default settings.
    #[must_use]
    pub fn new(store: impl KeyValue) -> Self {
        Self::builder(Arc::new(store)).build()
    }

    /// A cache in front of `store`, with settings.
    #[must_use]
    pub fn builder(store: Arc<dyn KeyValue>) -> Builder {
        Builder::new(store)
    }

    /// The stored result of `key` while it is fresh, else the result of `compute`, stored as `policy` says.
    ///
    /// This is [`answer`](Self::answer) for a computation that returns bytes and says nothing else.
    ///
    /// # Errors
    ///
    /// Those of [`answer`](Self::answer).
    pub async fn get_or_compute<C, F, E>(
        &self,
        key: Key,
        policy: Policy,
        compute: C,
    ) -> Result<Answer>
    where
        C: FnOnce() -> F,
        F: Future<Output = Result<Bytes, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let lookup = Lookup::new(key, &policy).allow_own_time(false);
        if let Some(answer) = self.hit(&lookup) {
            return Ok(answer);
        }
        self.answer(lookup, |_| {
            let computation = compute();
            async move { computation.await.map(Computed::Page) }
        })
        .await
    }

    /// The stored result of `lookup` while it may be served, else the result of `compute`, stored as the policy says.
    ///
    /// `compute` is called at most once for all callers that ask for the same key at the same time, and its future
    /// runs in a task of its own: a caller that goes away ends nothing. All of them get the same bytes, or the same
    /// error, which is not stored; but no caller gets what was begun before an invalidation that it came after. If
    /// `compute` panics, its caller gets an error and one of those who waited computes again, once. Of several
    /// processes that share the store one computes; the others wait for it for up to five seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Compute`] with the error of `compute` (see [`Error::computed`]), [`ErrorKind::Panic`],
    /// [`ErrorKind::Timeout`] or [`ErrorKind::NotCached`]. A failing store is not an error but a miss.
    pub async fn answer<C, F, E>(&self, lookup: Lookup<'_>, compute: C) -> Result<Answer>
    where
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let read = match lookup.mode {
            Mode::Bypass => Read::left_out(),
            _ => self.inner.read(&lookup).await,
        };
        match self.inner.hit(&lookup, &read) {
            Some(answer) => Ok(answer),
            // Boxed, so that the future of a plain hit stays small.
            None => Box::pin(self.answer_read(lookup, read, compute)).await,
        }
    }

    /// The stored result of `lookup` if it is fresh, has nothing but a time to live, and can be had without waiting:
    /// what most lookups in memory come to. Whoever asks [`answer`](Self::answer) need not ask this first.
    #[must_use]
    pub fn hit(&self, lookup: &Lookup<'_>) -> Option<Answer> {
        self.inner.hit_now(lookup)
    }

    /// Counters of what this cache did since it was made.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let counts = self.inner.stats.snapshot();
        counts.with_layers(self.store().counts())
    }

    /// Computations under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.flights.len()
    }

    /// The store itself, for management: creating its tables, emptying it.
    #[must_use]
    pub fn store(&self) -> &dyn KeyValue {
        self.inner.backend.store()
    }

    /// How long one call to a store outside this process may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.inner.backend.deadline()
    }

    /// The layers of the store, the fastest first; the store itself if it has none.
    pub(crate) fn stores(&self) -> Vec<&dyn KeyValue> {
        let layers = self.store().layers();
        match layers.is_empty() {
            true => vec![self.store()],
            false => layers,
        }
    }

    /// Returns once every computation under way has ended, its result is stored, and the store has tidied up.
    /// Call it before the process exits, so that what was computed last is kept.
    pub async fn settle(&self) {
        self.inner.crews.ended().await;
        self.store().settle().await;
    }

    /// Serves what was read, if it may be, and computes where that is due.
    async fn answer_read<C, F, E>(
        &self,
        lookup: Lookup<'_>,
        read: Read,
        compute: C,
    ) -> Result<Answer>
    where
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let look = match lookup.mode {
            Mode::Prefer | Mode::Only => self.inner.judge(&lookup, read).await,
            Mode::Refresh => self.inner.judge(&lookup, read).await.refused(),
            Mode::Bypass => Look::left_out(Reason::Bypass),
        };
        let stats = &self.inner.stats;
        let is_only = lookup.mode == Mode::Only;
        let Look {
            entry,
            verdict,
            now_ms,
            ..
        } = &look;
        let served = |status, reason| {
            let entry = entry.clone()?;
            Some(Answer::new(entry, status, reason, *now_ms))
        };
        let (answer, may_refresh) = match verdict {
            Verdict::Fresh => (served(Status::Hit, None), false),
            Verdict::Early => (served(Status::Hit, None), true),
            Verdict::Stale { reason } => {
                let status = Status::Stale(Staleness::Revalidating);
                (served(status, Some(reason.clone())), true)
            }
            Verdict::Throttled { reason } => {
                let status = Status::Stale(Staleness::Throttled);
                (served(status, Some(reason.clone())), false)
            }
            Verdict::Due { .. } => (None, false),
        };
        if let Some(answer) = answer {
            match answer.status {
                Status::Hit => stats.hits.increase(),
                _ => stats.stale.increase(),
            }
            if may_refresh && !is_only {
                self.refresh(lookup, look, compute);
            }
            return Ok(answer);
        }
        let reason = self.inner.reason(&lookup.key, &look);
        stats.missed(&reason);
        tracing::debug!(key = %lookup.key, %reason, "nothing fresh is stored");
        if is_only {
            return Err(not_cached(&look, &reason));
        }
        self.compute_once(lookup, look, reason, compute).await
    }

    /// Has a new result computed, unless somebody does; nobody waits for it.
    fn refresh<C, F, E>(&self, lookup: Lookup<'_>, look: Look, compute: C)
    where
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let key = lookup.key.as_str();
        if let Join::Lead(flight, _) = self.inner.flights.join(key, look.now_ms) {
            self.inner.stats.refreshes.increase();
            let (mut job, control) = self.job(lookup, look);
            job.rank = Rank::Behind;
            self.spawn(*flight, job, compute(control));
        }
    }

    async fn compute_once<C, F, E>(
        &self,
        lookup: Lookup<'_>,
        look: Look,
        reason: Reason,
        compute: C,
    ) -> Result<Answer>
    where
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (inner, flights) = (&self.inner, &self.inner.flights);
        let wait = Wait::new(&lookup, &look, reason);
        let key = lookup.key.as_str();
        let mut attempts = 0;
        let (rank, (flight, mut landing)) = loop {
            if lookup.mode == Mode::Bypass || is_computing(key) {
                break (Rank::Unstored, flights.lead_apart(key));
            }
            let mut landing = match flights.join(key, inner.clock.now_ms()) {
                Join::Lead(flight, landing) => break (Rank::First, (*flight, landing)),
                Join::Apart => break (Rank::Apart, flights.lead_apart(key)),
                Join::Wait(landing) => landing,
            };
            inner.stats.collapsed.increase();
            let outcome = wait.result(&mut landing).await;
            let counts = lookup.mode != Mode::Refresh && landing.counts_for(&look);
            match outcome {
                Some(Outcome::Private(_)) => break (Rank::Apart, flights.lead_apart(key)),
                Some(Outcome::GivenUp) => {}
                Some(Outcome::Shared(result)) => {
                    // A new result is wanted, or an invalidation lies between the beginning of that computation and
                    // this call.
                    if result.is_ok() && !counts {
                        let ended =
                            timeout(inner.backend.deadline() + SLACK, landing.ended()).await;
                        // A store that hangs has not taken an invalidation either.
                        if ended.is_ok() || !landing.is_late() || lookup.mode == Mode::Refresh {
                            continue;
                        }
                    }
                    let result = result.map(|answer| answer.collapsed(&inner.clock));
                    return inner.after(result, wait).await;
                }
                // One of those who waited for a computation that panicked computes again, once, unless there is
                // something else to serve.
                None if attempts == 0 && !wait.may_fail() => attempts += 1,
                None => return inner.after(Err(panicked()), wait).await,
            }
        };
        let (mut job, control) = self.job(lookup, look);
        job.rank = rank;
        self.spawn(flight, job, compute(control));
        let result = match wait.result(&mut landing).await {
            Some(Outcome::Shared(result)) => result,
            Some(Outcome::Private(answer)) => Ok(answer),
            Some(Outcome::GivenUp) | None => Err(panicked()),
        };
        inner.after(result, wait).await
    }

    fn spawn<F, E>(&self, flight: Flight, job: Job, computation: F)
    where
        F: Future<Output = Result<Computed, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (inner, crew) = (Arc::clone(&self.inner), self.inner.crews.begin());
        tokio::spawn(async move {
            inner.lead(flight, job, computation).await;
            drop(crew);
        });
    }

    fn job(&self, lookup: Lookup<'_>, look: Look) -> (Job, CacheControl) {
        let control = CacheControl::new(look.old_value(), &self.inner.clock);
        (Job::new(lookup, look, control.clone()), control)
    }
}

impl Inner {
    /// A random number from 0 to 1.
    pub(crate) fn draw(&self) -> f64 {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.f64()
    }

    /// Why there is nothing fresh of `key`.
    pub(crate) fn reason(&self, key: &Key, look: &Look) -> Reason {
        let reason = look.reason();
        let is_due = look.is_answered && matches!(look.verdict, Verdict::Due { .. });
        let may_be_apart = is_due && reason != Reason::Refresh;
        match may_be_apart && self.flights.is_apart(key.as_str(), look.now_ms) {
            true => Reason::NotStorable,
            false => reason,
        }
    }

    /// Whether other processes read and write the store.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.backend.place(), Place::Shared | Place::Layered)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("store", &self.store())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

fn panicked() -> Error {
    Error::new(
        ErrorKind::Panic,
        "the computation panicked; its message is in the log",
    )
}

fn not_cached(look: &Look, reason: &Reason) -> Error {
    let remedy = match look.entry {
        Some(_) => "an old result is stored, which may not be served without computing",
        None => "nothing that may be served is stored",
    };
    let message = format!("{remedy} ({reason})");
    Error::new(ErrorKind::NotCached, message).because(reason.clone())
}
