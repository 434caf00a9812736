//! The number of connections in use at a time: the configured number, or fewer if the server refuses more.
//!
//! Before every call to a database server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The time after a refusal until one more connection is tried: another process may have closed some.
const TRY_AGAIN: Duration = Duration::from_secs(10);

pub(super) struct Permits {
    semaphore: Arc<Semaphore>,
    configured: usize,
    refused: Mutex<Refused>,
}

/// How many of the configured connections the server refused, and when it did so last.
#[derive(Default)]
struct Refused {
    count: usize,
    last: Option<Instant>,
}

impl Permits {
    pub(super) fn new(configured: usize) -> Self {
        let configured = configured.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            semaphore: Arc::new(Semaphore::new(configured)),
            configured,
            refused: Mutex::default(),
        }
    }

    /// A permit for one connection, once there is one; first come, first served.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        self.try_one_more(Instant::now());
        // The semaphore is never closed.
        Arc::clone(&self.semaphore).acquire_owned().await.ok()
    }

    /// Notes that the server refused the connection of `permit`; whether there are others to wait for.
    pub(super) fn refused(&self, permit: OwnedSemaphorePermit) -> bool {
        let mut refused = self.lock();
        refused.last = Some(Instant::now());
        let are_others = refused.count + 1 < self.configured;
        if are_others {
            refused.count += 1;
            permit.forget();
        }
        are_others
    }

    /// Whether the server refused some, so that other processes may be waiting for connections that are idle here.
    pub(super) fn are_short(&self) -> bool {
        self.lock().count > 0
    }

    fn try_one_more(&self, now: Instant) {
        let mut refused = self.lock();
        let is_due = |last: Instant| now.saturating_duration_since(last) >= TRY_AGAIN;
        if refused.count > 0 && refused.last.is_some_and(is_due) {
            refused.count -= 1;
            refused.last = Some(now);
            self.semaphore.add_permits(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_lowers_the_limit_and_one_more_is_tried_later() {
        let permits = Permits::new(3);
        let [first, second, third] = [
            permits.acquire().await.unwrap(),
            permits.acquire().await.unwrap(),
            permits.acquire().await.unwrap(),
        ];
        assert!(permits.refused(third), "two others");
        assert!(permits.refused(second), "one other");
        assert!(!permits.refused(first), "the last one is never taken away");
        assert_eq!(permits.semaphore.available_permits(), 1);
        assert!(permits.are_short());
        let refused = permits.lock().last.unwrap();
        permits.try_one_more(refused + TRY_AGAIN / 2);
        assert_eq!(permits.semaphore.available_permits(), 1, "too early");
        for (round, available) in [(1, 2), (2, 3), (3, 3)] {
            permits.try_one_more(refused + TRY_AGAIN * round);
            assert_eq!(permits.semaphore.available_permits(), available);
            assert_eq!(permits.are_short(), available < 3);
        }
    }
}
