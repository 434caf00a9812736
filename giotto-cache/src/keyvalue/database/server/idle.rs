//! The connections to a database server that are not in use.
//!
//! Between a call and its dialect of SQL.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(super) struct Idle<C>(Mutex<Vec<Connection<C>>>);

struct Connection<C> {
    client: C,
    opened: Instant,
    since: Instant,
}

impl<C> Idle<C> {
    pub(super) fn put(&self, client: C, opened: Instant) {
        self.lock().push(Connection {
            client,
            opened,
            since: Instant::now(),
        });
    }

    /// The one that was used last, so that those that are not needed grow old, and when it was opened. Those that were
    /// not used for `longest` are closed.
    pub(super) fn take(&self, longest: Duration) -> Option<(C, Instant)> {
        self.close_old(longest);
        let last = self.lock().pop()?;
        Some((last.client, last.opened))
    }

    /// Closes those that were not used for `longest`; how many are left.
    pub(super) fn close_old(&self, longest: Duration) -> usize {
        let mut connections = self.lock();
        connections.retain(|connection| connection.since.elapsed() < longest);
        connections.len()
    }

    /// Closes those that were open when a call began that found its own one lost: they lead to the same server.
    pub(super) fn forget(&self, begun: Instant) {
        self.lock().retain(|connection| connection.opened > begun);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
