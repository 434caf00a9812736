//! The content coding of a page.
//!
//! After the last step of an invocation: the controller decides it, by what its client accepts.

use super::Page;
use crate::compression::{Coded, Coding};

/// Whether and how a page is coded when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentCoding {
    /// It may be coded: nothing has been decided yet.
    Open,
    /// As it is for every client.
    Never,
    /// As it is for this client; another one may get it coded.
    Identity,
    Coded(Coding),
}

impl Page {
    /// Has it sent as it is to every client.
    pub(crate) const fn leave_uncompressed(&mut self) {
        self.coding = ContentCoding::Never;
    }

    /// What was decided about its coding.
    pub(crate) const fn coding(&self) -> ContentCoding {
        self.coding
    }

    /// Has it sent as it is to this client.
    pub(crate) const fn send_uncoded(&mut self) {
        self.coding = ContentCoding::Identity;
    }

    /// Has it sent as `coded`, which is the page under `coding`.
    pub(crate) fn send_coded(&mut self, coding: Coding, coded: Coded) {
        self.coding = ContentCoding::Coded(coding);
        self.body = coded.body;
        if let Some(cache_status) = &mut self.cache_status {
            cache_status.etag = Some(coded.etag);
        }
    }
}
