//! What makes pages old, or removes them.
//!
//! Programs under `mgt/cache/`.

pub(super) mod expire;
pub(super) mod purge;
