//! The programs of the operator, `mgt/`: ordinary programs whose models work on the cache.
//!
//! Added to the manifest by `run.rs`, for the command line only.

mod invalidation;
mod invocation;
mod programs;
mod report;
mod store;
mod text;
mod warming;

pub(crate) use programs::beside;
pub use programs::{management, management_over};
