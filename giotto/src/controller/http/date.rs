//! The `Date` of a response after the wall clock was set back.
//!
//! Part of the last step of an invocation over HTTP. hyper formats the date when a second has passed since the last time.
//! After the clock was set back, that takes until the clock has caught up. Until then, this file formats the date.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// The most that a date of hyper is later than the latest beat before the clock was set back.
const SLACK: Duration = Duration::from_secs(2);
/// The end of the year 9999, in seconds: a date has four digits for the year.
const END: u64 = 253_402_300_800;

/// The latest time that the wall clock has shown.
#[derive(Debug)]
pub(super) struct Latest {
    time: SystemTime,
    is_behind: bool,
}

impl Latest {
    pub(super) const fn new(now: SystemTime) -> Self {
        Self {
            time: now,
            is_behind: false,
        }
    }

    /// Notes that the wall clock shows `now`, which may be set back before the next beat.
    pub(super) fn note(&mut self, now: SystemTime) {
        if now >= self.time {
            self.is_behind(now);
        }
    }

    /// Whether the wall clock, which shows `now`, is behind what it has shown before.
    pub(super) fn is_behind(&mut self, now: SystemTime) -> bool {
        let had_been = if self.is_behind {
            SLACK
        } else {
            Duration::ZERO
        };
        self.is_behind = now < self.time + had_been;
        if !self.is_behind {
            self.time = now;
        }
        self.is_behind
    }
}

/// `now` as the value of `Date`, which knows the years from 1970 to 9999.
pub(crate) fn date(now: SystemTime) -> Option<HeaderValue> {
    let since = now.duration_since(UNIX_EPOCH).ok()?;
    let text = (since.as_secs() < END).then(|| httpdate::fmt_http_date(now))?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_is_behind_until_it_has_caught_up() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds);
        let mut latest = Latest::new(at(0));
        for (seconds, is_behind) in [
            (0, false),
            (10, false),
            // Set forward is no matter.
            (4_000, false),
            (400, true),
            (3_999, true),
            // A thread may have formatted its date a moment after the latest beat.
            (4_001, true),
            (4_002, false),
            (4_003, false),
            (4_002, true),
        ] {
            assert_eq!(latest.is_behind(at(seconds)), is_behind, "{seconds}");
        }
        latest.note(at(4_004));
        assert!(latest.is_behind(at(4_004)), "so soon");
        latest.note(at(4_005));
        assert!(!latest.is_behind(at(4_005)));
        latest.note(at(9_000));
        assert!(latest.is_behind(at(8_000)), "between two beats");
    }

    #[test]
    fn a_date_that_cannot_be_written_is_left_out() {
        let day = Duration::from_secs(24 * 3600);
        let first = date(UNIX_EPOCH).unwrap();
        assert_eq!(first, "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(UNIX_EPOCH - day), None);
        let end = UNIX_EPOCH + Duration::from_secs(END);
        assert_eq!(date(end - day).unwrap(), "Fri, 31 Dec 9999 00:00:00 GMT");
        assert_eq!(date(end), None);
    }
}
