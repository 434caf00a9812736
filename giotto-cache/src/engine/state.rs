//! What the engine consists of: one struct, made once by [`CacheBuilder`](crate::CacheBuilder) and passed to every step.
//!
//! Below all steps of a lookup. The steps are functions in the files that are named after them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::downstream::Downstreams;
use crate::engine::budget::Budgets;
#[cfg(feature = "functions")]
use crate::engine::functions::Functions;
use crate::engine::history::History;
use crate::engine::popular::Popular;
use crate::engine::single_flight::SingleFlight;
use crate::engine::tasks::Tasks;
use crate::engine::waits::Waits;
use crate::entry::zstd;
use crate::guard::store::GuardedStore;
use crate::invalidation::generation::Generation;
use crate::invalidation::past::Past;
use crate::invalidation::pending::Pending;
use crate::invalidation::programs::ProgramGenerations;
use crate::key::Key;
use crate::keyvalue::Place;
use crate::log::Limiter;
use crate::log::Pace;
use crate::signature::Signer;
use crate::stats::Stats;
use crate::stats::program::ProgramMeter;
use crate::stats::programs::Programs;

pub(crate) struct Engine {
    pub(crate) store: Arc<GuardedStore>,
    /// The names of the layers; none of a store without layers.
    pub(crate) layer_names: Vec<&'static str>,
    pub(crate) flights: SingleFlight,
    pub(crate) waits: Waits,
    pub(crate) tasks: Tasks,
    pub(crate) programs: ProgramGenerations,
    pub(crate) pending: Pending,
    pub(crate) past: Past,
    pub(crate) downstream: Downstreams,
    pub(crate) signer: Signer,
    pub(crate) history: History,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) popular: Popular,
    pub(crate) clock: Clock,
    /// What is counted of each program.
    pub(crate) meters: Programs,
    /// What belongs to no program: invalidations.
    pub(crate) stats: Stats,
    pub(crate) max_entry: usize,
    /// Whether results are stored under a content coding where that is worth it.
    pub(crate) compresses: bool,
    pub(crate) random: Mutex<fastrand::Rng>,
    pub(crate) log: Limiter,
    pub(crate) paces: Paces,
    #[cfg(feature = "functions")]
    pub(crate) functions: Functions,
}

/// The paces of log lines that one bad value or refused invalidation after the other would cause.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    pub(crate) ignored: Pace,
    pub(crate) deferred: Pace,
}

impl Engine {
    /// Where what happens to `key` is counted.
    #[inline]
    pub(crate) fn meter(&self, key: &Key) -> &ProgramMeter {
        self.meters.of(key.program())
    }

    /// The generation of `program`, as it is written in keys, and of everything in one.
    #[inline]
    pub(crate) fn generation(&self, program: &str) -> Generation {
        self.programs
            .of(program, self.meters.of(program), &self.pending)
    }

    /// The name of the layer of this number; `None` if the store has no layers.
    #[inline]
    pub(crate) fn layer_name(&self, number: u8) -> Option<&'static str> {
        self.layer_names.get(usize::from(number)).copied()
    }

    /// A random number from 0 to 1.
    pub(crate) fn draw(&self) -> f64 {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.f64()
    }

    /// Whether layers above the last one may have what that did not accept.
    pub(crate) fn has_copies(&self) -> bool {
        self.store.place() == Place::Layered
    }

    /// Whether other processes read and write the store.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.store.place(), Place::Shared | Place::Layered)
    }

    /// Whether results are coded when they are stored: only where no copy of them is kept in memory, which would be decoded
    /// in every hit.
    pub(crate) fn is_coding(&self) -> bool {
        zstd::IS_BUILT_IN && self.compresses && self.store.place() == Place::Shared
    }

    /// Whether the store is the dummy, which keeps no value.
    pub(crate) fn keeps_nothing(&self) -> bool {
        self.store.place() == Place::Nowhere
    }
}
