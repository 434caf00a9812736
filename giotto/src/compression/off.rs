//! In place of `variants.rs` and `codec.rs` without the feature `compression`: no page is ever coded, and no body decoded.
//!
//! After the last step of an invocation, and in the first step over HTTP.

use std::io;

use bytes::Bytes;

use super::{Coded, Coding};

/// No coding.
#[derive(Clone, Debug)]
pub(crate) struct Compression;

impl Compression {
    /// Whether pages can be compressed at all.
    pub(crate) const IS_BUILT_IN: bool = false;

    pub(crate) const fn new(_: bool) -> Self {
        Self
    }

    pub(crate) const fn is_on(&self) -> bool {
        Self::IS_BUILT_IN
    }

    #[expect(clippy::unused_async, reason = "its twin waits")]
    pub(crate) async fn coded(&self, _: Coding, _: &[u8], _: &Bytes) -> Option<Coded> {
        None
    }
}

pub(crate) fn decode(_: Coding, _: &[u8], _: usize) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}
