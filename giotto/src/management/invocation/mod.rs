//! The invocation that a program here is told about.
//!
//! The first step of every model under `mgt/cache/`.

mod target;

pub(super) use target::{FrontEnd, Invocation, Target, no_cache, shown, wrong};
