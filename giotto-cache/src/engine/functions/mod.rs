//! What an engine has for functions, beyond entries: their decoded results, their names, and a clock that is read fast.
//!
//! Around a lookup of a function's result (`function/`).

pub(crate) mod kept;
#[cfg(feature = "macros")]
pub(crate) mod names;
mod ticks;

use std::sync::atomic::{AtomicU64, Ordering};

use self::kept::Kept;
#[cfg(feature = "macros")]
use self::names::Names;
use self::ticks::Ticks;
use crate::clock::Clock;
use crate::keyvalue::KeyValue;
use crate::keyvalue::changes::Changes;

/// What an engine has for functions.
#[derive(Debug)]
pub(crate) struct Functions {
    /// Of which engine they are: a number from 1.
    pub(crate) id: u64,
    pub(crate) kept: Kept,
    #[cfg(feature = "macros")]
    pub(crate) names: Names,
    pub(crate) ticks: Ticks,
    /// The changes of the store, if it counts them.
    pub(crate) changes: Option<Changes>,
}

impl Functions {
    /// Keeps up to so many bytes of decoded results of `store`, and tells the time by `clock`.
    pub(crate) fn new(max_decoded: u64, store: &dyn KeyValue, clock: Clock) -> Self {
        static ENGINES: AtomicU64 = AtomicU64::new(1);
        Self {
            id: ENGINES.fetch_add(1, Ordering::Relaxed),
            kept: Kept::new(max_decoded),
            #[cfg(feature = "macros")]
            names: Names::default(),
            ticks: Ticks::of(clock),
            changes: store.changes(),
        }
    }
}
