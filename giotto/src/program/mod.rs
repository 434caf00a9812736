//! A program: a model and a view under one name.
//!
//! `definition.rs` has its parts, `builder.rs` and `secrets.rs` what an author declares, `check.rs` what is wrong with that, and
//! `steps.rs` what the steps of an invocation ask for. `middleware.rs` runs around it, and `session.rs` has what sessions ask of
//! it. `model.rs` says which functions a program can run, and `call.rs` runs one.

mod builder;
mod call;
mod check;
mod definition;
mod middleware;
pub mod model;
mod secrets;
#[cfg(feature = "session")]
mod session;
mod steps;

pub(crate) use definition::Source;
pub use definition::{Bare, Program, Ready};
pub use middleware::{InputMiddleware, OutputMiddleware};
