//! What is written about requests: log lines as text or JSON, the access log, and the identity of a request in both.
//!
//! Beside every step. `subscriber.rs` writes the events of `tracing`; `sink.rs` is the file of the access log, which a thread
//! of its own writes. Both make their lines of `line.rs` and `time.rs`. `access.rs` is the access log of a server,
//! `proxies.rs` finds the client behind trusted proxies, `trace_parent.rs` reads `traceparent`.

mod access;
mod format;
mod line;
mod proxies;
mod sink;
mod subscriber;
mod time;
mod trace_parent;

pub(crate) use access::{Access, Share};
pub(crate) use format::Format;
pub(crate) use line::Line;
pub(crate) use proxies::{ClientField, Network, Proxies};
pub(crate) use subscriber::{announce, install, writes_json};
pub(crate) use trace_parent::TraceParent;
