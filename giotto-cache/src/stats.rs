//! Counters of what the cache did.
//!
//! A ground type: every step of a lookup increases one of them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::reason::Reason;

/// Defines the counters once: as the public snapshot and as what is counted in.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters at one moment. They never decrease.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(crate) struct Stats {
            $(pub(crate) $name: Counter,)*
        }

        impl Stats {
            pub(crate) fn snapshot(&self) -> Counts {
                Counts {
                    $($name: self.$name.value(),)*
                }
            }
        }

        impl Counts {
            /// All of them by name, in the order of the fields.
            #[must_use]
            pub fn by_name(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Lookups answered by a fresh entry.
    hits,
    /// Lookups answered by an entry that was not fresh any more.
    stale,
    /// Lookups that found nothing to serve.
    misses,
    /// Misses of keys that this process had not stored lately.
    first_seen,
    /// Misses of entries whose time had passed.
    expired,
    /// Misses of entries that the store lost before their time.
    evicted,
    /// Misses of entries that were invalidated.
    invalidated,
    /// Misses of entries whose tag has no record in the store any more.
    tag_lost,
    /// Misses of entries of another version of their program.
    version,
    /// Misses because the store failed.
    backend_failed,
    /// Misses because the store was late.
    backend_late,
    /// Stored values that were not an entry of this key: damaged, foreign or of another version.
    undecodable,
    /// Stored values without a digest by one of the signing keys.
    forged,
    /// Misses of entries that were computed later than now, by this machine's clock.
    clock_skew,
    /// Lookups whose caller wanted a new result, or no stored one.
    bypassed,
    /// Misses of keys whose last result was one that must not be stored.
    not_storable,
    /// Computations started.
    computed,
    /// Computations that failed or panicked.
    failed,
    /// Computations started in the background.
    refreshes,
    /// Callers that waited for a computation that another caller had started.
    collapsed,
    /// Reads of the store while waiting for a computation in another process.
    waited,
    /// Entries that the backend has accepted.
    stored,
    /// Results that were too large to store.
    too_large,
    /// Entries that the backend did not accept because it failed.
    not_stored,
    /// New entries that were not stored because they were over the budget of their program.
    over_budget,
    /// New entries that were not stored because they were asked for once.
    first_request,
    /// Invalidations of tags, programs and entries.
    invalidations,
    /// Invalidations that the store did not accept at once, and that are repeated in the background.
    deferred,
    /// Backend calls that failed or took longer than the deadline.
    backend_errors,
    /// Backend calls that the open circuit breaker skipped.
    backend_skipped,
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

impl Stats {
    /// Counts a lookup that found nothing to serve.
    pub(crate) fn missed(&self, reason: &Reason) {
        self.misses.increase();
        let counter = match reason {
            Reason::FirstSeen => &self.first_seen,
            Reason::Expired => &self.expired,
            Reason::Evicted => &self.evicted,
            Reason::Invalidated(_) => &self.invalidated,
            Reason::Version => &self.version,
            Reason::BackendError | Reason::BackendSkipped => &self.backend_failed,
            Reason::BackendTimeout => &self.backend_late,
            Reason::TagLost(_) => &self.tag_lost,
            Reason::Undecodable => &self.undecodable,
            Reason::Forged => &self.forged,
            Reason::ClockSkew => &self.clock_skew,
            Reason::Bypass | Reason::Refresh => &self.bypassed,
            Reason::NotStorable | Reason::TooLarge => &self.not_storable,
        };
        counter.increase();
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
