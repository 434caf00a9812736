//! How a lookup was answered, and why it was a miss or its result was not stored.
//!
//! A ground type: part of every answer, of the counters, of the log and of `Cache::explain`.

use std::fmt;

use crate::scope::Scope;

/// Why a result was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotStored {
    /// The computation said so.
    NoStore,
    /// It is larger than the cache or the store accepts.
    TooLarge,
    /// One of its tags is invalid, or it has too many.
    BadTag,
    /// What it depends on was invalidated while it was computed.
    Invalidated,
    /// The store failed, or does not accept values now.
    StoreFailed,
    /// It would be a new entry, and its program has used its [budget](crate::Budget) up.
    OverBudget,
    /// It would be a new entry, and its program stores what is asked for again.
    FirstRequest,
}

impl NotStored {
    pub(crate) const ALL: [Self; 7] = [
        Self::NoStore,
        Self::TooLarge,
        Self::BadTag,
        Self::Invalidated,
        Self::StoreFailed,
        Self::OverBudget,
        Self::FirstRequest,
    ];

    /// Its name, one word for logs: `too-large`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStore => "no-store",
            Self::TooLarge => "too-large",
            Self::BadTag => "bad-tag",
            Self::Invalidated => "invalidated-meanwhile",
            Self::StoreFailed => "store-failed",
            Self::OverBudget => "over-budget",
            Self::FirstRequest => "first-request",
        }
    }
}

/// How an [`Answer`](crate::Answer) was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It was stored and fresh.
    Hit,
    /// It was stored and is not fresh any more. The policy allows serving it, or its caller accepts it.
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
    /// A new one is computed in the background.
    Revalidating,
    /// The computation of a new one has failed just now.
    Failed,
    /// The computation of a new one takes too long.
    Late,
    /// The computation of a new one failed a moment ago. The next attempt waits for the throttle.
    Throttled,
    /// Its caller [accepts](crate::Acceptance::Stale) it. No new one is computed.
    Accepted,
}

/// Why a lookup found nothing fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is stored, and this process has not seen an entry of this key lately.
    FirstSeen,
    /// The entry was there and its time has passed.
    Expired,
    /// The store had it and lost it before its time: it was full, it restarted, or the entry was removed.
    Evicted,
    /// The entry was computed before something it depends on was invalidated.
    Invalidated(Scope),
    /// The store has no sound record of this tag of the entry, so that it cannot be known whether it was invalidated.
    TagLost(String),
    /// The entry was computed by another version of the program.
    Version,
    /// The store failed.
    BackendError,
    /// The store did not answer in time.
    BackendTimeout,
    /// The circuit breaker skips the store because it failed. Or it is back for less than a second, and the entry is from
    /// before: another process may have invalidated it meanwhile.
    BackendSkipped,
    /// The stored value is not an entry of this key.
    Undecodable,
    /// The stored value has no digest by one of the signing keys.
    Forged,
    /// The entry was computed later than now: the clock of the machine that stored it is ahead of this one's.
    ClockSkew,
    /// The caller did not want a stored result.
    Bypass,
    /// The caller wanted a new result.
    Refresh,
    /// A moment ago the result was one that must not be stored.
    NotStorable,
    /// The last result was too large to store.
    TooLarge,
}

impl Reason {
    /// Its name, one word for counters and logs: `first-seen`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FirstSeen => "first-seen",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::Invalidated(_) => "invalidated",
            Self::Version => "version",
            Self::BackendError => "backend-error",
            Self::BackendTimeout => "backend-timeout",
            Self::BackendSkipped => "backend-skipped",
            Self::TagLost(_) => "tag-lost",
            Self::Undecodable => "undecodable",
            Self::Forged => "forged",
            Self::ClockSkew => "clock-skew",
            Self::Bypass => "bypass",
            Self::Refresh => "refresh",
            Self::NotStorable => "not-storable",
            Self::TooLarge => "too-large",
        }
    }
}

/// Its name, and what was invalidated: `invalidated tag user:7`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Invalidated(scope) => write!(f, " {scope}"),
            Self::TagLost(tag) => write!(f, " {tag}"),
            _ => Ok(()),
        }
    }
}
