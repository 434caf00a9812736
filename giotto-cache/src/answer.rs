//! The answer to a lookup: a result, and how it was obtained.
//!
//! A ground type: what every lookup returns.

use std::time::Duration;

use crate::clock::Clock;
use crate::entry::Entry;
use crate::reason::{NotStored, Reason, Status};

/// A result, and how it was obtained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The result.
    pub entry: Entry,
    /// How it was obtained.
    pub status: Status,
    /// Why the store had no fresh entry; `None` if it had one.
    pub reason: Option<Reason>,
    /// How much longer it is fresh; `None` = it never expires.
    pub fresh_for: Option<Duration>,
    /// How long ago it stopped being fresh; zero while it is fresh.
    pub stale_for: Duration,
    /// Why it is not stored, where its [`Status`] says so and the reason is known.
    pub not_stored: Option<NotStored>,
    /// The number of the layer of the store that had it, counted from 0; `None` if it was not stored.
    pub layer: Option<u8>,
}

impl Answer {
    #[inline]
    pub(crate) fn new(entry: Entry, status: Status, reason: Option<Reason>, now_ms: u64) -> Self {
        let fresh_for = match status {
            // It may have been made old before its time.
            Status::Stale(_) => Some(Duration::ZERO),
            _ => entry.fresh_for(now_ms),
        };
        let stale_for = match status {
            Status::Hit => Duration::ZERO,
            _ => entry.stale_for(now_ms),
        };
        Self {
            fresh_for,
            stale_for,
            entry,
            status,
            reason,
            not_stored: None,
            layer: None,
        }
    }

    /// The seconds until it expires; negative since it has; `None` = never.
    #[doc(hidden)]
    #[must_use]
    #[inline] // Every hit asks.
    pub fn ttl(&self) -> Option<i64> {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Some(seconds(self.fresh_for?) - seconds(self.stale_for))
    }

    /// A fresh entry from the layer of this number.
    #[inline(always)] // Every hit makes one: a call would copy it.
    pub(crate) fn hit(entry: Entry, layer: u8, now_ms: u64) -> Self {
        Self {
            fresh_for: entry.fresh_for(now_ms),
            stale_for: Duration::ZERO,
            entry,
            status: Status::Hit,
            reason: None,
            not_stored: None,
            layer: Some(layer),
        }
    }

    /// The same from the layer of this number.
    pub(crate) fn of_layer(self, number: u8) -> Self {
        Self {
            layer: Some(number),
            ..self
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
