//! The tree of programs, and how one is found.
//!
//! Step 2 of an invocation.

mod tree;

pub use tree::{Entry, Manifest};
