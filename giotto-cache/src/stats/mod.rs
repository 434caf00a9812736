//! Counters of what the cache did: by program (`program.rs`), and by layer of the store (`layer.rs`).
//!
//! A ground type: every step of a lookup increases one of them. The totals are sums over the programs.

pub(crate) mod layer;
pub(crate) mod noted;
pub(crate) mod program;
pub(crate) mod programs;
pub(crate) mod times;

use std::iter::Sum;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::reason::{NotStored, Reason, Staleness};

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

            /// What was counted since these were `earlier`.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self {
                    $($name: self.$name.saturating_sub(earlier.$name),)*
                }
            }
        }

        impl Add for Counts {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self {
                    $($name: self.$name.saturating_add(other.$name),)*
                }
            }
        }
    };
}

counters! {
    /// Lookups answered by a fresh entry.
    hits,
    /// Lookups answered by an entry that was not fresh any more. Each has one of the five kinds that follow.
    stale,
    /// Stale answers while a new result is computed in the background.
    stale_revalidating,
    /// Stale answers in place of a result whose computation failed. Their lookups are counted as misses too.
    stale_failed,
    /// Stale answers in place of a result whose computation takes too long. Their lookups are counted as misses too.
    stale_late,
    /// Stale answers because a computation failed a moment ago.
    stale_throttled,
    /// Stale answers to callers that accept them, for whom the policy would have a new result computed.
    stale_accepted,
    /// Lookups that found nothing to serve at once. Each has one of the reasons that follow.
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
    /// Misses because the store failed, or was not asked because it fails.
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
    /// Misses of keys whose last result was one that must not be stored, or was too large.
    not_storable,
    /// Computations started. Each that has ended was stored, not stored, failed or refused.
    computed,
    /// Computations that failed or panicked.
    failed,
    /// Computations that answered with an error, such as "not allowed".
    refused,
    /// Computations started in the background.
    refreshes,
    /// Callers that waited for a computation that another caller had started.
    collapsed,
    /// Reads of the store while waiting for a computation in another process.
    waited,
    /// Entries that the backend has accepted.
    stored,
    /// Entries that were stored in the place of an older one that was still there.
    replaced,
    /// Of those that were [replaced](Self::replaced), entries whose result has the same entity tag as before.
    unchanged,
    /// Results that were computed and not stored. Each has one of the reasons that follow.
    not_stored,
    /// Results that are not stored because their computation said so.
    no_store,
    /// Results that were too large to store.
    too_large,
    /// Results that are not stored because of a tag that is invalid, or of too many tags.
    bad_tag,
    /// Results that are not stored because what they depend on was invalidated while they were computed.
    invalidated_meanwhile,
    /// Results that the store did not accept because it failed.
    store_failed,
    /// Results of new keys that were over the [budget](crate::Budget) of their program.
    over_budget,
    /// Results of keys that were asked for once, of programs that store what is asked for again.
    first_request,
    /// Results that nothing wanted to store: their lookup bypassed the store, another process stores its own, the policy
    /// keeps no negative results, or the store keeps nothing.
    unwanted,
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
    /// The answers from the store by kind: `fresh`, and those of [`stale`](Self::stale).
    #[must_use]
    pub fn hits_by_kind(&self) -> [(&'static str, u64); 6] {
        [
            ("fresh", self.hits),
            ("revalidating", self.stale_revalidating),
            ("failed", self.stale_failed),
            ("late", self.stale_late),
            ("throttled", self.stale_throttled),
            ("accepted", self.stale_accepted),
        ]
    }

    /// The [misses](Self::misses) by reason, named as the fields.
    #[must_use]
    pub fn misses_by_reason(&self) -> [(&'static str, u64); 13] {
        [
            ("first_seen", self.first_seen),
            ("expired", self.expired),
            ("evicted", self.evicted),
            ("invalidated", self.invalidated),
            ("tag_lost", self.tag_lost),
            ("version", self.version),
            ("backend_failed", self.backend_failed),
            ("backend_late", self.backend_late),
            ("undecodable", self.undecodable),
            ("forged", self.forged),
            ("clock_skew", self.clock_skew),
            ("bypassed", self.bypassed),
            ("not_storable", self.not_storable),
        ]
    }

    /// The results that were [not stored](Self::not_stored) by reason, named as the fields.
    #[must_use]
    pub fn not_stored_by_reason(&self) -> [(&'static str, u64); 8] {
        [
            ("no_store", self.no_store),
            ("too_large", self.too_large),
            ("bad_tag", self.bad_tag),
            ("invalidated_meanwhile", self.invalidated_meanwhile),
            ("store_failed", self.store_failed),
            ("over_budget", self.over_budget),
            ("first_request", self.first_request),
            ("unwanted", self.unwanted),
        ]
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

impl Stats {
    /// Counts a lookup that was answered by an entry that is not fresh.
    fn served_stale(&self, staleness: Staleness) {
        self.stale.increase();
        let counter = match staleness {
            Staleness::Revalidating => &self.stale_revalidating,
            Staleness::Failed => &self.stale_failed,
            Staleness::Late => &self.stale_late,
            Staleness::Throttled => &self.stale_throttled,
            Staleness::Accepted => &self.stale_accepted,
        };
        counter.increase();
    }

    /// Counts a result that is not stored; `None` if nothing wanted to store it.
    pub(crate) fn not_stored(&self, why: Option<NotStored>) {
        self.not_stored.increase();
        let counter = match why {
            Some(NotStored::NoStore) => &self.no_store,
            Some(NotStored::TooLarge) => &self.too_large,
            Some(NotStored::BadTag) => &self.bad_tag,
            Some(NotStored::Invalidated) => &self.invalidated_meanwhile,
            Some(NotStored::StoreFailed) => &self.store_failed,
            Some(NotStored::OverBudget) => &self.over_budget,
            Some(NotStored::FirstRequest) => &self.first_request,
            None => &self.unwanted,
        };
        counter.increase();
    }

    /// Counts a lookup that found nothing to serve.
    fn missed(&self, reason: &Reason) {
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
        self.add(1);
    }

    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
