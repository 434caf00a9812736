//! What makes pages old, and what removes them.
//!
//! Programs under `mgt/cache/`: `expire` (soft) and `remove` (hard) for the pages of one invocation, `invalidate` (soft)
//! and `purge` (hard) for the pages of a program, with a tag, or all, and `purge` for those of a pattern of arguments.

mod carry_out;
mod chosen;
pub(super) mod consent;
mod dry_run;
mod outcome;
pub(super) mod page;
pub(super) mod scope;
