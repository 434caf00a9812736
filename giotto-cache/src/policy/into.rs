//! What the cache setting of a program may be given as.
//!
//! Before the first lookup: `.cache(3600)`, `.cache(Duration::from_millis(500))`, `.cache(Policy::forever())`, `.cache(None)`.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::policy::Policy;
use crate::policy::duration::rounded_up;
use crate::policy::duration::sealed::Sealed;

/// Exact to the millisecond, rounded up; an error for zero, which could be read as "off" or as "for ever".
impl TryFrom<Duration> for Policy {
    type Error = Error;

    fn try_from(duration: Duration) -> Result<Self> {
        if duration.is_zero() {
            let message = "a cache time of zero is ambiguous: use Policy::forever() for no expiry, \
                           or leave `cache` out to turn it off";
            return Err(Error::new(ErrorKind::Policy, message));
        }
        Ok(Self::milliseconds(rounded_up(duration)))
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
pub trait IntoPolicy: Sealed {
    /// The policy, `None` for "off", or an error for a time that no entry can have.
    fn into_policy(self) -> Result<Option<Policy>>;
}

impl Sealed for Policy {}
impl Sealed for Option<i64> {}

impl IntoPolicy for Policy {
    fn into_policy(self) -> Result<Option<Policy>> {
        self.check().map(Some)
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
    fn none_is_off_and_negative_or_zero_durations_are_refused() -> Result<()> {
        assert_eq!(None.into_policy()?, None);
        assert_eq!(Some(3600).into_policy()?, Some(Policy::seconds(3600)));
        assert!((-1).into_policy().is_err());
        assert!(Duration::ZERO.into_policy().is_err());
        Ok(())
    }
}
