//! Dates in fields (RFC 9110, 5.6.7).
//!
//! A ground file of the rules.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::DATE;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The date in the field `name`, in milliseconds since 1970. `None` if the field is absent, occurs twice, or is no date.
pub(super) fn field(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut lines = headers.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => parse(line.as_bytes()),
        _ => None,
    }
}

/// A date in one of the three formats of RFC 9110, 5.6.7. A date before 1970 is none.
///
/// The grammar is case-sensitive, but "recipients of timestamp values are encouraged to be robust" (5.6.7): a date in the wrong
/// case is read. Anything else that the grammar does not have is no date, above all another time zone than GMT.
pub(super) fn parse(value: &[u8]) -> Option<u64> {
    // The longest is `Wednesday, 09-Nov-94 08:49:37 GMT`.
    if value.len() > 40 || !value.is_ascii() {
        return None;
    }
    let mut text = String::with_capacity(value.len());
    for &byte in value {
        let follows_letter = text.ends_with(|last: char| last.is_ascii_alphabetic());
        let byte = match follows_letter {
            true => byte.to_ascii_lowercase(),
            false => byte.to_ascii_uppercase(),
        };
        text.push(char::from(byte));
    }
    if text.ends_with(" Gmt") {
        let zone = text.len() - 3;
        text.replace_range(zone.., "GMT");
    }
    let date = httpdate::parse_http_date(&text).ok()?;
    let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).ok()
}

/// Adds `Date` where it is missing or no date: "a recipient with a clock that receives a response message without a Date
/// header field must record the time it was received and append a corresponding Date" (RFC 9110, 6.6.1).
pub(crate) fn date_or(headers: &mut HeaderMap, now_ms: u64) {
    if field(headers, &DATE).is_none() {
        headers.insert(DATE, value(now_ms));
    }
}

/// A time as a field has it.
fn value(unix_ms: u64) -> HeaderValue {
    // The last second that four digits of a year can say: beyond it there is no date.
    let last = 253_402_300_799;
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs((unix_ms / 1_000).min(last));
    HeaderValue::try_from(httpdate::fmt_http_date(time))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_formats_are_read_in_any_case_and_nothing_else() {
        let time = Some(784_111_777_000);
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", time),
            ("Sunday, 06-Nov-94 08:49:37 GMT", time),
            ("Sun Nov  6 08:49:37 1994", time),
            ("SUN, 06 NOV 1994 08:49:37 gMT", time),
            ("sun, 06 nov 1994 08:49:37 gmt", time),
            ("Thursday, 18-Aug-50 02:01:18 GMT", Some(2_544_400_878_000)),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:37 AEST", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 94 08:49:37 GMT", None),
            ("Sun 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06  Nov  1994 08:49:37 GMT", None),
            ("Sun, 06-Nov-1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08.49.37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", None),
            ("Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("Thu, 06 Nov 1969 08:49:37 GMT", None),
            ("0", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn a_field_that_occurs_twice_is_no_date() {
        let mut headers = HeaderMap::new();
        assert_eq!(field(&headers, &DATE), None);
        headers.append(DATE, value(784_111_777_999));
        assert_eq!(field(&headers, &DATE), Some(784_111_777_000));
        headers.append(DATE, value(784_111_777_999));
        assert_eq!(field(&headers, &DATE), None);
        date_or(&mut headers, 1_000);
        assert_eq!(field(&headers, &DATE), Some(1_000));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..253_402_300_799_u64) {
            let written = value(seconds * 1_000);
            prop_assert_eq!(parse(written.as_bytes()), Some(seconds * 1_000));
        }

        #[test]
        fn no_bytes_are_too_wild(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
        }
    }
}
