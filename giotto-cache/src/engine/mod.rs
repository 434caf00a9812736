//! The engine: what happens to a lookup.

pub(crate) mod acquire;
pub(crate) mod attempt;
pub(crate) mod compute;
pub(crate) mod fallback;
pub(crate) mod history;
pub(crate) mod lease;
pub(crate) mod read;
pub(crate) mod single_flight;
