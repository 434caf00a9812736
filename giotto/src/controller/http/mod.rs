//! The HTTP controller, in the order of a request: `serve.rs` brings connections (`watch.rs` times them, `signals.rs`
//! ends them), `service.rs` takes each request through `input.rs`, the application, and `output.rs` or `problem.rs`.
//!
//! The only folder that knows HTTP.

mod date;
mod input;
mod output;
mod problem;
mod serve;
mod service;
mod signals;
mod watch;

pub(crate) use date::date;
pub use output::Body;
pub(crate) use serve::{Ended, listen, serve};
pub use service::Service;
pub(crate) use signals::Signals;
