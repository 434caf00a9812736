//! What an operator asks of the cache; no step of a request.

pub(crate) mod explain;
mod json;
pub(crate) mod list;
pub(crate) mod listed;
pub(crate) mod measure;
pub(crate) mod walk;
