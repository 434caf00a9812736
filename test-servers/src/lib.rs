//! Real servers for the tests and drills: Debian's packages, on free ports, in temporary folders, and programs of ours that
//! serve HTTP.
//!
//! Each is stopped when dropped. One that cannot be started panics with what to install: a test that
//! needs a server never passes without it.

mod certificate;
mod client;
mod http;
mod mariadb;
mod memcached;
mod peers;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod redis;
mod stopped;
mod unprivileged;
mod until;

pub use certificate::Certificate;
pub use client::Session;
pub use http::HttpServer;
pub use mariadb::MariaDb;
pub use memcached::Memcached;
pub use peers::{Peer, Peers};
pub use pgbouncer::PgBouncer;
pub use port::free_port;
pub use postgres::Postgres;
pub use process::Process;
pub use redis::{Redis, RedisCluster, RedisSentinel};
pub use until::wait_until;
