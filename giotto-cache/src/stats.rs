//! Counters of what the cache did.
//!
//! Every step of [`Cache::get_or_compute`](crate::Cache::get_or_compute) adds to one of them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters as they stood at one moment; all of them only ever grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Lookups answered by a fresh entry.
    pub hits: u64,
    /// Lookups that found nothing fresh.
    pub misses: u64,
    /// Computations started.
    pub computed: u64,
    /// Callers that waited for a computation that another caller had started.
    pub collapsed: u64,
    /// Entries handed to the backend.
    pub stored: u64,
    /// Results that were too large to store.
    pub too_large: u64,
    /// Stored values that were not an entry of this key: damaged, foreign or of another version.
    pub undecodable: u64,
    /// Backend calls that failed or took longer than the deadline.
    pub backend_errors: u64,
    /// Backend calls left out because the breaker was open.
    pub backend_skipped: u64,
}

impl Counts {
    /// These, with what the layers of a store counted of its failures.
    pub(crate) fn with_layers(self, layers: Self) -> Self {
        Self {
            too_large: self.too_large + layers.too_large,
            backend_errors: self.backend_errors + layers.backend_errors,
            backend_skipped: self.backend_skipped + layers.backend_skipped,
            ..self
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) computed: Counter,
    pub(crate) collapsed: Counter,
    pub(crate) stored: Counter,
    pub(crate) too_large: Counter,
    pub(crate) undecodable: Counter,
    pub(crate) backend_errors: Counter,
    pub(crate) backend_skipped: Counter,
}

impl Stats {
    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            hits: self.hits.value(),
            misses: self.misses.value(),
            computed: self.computed.value(),
            collapsed: self.collapsed.value(),
            stored: self.stored.value(),
            too_large: self.too_large.value(),
            undecodable: self.undecodable.value(),
            backend_errors: self.backend_errors.value(),
            backend_skipped: self.backend_skipped.value(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increase(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
