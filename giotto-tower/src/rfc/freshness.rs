//! How long a response is fresh, and how old it is already (RFC 9111, 4.2).
//!
//! Serves `storable.rs`. Times are milliseconds.

use http::header::{AGE, DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use super::response::{ResponseDirectives, seconds};
use super::{date, list};

/// The longest that a response is fresh by heuristics: a day.
const MOST_HEURISTIC_MS: u64 = 24 * 3_600_000;

/// The freshness lifetime that the response states (RFC 9111, 4.2.1), the first of: `s-maxage`, `max-age`, `Expires` less
/// `Date`. `None` if it states none. What is stated in a way that cannot be read is zero (5.3: "a cache recipient must
/// interpret invalid date formats, especially the value "0", as representing a time in the past").
pub(super) fn lifetime_ms(
    headers: &HeaderMap,
    directives: &ResponseDirectives,
    now_ms: u64,
) -> Option<u64> {
    if let Some(seconds) = directives.s_maxage.or(directives.max_age) {
        return Some(seconds * 1_000);
    }
    if directives.targeted || !headers.contains_key(EXPIRES) {
        return None;
    }
    let expires = date::field(headers, &EXPIRES).unwrap_or_default();
    Some(expires.saturating_sub(date_ms(headers, now_ms)))
}

/// A lifetime by heuristics (RFC 9111, 4.2.2): a tenth of the time that the response had not changed for, at most a day.
pub(super) fn heuristic_ms(headers: &HeaderMap, now_ms: u64) -> Option<u64> {
    let modified = date::field(headers, &LAST_MODIFIED)?;
    let unchanged = date_ms(headers, now_ms).saturating_sub(modified);
    Some((unchanged / 10).min(MOST_HEURISTIC_MS))
}

/// `corrected_initial_age` (RFC 9111, 4.2.3) of a response that was asked for at `request_ms` and came at `now_ms`.
pub(super) fn initial_age_ms(headers: &HeaderMap, request_ms: u64, now_ms: u64) -> u64 {
    let apparent_age = now_ms.saturating_sub(date_ms(headers, now_ms));
    let response_delay = now_ms.saturating_sub(request_ms);
    let corrected_age_value = age_value_ms(headers).saturating_add(response_delay);
    apparent_age.max(corrected_age_value)
}

/// `Age`: the first member, discarding others; what is no number of seconds is ignored (RFC 9111, 5.1).
fn age_value_ms(headers: &HeaderMap) -> u64 {
    let first = list::members(headers, &AGE).next();
    first.and_then(seconds).unwrap_or_default() * 1_000
}

/// `Date`, or the time at which the response came (RFC 9110, 6.6.1).
fn date_ms(headers: &HeaderMap, now_ms: u64) -> u64 {
    date::field(headers, &DATE).unwrap_or(now_ms)
}

/// Whether a response with this status may be used by heuristics, though it does not say how long it is fresh ("heuristically
/// cacheable", RFC 9110, 15.1). 206 is left out: it is not stored here.
pub(super) const fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Whether this response to a request is an error in place of which a stale one may be served (RFC 5861, 4).
pub(crate) const fn stale_on_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW_MS: u64 = 784_111_777_000;
    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const IN_10_S: &str = "Sun, 06 Nov 1994 08:49:47 GMT";
    const AGO_10_S: &str = "Sun, 06 Nov 1994 08:49:27 GMT";

    type Fields<'f> = &'f [(&'static str, &'static str)];

    fn of(fields: Fields<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_lifetime_is_that_of_the_first_that_states_one() {
        let cases: [(Fields<'_>, Option<u64>); 15] = [
            (&[], None),
            (
                &[
                    ("cache-control", "max-age=1, s-maxage=2"),
                    ("expires", IN_10_S),
                ],
                Some(2),
            ),
            (
                &[("cache-control", "max-age=1"), ("expires", IN_10_S)],
                Some(1),
            ),
            (
                &[("cache-control", "max-age=x"), ("expires", IN_10_S)],
                Some(0),
            ),
            (&[("expires", IN_10_S), ("date", NOW)], Some(10)),
            (&[("expires", IN_10_S), ("date", AGO_10_S)], Some(20)),
            (&[("expires", IN_10_S)], Some(10)),
            (&[("expires", IN_10_S), ("date", "foo")], Some(10)),
            (&[("expires", NOW), ("date", IN_10_S)], Some(0)),
            (&[("expires", "0")], Some(0)),
            (&[("expires", "")], Some(0)),
            (&[("expires", IN_10_S), ("expires", IN_10_S)], Some(0)),
            (
                &[
                    ("cdn-cache-control", "max-age=3"),
                    ("cache-control", "s-maxage=1"),
                ],
                Some(3),
            ),
            (&[("cdn-cache-control", "foo"), ("expires", IN_10_S)], None),
            (
                &[("cdn-cache-control", "&"), ("expires", IN_10_S)],
                Some(10),
            ),
        ];
        for (fields, expected) in cases {
            let headers = of(fields);
            let directives = ResponseDirectives::of(&headers);
            let lifetime = lifetime_ms(&headers, &directives, NOW_MS);
            assert_eq!(lifetime.map(|ms| ms / 1_000), expected, "{fields:?}");
        }
    }

    #[test]
    fn the_initial_age_is_the_larger_of_two() {
        let cases: [(Fields<'_>, u64); 13] = [
            (&[], 2),
            (&[("date", NOW)], 2),
            (&[("date", IN_10_S)], 2),
            (&[("date", AGO_10_S)], 10),
            (&[("date", AGO_10_S), ("age", "7")], 10),
            (&[("date", AGO_10_S), ("age", "30")], 32),
            (&[("age", "7, 50")], 9),
            (&[("age", "7"), ("age", "50")], 9),
            (&[("age", "abc")], 2),
            (&[("age", "-50")], 2),
            (&[("age", "50.0")], 2),
            (&[("age", "50;foo=bar")], 2),
            (&[("age", "99999999999999999999")], (1 << 31) + 2),
        ];
        for (fields, expected) in cases {
            let age = initial_age_ms(&of(fields), NOW_MS - 2_000, NOW_MS);
            assert_eq!(age / 1_000, expected, "{fields:?}");
        }
    }

    #[test]
    fn a_heuristic_lifetime_is_a_tenth_and_at_most_a_day() {
        let heuristic = |fields: &[_]| heuristic_ms(&of(fields), NOW_MS);
        assert_eq!(heuristic(&[]), None);
        assert_eq!(heuristic(&[("last-modified", "x")]), None);
        assert_eq!(heuristic(&[("last-modified", IN_10_S)]), Some(0));
        assert_eq!(heuristic(&[("last-modified", AGO_10_S)]), Some(1_000));
        let long_ago = ("last-modified", "Tue, 06 Nov 1984 08:49:37 GMT");
        assert_eq!(heuristic(&[long_ago]), Some(MOST_HEURISTIC_MS));
    }
}
