//! What an operator should know before it hurts: what is wrong (`doctor.rs`), and what caching is worth (`advise.rs`).
//!
//! `programs.rs` and `store.rs` check, and a check that fails is a `Finding` (`finding.rs`). A server logs its findings when it
//! starts.

pub(super) mod advise;
pub(super) mod doctor;
mod finding;
mod programs;
mod store;
mod tally;
mod worth;

pub(crate) use doctor::tell_at_start;
