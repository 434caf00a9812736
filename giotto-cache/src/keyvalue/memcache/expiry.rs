//! When a value expires: to the millisecond for us, in whole seconds for the server.
//!
//! Inside the last step of a lookup. The server counts time in whole seconds, so that a value would expire up to two seconds
//! early. The server gets a later time, which frees the memory; the exact expiry is stored in front of the value.

use std::time::Duration;

use bytes::Bytes;

use crate::clock::milliseconds;

/// The length of the expiry in front of a value: milliseconds since 1970, big-endian.
pub(super) const HEADER: usize = size_of::<u64>();
const NEVER: u64 = u64::MAX;

/// A larger number of seconds is a moment to Memcached: seconds since 1970.
const MAX_RELATIVE: u64 = 30 * 24 * 3600;
/// So many seconds early the server may forget a value.
pub(super) const EARLY: u64 = 2;
const SERVER_NEVER: i32 = 0;
/// A negative number: the server forgets the value as it stores it.
pub(super) const SERVER_AT_ONCE: i32 = -1;

/// What stands in front of a value that is to expire after `expire`.
pub(super) fn header(expire: Option<Duration>, now_ms: u64) -> [u8; HEADER] {
    let expires_ms = expire.map_or(NEVER, |expire| now_ms.saturating_add(milliseconds(expire)));
    expires_ms.to_be_bytes()
}

/// What the server is told: never too early, so rounded up, and two seconds more.
///
/// The server's clock is a timer that fires about once a second and then reads the seconds of the machine. It may be a
/// second behind when the value arrives. And each interval of the timer is a little longer than a second, so that the
/// clock sometimes advances by two at once (on a busy machine every minute or two): the value loses another second.
pub(super) fn exptime(expire: Option<Duration>, now_ms: u64) -> i32 {
    let Some(expire) = expire else {
        return SERVER_NEVER;
    };
    let seconds = milliseconds(expire).div_ceil(1000).saturating_add(EARLY);
    let exptime = match seconds {
        0..=MAX_RELATIVE => seconds,
        _ => now_ms.div_ceil(1000).saturating_add(seconds),
    };
    // Memcached reads no more than an `i32`: what is larger would be stored, and gone at once.
    i32::try_from(exptime).unwrap_or(SERVER_NEVER)
}

/// The value in `stored`, if it has not expired.
pub(super) fn live(stored: &Bytes, now_ms: u64) -> Option<Bytes> {
    let (header, _) = stored.split_first_chunk()?;
    let expires_ms = u64::from_be_bytes(*header);
    let is_live = expires_ms == NEVER || now_ms < expires_ms;
    is_live.then(|| stored.slice(HEADER..))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;
    /// In 2026.
    const NOW: u64 = 1_795_000_000;
    const MAX_EXPTIME: u64 = i32::MAX as u64;

    #[test]
    fn the_server_is_told_a_number_that_it_reads_as_meant() {
        for (expire, expected) in [
            (Duration::ZERO, 2),
            (Duration::from_millis(1), 3),
            (Duration::from_secs(1), 3),
            (Duration::from_millis(1001), 4),
            (Duration::from_secs(30 * DAY - 2), 30 * DAY),
            (Duration::from_secs(30 * DAY - 1), NOW + 30 * DAY + 1),
            (Duration::from_secs(3653 * DAY), NOW + 3653 * DAY + 2),
            (Duration::from_secs(MAX_EXPTIME - NOW - 2), MAX_EXPTIME),
            (Duration::from_secs(MAX_EXPTIME - NOW - 1), 0),
            (Duration::from_secs(u64::MAX), 0),
            (Duration::MAX, 0),
        ] {
            let told = u64::try_from(exptime(Some(expire), NOW * 1000));
            assert_eq!(told, Ok(expected), "{expire:?}");
        }
        assert_eq!(exptime(None, NOW * 1000), SERVER_NEVER);
    }

    #[test]
    fn a_value_is_live_to_its_millisecond() {
        let stored = |expire| Bytes::from([&header(expire, 5000)[..], b"value"].concat());
        let second = stored(Some(Duration::from_secs(1)));
        assert_eq!(live(&second, 5999).unwrap(), "value");
        assert_eq!(live(&second, 6000), None);
        for endless in [stored(None), stored(Some(Duration::MAX))] {
            assert_eq!(live(&endless, u64::MAX).unwrap(), "value");
        }
        assert_eq!(live(&Bytes::from_static(b"foreign"), 0), None);
    }
}
