//! What the engine promises, feature by feature: on memory, and on a store outside this process.
//!
//! Nothing here sleeps to get an order: models wait for a permit, and time is manual or paused.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod accept;
mod adjusting;
mod at_once;
mod breaker;
mod budget;
mod cache_control;
mod coalescing;
mod counters;
mod damaged_records;
mod downstream;
mod early_refresh;
mod failing_store;
mod freshness;
mod full_store;
mod inherited;
mod inherited_races;
mod invalidation;
mod jitter;
mod kept;
mod lease;
mod lifetimes;
mod listing;
#[path = "../common/log.rs"]
mod log;
mod metadata;
#[path = "../common/model.rs"]
mod model;
mod negative;
mod not_stored;
mod past_invalidations;
mod pending_invalidations;
mod races;
mod reasons;
mod refresh;
mod removal;
mod scripted;
mod signing;
mod spans;
mod spy;
mod stale_if_error;
mod stale_while_revalidate;
mod tags;
mod testing;
mod timeouts;
mod told;
mod uncacheable;
#[path = "../common/until.rs"]
mod until;
mod world;
