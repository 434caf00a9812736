//! Stores one above the other.

/// Stores one above the other.
#[derive(Debug)]
pub struct LayeredKeyValue;
