//! The HTTP controller, in the order of a request: `serve.rs` brings connections (`watch.rs` times them),
//! `service.rs` takes each request through `input.rs`, the application, and `output.rs` or `problem.rs`.
//!
//! The only folder that knows HTTP.

mod input;
mod output;
mod problem;
mod serve;
mod service;
mod watch;

pub use output::Body;
pub(crate) use serve::{serve, told_to_stop};
pub use service::Service;
