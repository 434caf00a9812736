//! `cache/warm`: computes pages before they are asked for.
//!
//! A program under `mgt/cache/`.

mod progress;
mod range;
pub(super) mod warm;
mod warmed;
