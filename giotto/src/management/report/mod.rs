//! Reports: `cache/explain`, `cache/get`, `cache/stats` and `cache/top`.
//!
//! Programs under `mgt/cache/` that run no model.

mod entry;
pub(super) mod explain;
pub(super) mod get;
mod holdings;
mod next;
pub(super) mod stats;
pub(super) mod top;
