//! A result and how it was come by.
//!
//! What every lookup ends with.

use std::time::Duration;

use crate::verdict::Reason;
use crate::{Clock, Entry};

/// A result and how it was come by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The result.
    pub entry: Entry,
    /// How it was come by.
    pub status: Status,
    /// Why it was not a fresh entry of the store; `None` if it was.
    pub reason: Option<Reason>,
    /// How much longer it is fresh; `None` = it never expires.
    pub fresh_for: Option<Duration>,
    /// For how long it has not been fresh any more; zero while it is.
    pub stale_for: Duration,
    /// Why it is not stored, where its [`Status`] says so and the reason is known.
    pub not_stored: Option<NotStored>,
}

/// Why a result was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotStored {
    /// The computation said so.
    NoStore,
    /// It is larger than the cache or the store accepts.
    TooLarge,
    /// One of its tags cannot be one, or it has too many.
    BadTag,
    /// What it depends on was invalidated while it was computed.
    Invalidated,
    /// The store failed, or does not accept values now.
    StoreFailed,
}

impl NotStored {
    /// Its name, one word for logs: `too-large`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStore => "no-store",
            Self::TooLarge => "too-large",
            Self::BadTag => "bad-tag",
            Self::Invalidated => "invalidated-meanwhile",
            Self::StoreFailed => "store-failed",
        }
    }
}

/// How an [`Answer`] was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It was stored and fresh.
    Hit,
    /// It was stored and is not fresh any more, which the policy allows.
    Stale(Staleness),
    /// It was computed for this caller and handed to the store.
    Stored,
    /// It was computed for this caller and not stored: too large, not to be stored, or the store keeps nothing or is
    /// down.
    NotStored,
    /// Another caller was computing it already, and this one waited.
    Collapsed,
}

/// Why an entry was served that is not fresh any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Staleness {
    /// A new one is computed behind the scenes.
    Revalidating,
    /// The computation of a new one has failed just now.
    Failed,
    /// The computation of a new one takes too long.
    Late,
    /// The computation of a new one failed a moment ago, and is left alone until the throttle allows it again.
    Throttled,
}

impl Answer {
    #[inline]
    pub(crate) fn new(entry: Entry, status: Status, reason: Option<Reason>, now_ms: u64) -> Self {
        let fresh_for = match status {
            // It may have been made old before its time.
            Status::Stale(_) => Some(Duration::ZERO),
            _ => entry.fresh_for(now_ms),
        };
        Self {
            fresh_for,
            stale_for: entry.stale_for(now_ms),
            entry,
            status,
            reason,
            not_stored: None,
        }
    }

    /// A result that is not stored.
    pub(crate) fn not_stored(entry: Entry, why: Option<NotStored>, now_ms: u64) -> Self {
        Self {
            not_stored: why,
            ..Self::new(entry, Status::NotStored, None, now_ms)
        }
    }

    pub(crate) fn collapsed(self, clock: &Clock) -> Self {
        match self.status {
            Status::Stale(_) => self,
            _ => Self::new(self.entry, Status::Collapsed, None, clock.now_ms()),
        }
    }
}
