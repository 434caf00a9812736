//! In place of `zstd.rs` without the feature `zstd`: results are stored as they are.
//!
//! Steps 2 and 6 of a lookup.

use bytes::Bytes;

/// Whether this build reads and writes the coding.
pub(crate) const IS_BUILT_IN: bool = false;

pub(crate) const fn encode(_: &[u8]) -> Option<Bytes> {
    None
}

pub(crate) const fn decode(_: &[u8], _: usize) -> Option<Bytes> {
    None
}
