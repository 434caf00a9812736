//! The two circuit breakers of a store or a server: one for all calls, one for those that store a value.
//!
//! A store that is full or locked still reads and removes. A store that does not read is not asked for anything.

use std::sync::Arc;

use super::breaker::Breaker;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::stats::Stats;

/// What a call wants, which decides what its outcome shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Find,
    Store,
    /// To store in place of a certain value. An answer does not show that the store has room: if the value is another
    /// one, nothing is stored.
    Replace,
    /// To remove a value. An answer does not show that the store has room, and an error may be about this right alone.
    Remove,
}

impl Want {
    pub(crate) const fn stores(self) -> bool {
        matches!(self, Self::Store | Self::Replace)
    }
}

/// Why a call is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// The last calls failed.
    Failing,
    /// The last calls that were to store a value failed.
    Full,
}

#[derive(Debug)]
pub(crate) struct Breakers {
    reads: Breaker,
    writes: Breaker,
    stats: Arc<Stats>,
    clock: Clock,
}

impl Breakers {
    /// For the store or server `name`. Failures and skipped calls are counted in `stats`.
    pub(crate) fn new(name: &str, stats: Arc<Stats>, clock: Clock) -> Self {
        Self {
            reads: Breaker::new(name),
            writes: Breaker::new(format!("storing in {name}")),
            stats,
            clock,
        }
    }

    /// Whether a call may be made. While the store does not accept values, one call a second may try to store.
    pub(crate) fn admit(&self, want: Want) -> Result<(), Skipped> {
        let skipped = match () {
            () if self.reads.is_open() => Skipped::Failing,
            () if want.stores() && !self.writes.lets_through(self.clock.now_ms()) => Skipped::Full,
            () => return Ok(()),
        };
        self.stats.backend_skipped.increase();
        Err(skipped)
    }

    /// Whether the caller is the one that sends a probe: one a second while the store fails.
    pub(crate) fn is_probe_due(&self) -> bool {
        self.reads.is_probe_due(self.clock.now_ms())
    }

    /// Notes that the store found something, or stored a value.
    pub(crate) fn succeeded(&self, want: Want) {
        match want {
            Want::Find => self.reads.succeeded(self.clock.now_ms()),
            Want::Store => self.writes.succeeded(self.clock.now_ms()),
            Want::Replace | Want::Remove => {}
        }
    }

    /// Notes that a call failed. If the store is lost, any other call would have failed too.
    pub(crate) fn failed(&self, want: Want, is_lost: bool, error: &Error) {
        self.count_error();
        let now_ms = self.clock.now_ms();
        // One line for one outage.
        match want {
            _ if is_lost || want == Want::Find => {
                let is_told = self.writes.was_told_lately(now_ms);
                self.reads.failed(error, now_ms, is_told);
            }
            Want::Remove => {}
            _ => self.writes.failed(error, now_ms, self.reads.is_told()),
        }
    }

    /// Counts a call that failed without saying anything about the store.
    pub(crate) fn count_error(&self) {
        self.stats.backend_errors.increase();
    }

    /// Whether the last calls succeeded.
    pub(crate) fn is_writable(&self) -> bool {
        !self.reads.is_failing() && !self.writes.is_failing()
    }
}

/// Whether `error` is about one key or value: the store would accept others.
pub(super) const fn is_of_value(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::TooLarge)
}
