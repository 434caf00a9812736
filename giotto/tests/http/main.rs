//! HTTP over real sockets: what clients, good and bad, get from a server that runs in a process of its own.
//!
//! Models that have to be held back are, by the programs under `lab/`; nothing here waits for time to pass,
//! but for the tests of the server's own time limits.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod access;
mod arguments;
mod base;
mod caching;
mod conditional;
mod error_pages;
mod handover;
mod health;
mod limits;
mod listening;
mod log;
mod methods;
mod negotiation;
mod protocol;
mod reload;
mod routing;
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "../common/server.rs"]
mod server;
mod shutdown;
#[path = "../common/testbed.rs"]
mod testbed;
mod unix_socket;

use crate::server::{Connection, Reply};

/// A GET on `connection`, which is kept.
fn ask(connection: &mut Connection, target: &str) -> Reply {
    connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    connection.receive("GET")
}
