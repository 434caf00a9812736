//! The HTTP controller: a request of HTTP to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation over HTTP. `serve.rs` accepts connections; `watch.rs` times them out,
//! `date.rs` writes the date while the wall clock is behind, `signals.rs` ends them. `service.rs` takes each request through
//! `head.rs`, `input.rs` and `body.rs` to the application, and its answer through `conditional.rs`, `caching.rs` and
//! `output.rs`, or the problem (`problem.rs`) through `failure.rs`, with `redirection.rs` and `document.rs`. No other
//! folder knows HTTP.

mod body;
mod caching;
mod conditional;
mod date;
mod document;
mod failure;
mod head;
mod input;
mod output;
mod problem;
mod redirection;
mod serve;
mod service;
mod signals;
mod watch;

pub(crate) use date::date;
pub use output::Body;
pub(crate) use serve::{Ended, listen, serve};
pub use service::Service;
pub(crate) use signals::Signals;
