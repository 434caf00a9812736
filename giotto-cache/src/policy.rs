//! How long an entry lives.
//!
//! The second argument of [`Cache::get_or_compute`](crate::Cache::get_or_compute).

use std::time::Duration;

use crate::clock::milliseconds;
use crate::{Error, ErrorKind, Result};

/// How long an entry is fresh: a time, or for ever.
///
/// "Off" is not a policy: whoever does not want a result stored does not ask the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    fresh: Lifetime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Forever,
    Milliseconds(u64),
}

impl Policy {
    /// The entry never expires.
    #[must_use]
    pub const fn forever() -> Self {
        Self {
            fresh: Lifetime::Forever,
        }
    }

    /// The entry is fresh for `seconds`; `0` means that it never expires, as in the original's documentation.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        match (seconds, seconds.checked_mul(1000)) {
            (0, _) | (_, None) => Self::forever(),
            (_, Some(ms)) => Self {
                fresh: Lifetime::Milliseconds(ms),
            },
        }
    }

    /// The moment, in milliseconds since 1970, at which an entry made at `now_ms` stops being fresh.
    /// `u64::MAX` stands for never; so does a lifetime that would reach past it.
    pub(crate) fn fresh_until(self, now_ms: u64) -> u64 {
        match self.fresh {
            Lifetime::Forever => u64::MAX,
            Lifetime::Milliseconds(ms) => now_ms.saturating_add(ms),
        }
    }
}

/// Exact to the millisecond, rounded up; an error for zero, which could be read as "off" or as "for ever".
impl TryFrom<Duration> for Policy {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<Self> {
        if duration.is_zero() {
            let message = "a cache time of zero is ambiguous: use Policy::forever() for no expiry, \
                           or leave `cache` out to turn it off";
            return Err(Error::new(ErrorKind::Policy, message));
        }
        let rounded_up = duration.saturating_add(Duration::from_nanos(999_999));
        Ok(Self {
            fresh: Lifetime::Milliseconds(milliseconds(rounded_up)),
        })
    }
}

impl TryFrom<i64> for Policy {
    type Error = Error;

    fn try_from(seconds: i64) -> Result<Self> {
        let refused = |_| {
            let message =
                format!("a cache time of {seconds} seconds is negative: use 0 for no expiry");
            Error::new(ErrorKind::Policy, message)
        };
        u64::try_from(seconds).map(Self::seconds).map_err(refused)
    }
}

/// What a cache setting may be given as: seconds (`0` = never expires), a [`Duration`], a [`Policy`], or `None` = off.
pub trait IntoPolicy {
    /// The policy, `None` for "off", or an error for a time that no entry can have.
    fn into_policy(self) -> Result<Option<Policy>>;
}

impl IntoPolicy for Policy {
    fn into_policy(self) -> Result<Option<Policy>> {
        Ok(Some(self))
    }
}

impl IntoPolicy for Duration {
    fn into_policy(self) -> Result<Option<Policy>> {
        Policy::try_from(self).map(Some)
    }
}

impl IntoPolicy for i32 {
    fn into_policy(self) -> Result<Option<Policy>> {
        i64::from(self).into_policy()
    }
}

impl IntoPolicy for i64 {
    fn into_policy(self) -> Result<Option<Policy>> {
        Policy::try_from(self).map(Some)
    }
}

impl IntoPolicy for u64 {
    fn into_policy(self) -> Result<Option<Policy>> {
        Ok(Some(Policy::seconds(self)))
    }
}

/// The only implementation for an `Option`, so that a bare `None` needs no type.
impl IntoPolicy for Option<i64> {
    fn into_policy(self) -> Result<Option<Policy>> {
        self.map(Policy::try_from).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_a_moment_and_zero_never_comes() {
        assert_eq!(Policy::seconds(2).fresh_until(1_000), 3_000);
        assert_eq!(Policy::seconds(0).fresh_until(1_000), u64::MAX);
        assert_eq!(Policy::seconds(u64::MAX).fresh_until(1_000), u64::MAX);
        assert_eq!(
            Policy::seconds(u64::MAX / 1000).fresh_until(1_000),
            u64::MAX
        );
    }

    #[test]
    fn a_duration_is_rounded_up_to_a_millisecond() -> Result<()> {
        assert_eq!(Policy::try_from(Duration::from_nanos(1))?.fresh_until(0), 1);
        assert_eq!(
            Policy::try_from(Duration::from_millis(1500))?.fresh_until(0),
            1500
        );
        Ok(())
    }

    #[test]
    fn none_is_off_and_negative_or_zero_durations_are_refused() -> Result<()> {
        assert_eq!(None.into_policy()?, None);
        assert_eq!(Some(3600).into_policy()?, Some(Policy::seconds(3600)));
        assert!((-1).into_policy().is_err());
        assert!(Duration::ZERO.into_policy().is_err());
        Ok(())
    }
}
