//! A program: a model and a view under one name.
//!
//! The parts (`definition.rs`) of what an author says (`builder.rs`) are what the steps of an invocation ask for
//! (`steps.rs`). `model.rs` has the functions that a program runs, `call.rs`
//! one call of them.

mod builder;
mod call;
mod definition;
pub mod model;
mod steps;

pub(crate) use definition::Source;
pub use definition::{Bare, Program, Ready};
