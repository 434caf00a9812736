//! What an operator does with all that is in the store; no step of a request.
//!
//! It goes through the keys of the store in batches, and has a rest after each.

pub(crate) mod copy;
mod file;
pub(crate) mod matching;
mod pour;
pub(crate) mod transfer;
