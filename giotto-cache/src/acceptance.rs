//! What a caller accepts of what is stored, beyond the policy: the request directives of HTTP (RFC 9111, 5.2.1) are that.
//!
//! A ground type: part of a lookup. `entry/freshness.rs` asks it in step 2, `engine/mod.rs` in step 3 about the result of
//! another caller.

use std::fmt;
use std::time::Duration;

use crate::metadata::Metadata;

/// What a caller that [accepts](crate::Lookup::accept) or refuses a stored entry is told of it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) age: Duration,
    pub(crate) fresh_for: Option<Duration>,
    pub(crate) stale_for: Duration,
    pub(crate) is_negative: bool,
}

/// What becomes of a stored entry for one caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acceptance {
    /// What the policy says.
    #[default]
    AsStored,
    /// A new result is computed, although the entry is fresh or might be served stale at once. The entry is served only if
    /// the computation fails or takes too long, and only as the policy allows it for an old one.
    Recompute,
    /// The entry is served although its time is over, where the policy alone would have it computed, for as long as the
    /// store [keeps](crate::Policy::keep) it. It does not count for an entry that was invalidated or that says "there is no
    /// such thing".
    Stale,
}

/// The function that decides.
pub(crate) struct Judge(Box<dyn Fn(&Stored) -> Acceptance + Send + Sync>);

impl Stored {
    /// What belongs to the result besides its body; `None` if there is nothing.
    #[must_use]
    pub const fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// How long ago it was computed.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// How long its time still lasts: zero if it is over, `None` if it never is.
    #[must_use]
    pub const fn fresh_for(&self) -> Option<Duration> {
        self.fresh_for
    }

    /// How long ago its time was over; zero if it is not.
    #[must_use]
    pub const fn stale_for(&self) -> Duration {
        self.stale_for
    }

    /// Whether it says "there is no such thing".
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.is_negative
    }
}

impl Judge {
    pub(crate) fn new(judge: impl Fn(&Stored) -> Acceptance + Send + Sync + 'static) -> Self {
        Self(Box::new(judge))
    }

    pub(crate) fn of(&self, stored: &Stored) -> Acceptance {
        (self.0)(stored)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}
