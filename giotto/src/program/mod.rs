//! A program: a model and a view under one name.
//!
//! `definition.rs` has its parts, `builder.rs`, `budget.rs` and `secrets.rs` what an author declares, `check.rs` what is wrong with that, and
//! `steps.rs` what the steps of an invocation ask for. `middleware/` runs around it, and `session.rs` has what sessions ask of
//! it. `stage.rs` keeps the order of the declarations. `model.rs` says which functions a program can run, `reply.rs` what they
//! return, and `call.rs` runs one.

mod budget;
mod builder;
mod call;
mod check;
mod definition;
mod middleware;
pub mod model;
mod reply;
mod secrets;
#[cfg(feature = "session")]
mod session;
mod stage;
mod steps;

pub(crate) use definition::Source;
pub use definition::{Bare, Program, Ready};
pub use middleware::{InputMiddleware, OutputMiddleware};
pub use stage::{BeforeView, Complete};
