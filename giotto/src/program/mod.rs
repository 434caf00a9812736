//! A program: a model and a view under one name.
//!
//! Steps 2, 3 and 6 of an invocation.

mod definition;
pub mod model;

pub(crate) use definition::Source;
pub use definition::{Bare, Program, Ready};
