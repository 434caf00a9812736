//! The layer around axum routers, in one process.
//!
//! A clock that is passed in tells the time, and handlers wait for permits: nothing here depends on how fast a machine is.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod conditional;
mod control;
mod credentials;
mod errors;
mod explain;
mod flight;
mod hits;
mod invalidation;
mod passed;
mod prepared;
mod requests;
mod revalidation;
mod stale;
mod streaming;
mod tags;
mod vary;
mod world;
