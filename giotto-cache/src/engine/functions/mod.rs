//! What an engine has for functions, beyond entries: their decoded results, their names, and a clock that is read fast.
//!
//! Around a lookup of a function's result (`function/`).

pub(crate) mod kept;
#[cfg(feature = "macros")]
pub(crate) mod names;
mod ticks;

use self::kept::Kept;
#[cfg(feature = "macros")]
use self::names::Names;
use self::ticks::Ticks;
use crate::clock::Clock;

/// What an engine has for functions.
#[derive(Debug)]
pub(crate) struct Functions {
    pub(crate) kept: Kept,
    #[cfg(feature = "macros")]
    pub(crate) names: Names,
    pub(crate) ticks: Ticks,
}

impl Functions {
    /// Keeps up to so many bytes of decoded results, and tells the time by `clock`.
    pub(crate) fn new(max_decoded: u64, clock: Clock) -> Self {
        Self {
            kept: Kept::new(max_decoded),
            #[cfg(feature = "macros")]
            names: Names::new(),
            ticks: Ticks::of(clock),
        }
    }
}
