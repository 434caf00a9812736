//! The invocation that a program here works on.
//!
//! The first step of every model under `mgt/cache/`: its words (`words.rs`), the front ends that have a program for it
//! (`front_end.rs`), and the page that they name (`target.rs`). Where there is no manifest, they are a key (`keyed.rs`).

mod front_end;
mod keyed;
mod target;
mod words;

pub(super) use front_end::{FrontEnd, no_front_end, not_admitted};
pub(super) use keyed::{any_policy, key_of};
pub(super) use target::{Target, no_cache, shown};
pub(super) use words::{Invocation, wrong};
