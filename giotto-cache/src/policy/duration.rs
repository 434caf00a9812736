//! A time as a setting takes it: whole seconds, or a [`Duration`].
//!
//! A ground type, for the settings of a [`Policy`](crate::Policy) and of a computation.

use std::time::Duration;

use crate::clock::milliseconds;

pub(super) const SECOND_MS: u64 = 1_000;
/// A thousand years. A longer time is a mistake.
const LONGEST_MS: u64 = 1_000 * 365 * 24 * 3_600_000;

/// A time as settings take it: whole seconds, or a [`Duration`].
pub trait IntoDuration: sealed::Sealed {
    /// The time in milliseconds, rounded up; or what is wrong with it: it is zero, negative, or longer than a
    /// thousand years.
    fn in_ms(self) -> Result<u64, &'static str>;
}

impl IntoDuration for Duration {
    fn in_ms(self) -> Result<u64, &'static str> {
        match rounded_up(self) {
            0 => Err("a time of zero means nothing here: leave the setting out to turn it off"),
            ms if ms > LONGEST_MS => {
                Err("a time of more than a thousand years is a mistake: give a shorter one")
            }
            ms => Ok(ms),
        }
    }
}

impl IntoDuration for u64 {
    fn in_ms(self) -> Result<u64, &'static str> {
        Duration::from_secs(self).in_ms()
    }
}

impl IntoDuration for i64 {
    fn in_ms(self) -> Result<u64, &'static str> {
        let seconds = u64::try_from(self)
            .map_err(|_| "a time is not negative: give the seconds that it lasts")?;
        seconds.in_ms()
    }
}

impl IntoDuration for i32 {
    fn in_ms(self) -> Result<u64, &'static str> {
        i64::from(self).in_ms()
    }
}

/// `ms` in seconds, rounded up.
pub(super) fn whole_seconds(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(SECOND_MS)).unwrap_or(u32::MAX)
}

pub(crate) fn rounded_up(duration: Duration) -> u64 {
    milliseconds(duration.saturating_add(Duration::from_nanos(999_999)))
}

/// What can be given is a closed list, so that more can be added to it.
pub(crate) mod sealed {
    use std::time::Duration;

    pub trait Sealed {}

    impl Sealed for Duration {}
    impl Sealed for u64 {}
    impl Sealed for i64 {}
    impl Sealed for i32 {}
}
