//! The time, as a value that is passed in, so that tests can set it.
//!
//! A ground type: every step that judges or sets an expiry asks a [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since 1970-01-01T00:00:00Z.
///
/// The system clock is read once, when the `Clock` is made. From then on the `Clock` advances with the machine's monotonic
/// clock, so that setting the wall clock neither expires nor revives an entry.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The time at a moment when it was a whole millisecond, so that two clocks of one machine do not differ by one.
    System {
        started: Instant,
        unix_ms: u64,
    },
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::started(Instant::now(), unix.unwrap_or_default())
    }

    /// A clock that showed `unix` at `now`.
    fn started(now: Instant, unix: Duration) -> Self {
        let unix_ms = milliseconds(unix);
        let since = unix.saturating_sub(Duration::from_millis(unix_ms));
        Self(Source::System {
            started: now.checked_sub(since).unwrap_or(now),
            unix_ms,
        })
    }

    /// A clock that stands at `unix_ms` until it is [advanced](Self::advance); clones share the time.
    #[must_use]
    pub fn manual(unix_ms: u64) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(unix_ms))))
    }

    /// Moves a manual clock forward. The system clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            // Not `update`, which is younger than the Rust that this crate needs.
            let later = |now: u64| Some(now.saturating_add(milliseconds(by)));
            let _ = now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        }
    }

    /// Whether it is the machine's.
    #[cfg(feature = "functions")]
    pub(crate) const fn is_system(&self) -> bool {
        matches!(self.0, Source::System { .. })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::System { started, unix_ms } => {
                unix_ms.saturating_add(milliseconds(started.elapsed()))
            }
            Source::Manual(now) => now.load(Ordering::SeqCst),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// Whole milliseconds in `duration`; more than a `u64` holds counts as its maximum.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long it is from `now_ms` to `until`; `None` = until never comes.
pub(crate) const fn remaining(until: u64, now_ms: u64) -> Option<Duration> {
    match until {
        u64::MAX => None,
        _ => Some(Duration::from_millis(until.saturating_sub(now_ms))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_were_made_at_different_times_tell_the_same_time() {
        let begun = Instant::now();
        let after = |time| {
            let unix = Duration::from_secs(1_700_000_000) + time;
            Clock::started(begun + time, unix)
        };
        let clocks = [0, 300, 600, 900].map(|us| after(Duration::from_micros(us)));
        let mut last = 0;
        while begun.elapsed() < Duration::from_millis(10) {
            for clock in &clocks {
                let now = clock.now_ms();
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        }
    }
}
