//! The settings of a cache.
//!
//! Before the first lookup.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::cache::{Cache, Inner};
use crate::flight::{Crews, Flights};
use crate::generation::Epochs;
use crate::guard::store::{DEFAULT_DEADLINE, GuardedStore};
use crate::log::Limiter;
use crate::log::Pace;
use crate::pending::Pending;
use crate::recent::Recent;
use crate::signature::Signer;
use crate::stats::Stats;
use crate::{Clock, KeyValue, Place, Result};

const DEFAULT_MAX_ENTRY: usize = 1 << 20;
/// What an entry may have besides its result: key, tags and clocks.
pub(crate) const ENVELOPE: usize = 64 << 10;

/// The settings of a [`Cache`], given one by one.
#[derive(Debug)]
pub struct Builder {
    store: Arc<dyn KeyValue>,
    clock: Clock,
    deadline: Duration,
    max_entry: usize,
    seed: Option<u64>,
    signer: Signer,
}

impl Builder {
    pub(crate) fn new(store: Arc<dyn KeyValue>) -> Self {
        Self {
            store,
            clock: Clock::system(),
            deadline: DEFAULT_DEADLINE,
            max_entry: DEFAULT_MAX_ENTRY,
            seed: None,
            signer: Signer::default(),
        }
    }

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

    /// Draws the random numbers of early refresh and jitter from this seed, so that they are the same in every
    /// run; without it they differ.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// Signs what is stored outside this process with the first of `keys`, and takes nothing from there that is not
    /// signed with one of them: a client of the store without the key cannot forge a page. To replace a key, put the new
    /// one first; once every process has it, leave the old one out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`](crate::ErrorKind::Policy) if a key is shorter than 32 bytes.
    pub fn signing_keys<K: AsRef<[u8]>>(self, keys: impl IntoIterator<Item = K>) -> Result<Self> {
        Ok(Self {
            signer: Signer::new(keys)?,
            ..self
        })
    }

    /// The cache with these settings.
    #[must_use]
    pub fn build(self) -> Cache {
        let stats = Arc::new(Stats::default());
        self.store
            .limit_values(self.max_entry.saturating_add(ENVELOPE));
        let backend = GuardedStore::new(
            self.store,
            self.deadline,
            self.clock.clone(),
            Arc::clone(&stats),
        );
        let is_own = matches!(backend.place(), Place::InProcess | Place::Nowhere);
        let random = self
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Cache {
            inner: Arc::new(Inner {
                backend: Arc::new(backend),
                flights: Flights::default(),
                crews: Crews::default(),
                epochs: Epochs::new(is_own),
                pending: Pending::new(),
                // Nobody else writes to this process's memory.
                signer: if is_own {
                    Signer::default()
                } else {
                    self.signer
                },
                log: Limiter::default(),
                ignorings: Pace::default(),
                bad_tags: Pace::default(),
                deferrals: Pace::default(),
                too_large: Pace::default(),
                recent: Recent::default(),
                clock: self.clock,
                stats,
                max_entry: self.max_entry,
                random: Mutex::new(random),
            }),
        }
    }
}
