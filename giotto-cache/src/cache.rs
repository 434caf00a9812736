//! The engine: look, else compute once, store, and hand the same bytes to all.
//!
//! Step 1 of a lookup; every other file of this crate is called from here.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::backend::Backend;
use crate::flight::{Flight, Flights, Join, Landing};
use crate::stats::{Counts, Stats};
use crate::{Clock, Entry, Error, ErrorKind, Key, KeyValue, Place, Policy, Result};

const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);
const DEFAULT_MAX_ENTRY: usize = 1 << 20;

/// A cache of finished results in front of a [`KeyValue`]. Cloning it shares it.
///
/// It runs inside a Tokio runtime whose timer is enabled.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    flights: Flights,
    clock: Clock,
    stats: Arc<Stats>,
    max_entry: usize,
}

/// A result and how it was come by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The result.
    pub entry: Entry,
    /// How it was come by.
    pub status: Status,
    /// How much longer it is fresh; `None` = it never expires.
    pub fresh_for: Option<Duration>,
}

/// How an [`Answer`] was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It was stored and fresh.
    Hit,
    /// It was computed for this caller and handed to the store.
    Stored,
    /// It was computed for this caller and not stored: too large, or the store keeps nothing or is down.
    NotStored,
    /// Another caller was computing it already, and this one waited.
    Collapsed,
}

/// Why a look into the store found nothing to serve.
#[derive(Clone, Copy, PartialEq)]
enum Miss {
    /// It has nothing, or nothing that is still fresh.
    Absent,
    /// It has something that is not an entry of the key.
    Undecodable,
    /// It failed, was late, or was left alone.
    Unanswered,
}

/// The settings of a [`Cache`], given one by one.
#[derive(Debug)]
pub struct Builder {
    store: Arc<dyn KeyValue>,
    clock: Clock,
    deadline: Duration,
    max_entry: usize,
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
        Builder {
            store,
            clock: Clock::system(),
            deadline: DEFAULT_DEADLINE,
            max_entry: DEFAULT_MAX_ENTRY,
        }
    }

    /// The stored result of `key` while it is fresh, else the result of `compute`, stored as `policy` says.
    ///
    /// `compute` is called at most once for all callers that ask for `key` at the same time, and its future
    /// runs in a task of its own: a caller that goes away ends nothing. All of them get the same bytes, or
    /// the same error, which is not stored. If `compute` panics, its caller gets an error and one of those
    /// who waited computes again, once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Compute`] with the error of `compute` (see [`Error::computed`]), or
    /// [`ErrorKind::Panic`]. A failing store is not an error but a miss.
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
        let miss = match self.inner.look(&key).await {
            Ok(answer) => {
                self.inner.stats.hits.increase();
                return Ok(answer);
            }
            Err(miss) => miss,
        };
        self.inner.stats.misses.increase();
        if miss == Miss::Undecodable {
            self.inner.stats.undecodable.increase();
        }
        // A store that did not answer this caller in time is not given a second chance to delay it.
        let look_again = miss != Miss::Unanswered;
        // Boxed, so that the future of a hit stays small.
        Box::pin(self.compute_once(key, policy, look_again, compute)).await
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

    /// Returns once every computation under way has ended, its result is stored, and the store has tidied up.
    /// Call it before the process exits, so that what was computed last is kept.
    pub async fn settle(&self) {
        self.inner.flights.ended().await;
        self.store().settle().await;
    }

    async fn compute_once<C, F, E>(
        &self,
        key: Key,
        policy: Policy,
        look_again: bool,
        compute: C,
    ) -> Result<Answer>
    where
        C: FnOnce() -> F,
        F: Future<Output = Result<Bytes, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        // Twice, because a flight whose leader panicked is flown once more by one of those who waited.
        for _ in 0..2 {
            match self.inner.flights.join(key.as_str()) {
                Join::Lead(flight, landing) => {
                    let inner = Arc::clone(&self.inner);
                    let computation = compute();
                    tokio::spawn(inner.lead(flight, key, policy, look_again, computation));
                    return landing.result().await.unwrap_or_else(|| Err(panicked()));
                }
                Join::Wait(landing) => {
                    if let Some(result) = self.wait(landing).await {
                        return result;
                    }
                }
            }
        }
        Err(panicked())
    }

    async fn wait(&self, landing: Landing) -> Option<Result<Answer>> {
        self.inner.stats.collapsed.increase();
        let result = landing.result().await?;
        Some(result.map(|Answer { entry, .. }| Answer {
            fresh_for: entry.fresh_for(self.inner.clock.now_ms()),
            entry,
            status: Status::Collapsed,
        }))
    }
}

impl Inner {
    async fn look(&self, key: &Key) -> Result<Answer, Miss> {
        let answered = self.backend.get(key.as_str()).await;
        let stored = answered
            .map_err(|_| Miss::Unanswered)?
            .ok_or(Miss::Absent)?;
        let trusted = self.backend.place() == Place::InProcess;
        let entry = Entry::open(stored, key, trusted).map_err(|error| {
            tracing::debug!(%error, %key, "a stored value was ignored");
            Miss::Undecodable
        })?;
        let now_ms = self.clock.now_ms();
        if !entry.is_fresh(now_ms) {
            return Err(Miss::Absent);
        }
        Ok(Answer {
            fresh_for: entry.fresh_for(now_ms),
            entry,
            status: Status::Hit,
        })
    }

    async fn lead<F, E>(
        self: Arc<Self>,
        flight: Flight,
        key: Key,
        policy: Policy,
        look_again: bool,
        computation: F,
    ) where
        F: Future<Output = Result<Bytes, E>>,
        E: std::error::Error + Send + Sync + 'static,
    {
        // The flight before this one may have landed between this caller's look and its joining.
        if look_again && let Ok(answer) = self.look(&key).await {
            return flight.land(Ok(answer));
        }
        self.stats.computed.increase();
        let started = Instant::now();
        match computation.await {
            Err(error) => flight.land(Err(Error::compute(error))),
            Ok(body) => {
                self.store(flight, &key, policy, started.elapsed(), &body)
                    .await
            }
        }
    }

    /// Seals, stores and lands. To a store outside this process the result is written after it was announced,
    /// so that nobody waits; until that store has answered, the flight goes on and those who come get its result.
    async fn store(&self, flight: Flight, key: &Key, policy: Policy, cost: Duration, body: &[u8]) {
        let now_ms = self.clock.now_ms();
        let entry = Entry::seal(key, policy, now_ms, cost, body);
        let fresh_for = entry.fresh_for(now_ms);
        let answer = |status| {
            Ok(Answer {
                entry: entry.clone(),
                status,
                fresh_for,
            })
        };
        let set = || {
            self.backend
                .set(key.as_str(), entry.to_bytes(), entry.keep_for(now_ms))
        };
        let status = match self.backend.place() {
            _ if body.len() > self.max_entry => {
                self.stats.too_large.increase();
                Status::NotStored
            }
            Place::Nowhere => Status::NotStored,
            Place::InProcess if !set().await => Status::NotStored,
            Place::InProcess => {
                self.stats.stored.increase();
                Status::Stored
            }
            Place::Shared | Place::Layered => {
                let is_writable = self.backend.is_writable();
                flight.announce(answer(match is_writable {
                    true => Status::Stored,
                    false => Status::NotStored,
                }));
                if set().await {
                    self.stats.stored.increase();
                }
                return;
            }
        };
        flight.land(answer(status));
    }
}

impl Builder {
    /// Tells the time by `clock` instead of the machine's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How long one call to a store outside this process may take, connecting included; 100 ms if not set.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The largest result, in bytes, that is stored; 1 MiB if not set. A larger one is returned all the same.
    #[must_use]
    pub fn max_entry(self, bytes: usize) -> Self {
        Self {
            max_entry: bytes,
            ..self
        }
    }

    /// The cache with these settings.
    #[must_use]
    pub fn build(self) -> Cache {
        let stats = Arc::new(Stats::default());
        let backend = Backend::new(
            self.store,
            self.deadline,
            self.clock.clone(),
            Arc::clone(&stats),
        );
        Cache {
            inner: Arc::new(Inner {
                backend,
                flights: Flights::default(),
                clock: self.clock,
                stats,
                max_entry: self.max_entry,
            }),
        }
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
