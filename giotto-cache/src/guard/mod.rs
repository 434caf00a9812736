//! What protects a lookup from a store that fails, is slow, or is full.
//!
//! Between the engine and a store, in steps 1, 4 and 6 of a lookup. `store.rs` guards a store as a whole (and
//! `reads.rs` has its reads), `server.rs` one of the several servers of a store. Both have a deadline (`deadline.rs`) and
//! circuit breakers (`breakers.rs`). `outage.rs` logs what fails, and `counted.rs` reads what was counted.

pub(crate) mod breakers;
mod counted;
pub(crate) mod deadline;
mod outage;
mod reads;
mod refused;
#[cfg(any(feature = "redis", feature = "memcache"))]
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod unanswered;
