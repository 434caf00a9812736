//! What an engine knows of functions, beyond entries: their decoded results, and their names.
//!
//! Around a lookup of a function's result (`function/`).

pub(crate) mod kept;
#[cfg(feature = "macros")]
pub(crate) mod names;

use self::kept::Kept;
#[cfg(feature = "macros")]
use self::names::Names;

/// What is known of functions.
#[derive(Debug)]
pub(crate) struct Functions {
    pub(crate) kept: Kept,
    #[cfg(feature = "macros")]
    pub(crate) names: Names,
}

impl Functions {
    /// Keeps up to so many bytes of decoded results.
    pub(crate) fn new(max_decoded: u64) -> Self {
        Self {
            kept: Kept::new(max_decoded),
            #[cfg(feature = "macros")]
            names: Names::new(),
        }
    }
}
