//! The programs of the operator, `mgt/`: ordinary programs whose models work on the cache.
//!
//! `run.rs` adds them to the manifest, for the command line only. `programs.rs` lists them. The programs in `report/` show what
//! is stored, and `contents/` lists it; `advice/` says what is wrong or not worth it; `warming/` computes pages ahead;
//! `invalidation/` makes pages old or removes them; `store.rs` works on the store as a whole, and `moving/` copies it. They take
//! an invocation (`invocation/`) on behalf of an operator (`operator.rs`), who asks the running servers (`servers.rs`, with
//! what a server answers in `process/`); `model.rs`, `text.rs` and `watch.rs` have what their models
//! and views share.

mod advice;
mod contents;
mod invalidation;
mod invocation;
mod model;
mod moving;
mod operator;
#[cfg(feature = "admin")]
mod others;
mod process;
mod programs;
mod report;
mod servers;
mod store;
mod text;
mod warming;
mod watch;

pub(crate) use advice::tell_at_start;
#[cfg(feature = "admin")]
pub(crate) use others::tell_others;
pub use process::ManagementSocket;
pub(crate) use process::{Steering, open};
pub(crate) use programs::beside;
pub use programs::{management, management_over};
#[cfg(feature = "admin")]
pub(crate) use report::explain::by_key::{explain_key, policy_of};
