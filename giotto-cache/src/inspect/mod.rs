//! What an operator asks of the cache; no step of a request.

pub(crate) mod explain;
pub(crate) mod measure;
