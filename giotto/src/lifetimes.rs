//! The terms on which caches between giotto and a reader may use a page, and how long without asking, as its author says.
//!
//! A ground type: what a program's pages carry to the controller. Without a lifetime, such caches ask every time.

use giotto_cache::IntoDuration;
use http::HeaderValue;

/// The largest number of seconds that every cache can represent (RFC 9111, 1.2.2).
const MAX_SECONDS: u32 = i32::MAX as u32;

/// The times of a program, in seconds; 0 = not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    /// In all caches, that of the browser among them.
    pub(crate) max_age: u32,
    /// In shared caches.
    pub(crate) shared_max_age: u32,
    /// Whether a browser does not ask even when its user reloads the page (RFC 8246).
    pub(crate) immutable: bool,
    /// Here and below, after the times above (RFC 5861).
    pub(crate) stale_while_revalidate: u32,
    pub(crate) stale_if_error: u32,
}

/// What caches downstream are told of every page of a program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) lifetimes: Lifetimes,
    /// The parameters of a query that its pages do not depend on; `None` if that is not certain.
    pub(crate) no_vary_search: Option<HeaderValue>,
}

impl Lifetimes {
    /// Whether caches downstream may use a page without asking.
    pub(crate) const fn are_any(self) -> bool {
        self.max_age > 0 || self.shared_max_age > 0
    }

    /// What may be said of a page that is fresh for `left` more seconds: nothing that reaches further, and nothing to shared
    /// caches if it is private.
    pub(crate) fn limited(self, left: u32, is_private: bool) -> Self {
        let max_age = self.max_age.min(left);
        let shared_max_age = match is_private {
            true => 0,
            false => self.shared_max_age.min(left),
        };
        let rest = left - max_age.max(shared_max_age);
        Self {
            max_age,
            shared_max_age,
            stale_while_revalidate: self.stale_while_revalidate.min(rest),
            stale_if_error: self.stale_if_error.min(rest),
            ..self
        }
    }

    /// Why the times contradict each other, and the remedy.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let has_old = self.stale_while_revalidate > 0 || self.stale_if_error > 0;
        match () {
            () if self.immutable && self.max_age == 0 => Some(
                ".immutable() needs .max_age(..), for which browsers keep the page: add it, or remove .immutable()",
            ),
            () if has_old && !self.are_any() => Some(
                "it may be used stale downstream but is never fresh there: give it .max_age(..) or .shared_max_age(..), or \
                 leave .downstream_stale_while_revalidate(..) and .downstream_stale_if_error(..) out",
            ),
            () => None,
        }
    }
}

/// `time` in whole seconds, rounded down; or what is wrong with it.
pub(crate) fn seconds(time: impl IntoDuration) -> Result<u32, &'static str> {
    match time.in_ms()? / 1_000 {
        0 => Err("HTTP counts whole seconds: give it at least one"),
        seconds => {
            Ok(u32::try_from(seconds).map_or(MAX_SECONDS, |seconds| seconds.min(MAX_SECONDS)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_time_reaches_beyond_the_life_that_is_left() {
        let told = Lifetimes {
            max_age: 60,
            shared_max_age: 300,
            immutable: true,
            stale_while_revalidate: 30,
            stale_if_error: 1_000,
        };
        let limited = |left| {
            let Lifetimes {
                max_age,
                shared_max_age,
                immutable,
                stale_while_revalidate,
                stale_if_error,
            } = told.limited(left, false);
            assert!(immutable);
            [
                max_age,
                shared_max_age,
                stale_while_revalidate,
                stale_if_error,
            ]
        };
        assert_eq!(limited(u32::MAX), [60, 300, 30, 1_000]);
        assert_eq!(limited(320), [60, 300, 20, 20]);
        assert_eq!(limited(300), [60, 300, 0, 0]);
        assert_eq!(limited(59), [59, 59, 0, 0]);
        assert_eq!(limited(0), [0, 0, 0, 0]);
        assert_eq!(told.limited(u32::MAX, true).shared_max_age, 0);
    }

    #[test]
    fn a_time_is_a_whole_number_of_seconds() {
        assert_eq!(seconds(60), Ok(60));
        assert_eq!(seconds(Duration::from_millis(1_999)), Ok(1));
        assert_eq!(seconds(u64::from(u32::MAX)), Ok(MAX_SECONDS));
        assert!(seconds(Duration::from_millis(999)).is_err());
        assert!(seconds(0).is_err() && seconds(-1).is_err() && seconds(u64::MAX).is_err());
    }
}
