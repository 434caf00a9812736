//! What everyone in a scene shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::oracle::Oracle;
use super::site::Site;
use super::tally::Tally;

/// How many write reviews.
pub(super) const REVIEWERS: u32 = 4;

/// The application, and what was written and seen.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) site: Arc<Site>,
    pub(super) oracle: Arc<Oracle>,
    pub(super) tally: Arc<Tally>,
    pub(super) is_over: Arc<AtomicBool>,
}

impl Scene {
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
