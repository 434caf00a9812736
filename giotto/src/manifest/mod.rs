//! The tree of programs, and how one is found.
//!
//! Step 2 of an invocation: `find.rs` finds a program in the tree that its author wrote (`tree.rs`). `places.rs`
//! has the way back, to addresses.

mod find;
mod places;
mod tree;

pub(crate) use find::Found;
pub use tree::{Item, Manifest};
