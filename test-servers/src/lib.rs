//! Real servers for the tests and drills: Debian's packages, on free ports, in temporary folders.
//!
//! Each is stopped when dropped. One that cannot be started panics with what to install: a test that
//! needs a server never passes without it.

mod client;
mod mariadb;
mod postgres;
mod process;
mod stopped;
mod unprivileged;

pub use client::Session;
pub use mariadb::MariaDb;
pub use postgres::Postgres;
pub use process::{Process, free_port};
