//! Moving house: `cache/copy`, `cache/export` and `cache/import`.
//!
//! Programs under `mgt/cache/`, for the command line only: they name stores and files of this machine.

pub(super) mod copy;
pub(super) mod file;
mod outcome;
