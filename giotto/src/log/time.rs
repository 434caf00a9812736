//! The time of a log line: `2026-11-27T00:01:07.250Z` (RFC 3339, in UTC).
//!
//! Beside every step.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 3_600;
/// The length of `2026-11-27T00:01:07`.
const LENGTH: usize = 19;

thread_local! {
    /// The last second that was written. A thread that writes many lines formats it once.
    static LAST: RefCell<(u64, [u8; LENGTH])> = const { RefCell::new((u64::MAX, [0; LENGTH])) };
}

/// Appends `time`, which is a year of four digits since 1970.
pub(super) fn write_time(out: &mut Vec<u8>, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    LAST.with_borrow_mut(|(second, text)| {
        if *second != since.as_secs() {
            (*second, *text) = (since.as_secs(), formatted(since.as_secs()));
        }
        out.extend_from_slice(text);
    });
    let mut fraction = *b".000Z";
    put(&mut fraction[1..4], u64::from(since.subsec_millis()));
    out.extend_from_slice(&fraction);
}

fn formatted(seconds: u64) -> [u8; LENGTH] {
    let mut text = *b"0000-00-00T00:00:00";
    let (year, month, day) = date(seconds / DAY);
    let second = seconds % DAY;
    put(&mut text[..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], second / 3_600);
    put(&mut text[14..16], second / 60 % 60);
    put(&mut text[17..], second % 60);
    text
}

/// Writes the last digits of `number`.
fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day since 1970, by the calendar of Gregory. A year begins in March here, so that the day that not
/// every year has is its last.
const fn date(days: u64) -> (u64, u64, u64) {
    // 1970 began 719,468 days after the first of March of the year 0.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_rfc_3339_says() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_735_689_599_050, "2024-12-31T23:59:59.050Z"),
            (1_735_689_600_000, "2025-01-01T00:00:00.000Z"),
            (1_795_737_667_250, "2026-11-27T00:01:07.250Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            let mut text = Vec::new();
            write_time(&mut text, UNIX_EPOCH + Duration::from_millis(milliseconds));
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
