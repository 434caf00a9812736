//! What is promised of the results of functions, on memory and on a store outside this process.
//!
//! Nothing here sleeps to get an order: functions wait for a permit, and time is manual.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod attribute;
mod decoded;
mod errors;
mod negative;
mod recent;
mod recursion;
mod results;
mod types;
#[path = "../common/until.rs"]
mod until;
mod world;
