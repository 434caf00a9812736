//! The client: which server to talk to, and the connections to it.
//!
//! The last step of a lookup. `wire.rs` moves bytes, no more of them
//! than `budget.rs` allows, `connection.rs` talks to one server, `link.rs` makes such a connection
//! again when it breaks, `cluster.rs` and `sentinel.rs` know which server to talk to, and `way.rs` chooses between them.

mod budget;
mod cluster;
mod connection;
pub(super) mod failure;
pub(super) mod link;
mod promise;
pub(super) mod request;
mod sentinel;
mod slots;
pub(super) mod way;
mod wire;
