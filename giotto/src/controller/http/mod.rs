//! The HTTP controller: a request of HTTP to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation over HTTP. `listen.rs` (or `unix.rs`, with `accept.rs`) makes the socket and
//! `serve.rs` accepts connections, which `connections.rs` keeps; `watch.rs` times them out, `date.rs` writes the date while
//! the wall clock is behind, `signals.rs` ends them. `health.rs` tells a supervisor of the process. `mount.rs` is what a
//! server runs; `base.rs` takes the base of the application off the path, which `sent.rs` keeps; `access.rs` tells its
//! requests in the access log, `span.rs` in traces. `service.rs` takes each request through `head.rs` (with `host.rs`) and
//! `input.rs` to the application, a POST through `post.rs`, `body.rs` (with `decoding.rs`) and `session.rs`, and its answer
//! through `coding.rs`, `conditional.rs` (with `entity_tag.rs` and `range.rs`), `caching.rs`, `downstream.rs` and
//! `output.rs`, or the problem (`problem.rs`) through `failure.rs` (with `redirection.rs` and `document.rs`). What no
//! program answers goes through `beside.rs` to a static file (`files.rs`) or a route (`routes.rs`, with `upload.rs` and
//! `stream.rs`). No other folder knows HTTP.
mod accept;
mod access;
mod base;
#[cfg(any(feature = "axum", feature = "static"))]
mod beside;
mod body;
mod caching;
mod coding;
mod conditional;
mod connections;
mod date;
mod decoding;
mod document;
mod downstream;
mod entity_tag;
mod failure;
#[cfg(feature = "static")]
mod files;
mod head;
mod health;
mod host;
mod input;
mod listen;
mod mount;
mod output;
mod plain;
mod post;
mod problem;
mod range;
mod redirection;
mod request_id;
#[cfg(feature = "axum")]
mod routes;
mod sent;
mod serve;
mod service;
#[cfg(feature = "session")]
mod session;
mod signals;
mod span;
#[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
mod stream;
mod unix;
#[cfg(feature = "axum")]
mod upload;
mod watch;

pub(crate) use accept::Port;
pub(crate) use connections::{Answering, Answers};
pub(crate) use date::date;
#[cfg(feature = "admin")]
pub(crate) use health::{healthz, readyz};
#[cfg(feature = "admin")]
pub(crate) use listen::listen_on;
pub(crate) use listen::{Listener, listen};
#[cfg(feature = "socket-activation")]
pub(crate) use listen::{adopt, adopt_unix};
pub use mount::Service;
pub use output::Body;
#[cfg(feature = "admin")]
pub(crate) use plain::{data, received, text};
pub(crate) use serve::{Ended, Stopping, serve, serve_beside};
pub(crate) use signals::Signals;
pub(crate) use unix::UnixSocket;
