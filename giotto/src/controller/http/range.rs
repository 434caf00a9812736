//! A part of a page (RFC 9110, 14).
//!
//! Part of the last step of an invocation over HTTP. A request for one range of bytes gets it. One for several gets the
//! whole page, as it does from a server without ranges: few clients ask, and each range would cost a head of its own.

use std::ops::Range;

use http::StatusCode;
use http::header::{self, HeaderValue};

use super::caching::value;
use super::problem::Problem;

/// What `Range` asks of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ranged {
    /// Something else than one range of bytes, or one of an empty body: the whole is sent.
    Ignored,
    Part(Range<usize>),
    /// None of its bytes.
    Unsatisfiable,
}

/// What `range`, the value of `Range`, asks of a body of `length` bytes.
pub(super) fn ranged(range: &[u8], length: usize) -> Ranged {
    // No range of an empty body can be told in Content-Range.
    if length == 0 {
        return Ranged::Ignored;
    }
    let part = match bounds(range) {
        None => return Ranged::Ignored,
        Some((None, None)) => return Ranged::Ignored,
        Some((Some(first), Some(last))) if last < first => return Ranged::Ignored,
        Some((Some(first), last)) => {
            let last = last.unwrap_or(usize::MAX).min(length - 1);
            first..last + 1
        }
        Some((None, Some(suffix))) => length.saturating_sub(suffix)..length,
    };
    match part.is_empty() {
        true => Ranged::Unsatisfiable,
        false => Ranged::Part(part),
    }
}

/// The two numbers of `bytes=1-2`, `bytes=1-` or `bytes=-2`. Numbers that are too large are as large as can be.
fn bounds(range: &[u8]) -> Option<(Option<usize>, Option<usize>)> {
    let (unit, range) = range.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let dash = range.iter().position(|byte| *byte == b'-')?;
    Some((number(&range[..dash])?, number(&range[dash + 1..])?))
}

/// The number that is written in `digits`, `Some(None)` without one.
fn number(digits: &[u8]) -> Option<Option<usize>> {
    let mut number = None;
    for digit in digits {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'))?;
        let before: usize = number.unwrap_or(0);
        number = Some(before.saturating_mul(10).saturating_add(digit));
    }
    Some(number)
}

/// `Content-Range` of a part of a body of `length` bytes.
pub(super) fn content_range(part: &Range<usize>, length: usize) -> HeaderValue {
    value(format!("bytes {}-{}/{length}", part.start, part.end - 1))
}

/// 416 for a body of `length` bytes.
pub(super) fn unsatisfied(length: usize) -> Problem {
    let message = format!("the page has {length} bytes, and none in the range of the request");
    let length = value(format!("bytes */{length}"));
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, message).field(header::CONTENT_RANGE, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_a_part() {
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-9", 0..10),
            ("bytes=0-99", 0..10),
            ("bytes=3-5", 3..6),
            ("bytes=9-9", 9..10),
            ("bytes=9-", 9..10),
            ("bytes=0-", 0..10),
            ("bytes=-1", 9..10),
            ("bytes=-10", 0..10),
            ("bytes=-99", 0..10),
            ("BYTES=3-5", 3..6),
            ("bytes=003-005", 3..6),
            ("bytes=5-99999999999999999999999999", 5..10),
            ("bytes=-99999999999999999999999999", 0..10),
        ] {
            assert_eq!(ranged(range.as_bytes(), 10), Ranged::Part(part), "{range}");
        }
        for range in [
            "bytes=10-",
            "bytes=10-10",
            "bytes=99999999999999999999999999-",
            "bytes=-0",
        ] {
            assert_eq!(
                ranged(range.as_bytes(), 10),
                Ranged::Unsatisfiable,
                "{range}"
            );
        }
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=1",
            "bytes=5-3",
            "bytes=0-1,3-4",
            "bytes=0-1,",
            "bytes=,0-1",
            "bytes= 0-1",
            "bytes =0-1",
            "bytes=0 -1",
            "bytes=0-1 ",
            "bytes=+0-1",
            "bytes=0--1",
            "bytes=--1",
            "bytes=0x0-1",
            "bytes=a-b",
            "items=0-1",
            "byte=0-1",
            "bytes:0-1",
            "bytes=0-\u{661}",
        ] {
            assert_eq!(ranged(range.as_bytes(), 10), Ranged::Ignored, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-"] {
            assert_eq!(ranged(range.as_bytes(), 0), Ranged::Ignored, "{range}");
        }
    }
}
