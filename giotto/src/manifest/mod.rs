//! The tree of programs, and how one is found.
//!
//! Step 2 of an invocation.

mod tree;

pub(crate) use tree::Found;
pub use tree::{Entry, Manifest};
