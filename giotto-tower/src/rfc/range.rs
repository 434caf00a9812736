//! Ranges of a body (RFC 9110, 14).
//!
//! Serves `conditional.rs`.

use http::HeaderMap;
use http::header::RANGE;

use super::list;
use super::selected::Selected;

/// What `Range` selects of a body of `length` bytes.
///
/// A server may ignore `Range` (RFC 9110, 14.2). It is ignored here where it asks for more than one range (a small request
/// would cause a large answer, 17.15), in another unit, or is not well-formed.
pub(super) fn select(request: &HeaderMap, length: u64) -> Selected {
    let mut lines = request.get_all(RANGE).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Selected::Full;
    };
    match Wanted::parse(line.as_bytes()) {
        Some(wanted) => wanted.of(length),
        None => Selected::Full,
    }
}

/// One range of bytes (RFC 9110, 14.1.2).
enum Wanted {
    /// From the first to the last byte, including both; without a last one to the end.
    Bytes(u64, Option<u64>),
    /// So many bytes at the end.
    Suffix(u64),
}

impl Wanted {
    fn parse(line: &[u8]) -> Option<Self> {
        let at = line.iter().position(|&byte| byte == b'=')?;
        let (unit, set) = (&line[..at], &line[at + 1..]);
        let mut ranges = list::split(set);
        let (true, range, None) = (
            unit.eq_ignore_ascii_case(b"bytes"),
            ranges.next()?,
            ranges.next(),
        ) else {
            return None;
        };
        let dash = range.iter().position(|&byte| byte == b'-')?;
        match (&range[..dash], &range[dash + 1..]) {
            ([], suffix) => Some(Self::Suffix(list::number(suffix)?)),
            (first, []) => Some(Self::Bytes(list::number(first)?, None)),
            (first, last) => {
                let (first, last) = (list::number(first)?, list::number(last)?);
                (first <= last).then_some(Self::Bytes(first, Some(last)))
            }
        }
    }

    fn of(&self, length: u64) -> Selected {
        match *self {
            Self::Suffix(0) => Selected::Unsatisfiable,
            // No range describes an empty body.
            Self::Suffix(_) if length == 0 => Selected::Full,
            Self::Suffix(most) => Selected::Partial(length.saturating_sub(most)..length),
            Self::Bytes(first, _) if first >= length => Selected::Unsatisfiable,
            Self::Bytes(first, last) => {
                let end = last.map_or(length, |last| last.saturating_add(1).min(length));
                Selected::Partial(first..end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str, length: u64) -> Selected {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(line).unwrap());
        select(&headers, length)
    }

    #[test]
    fn one_range_of_bytes_is_selected() {
        use Selected::{Full, Partial, Unsatisfiable};
        for (line, length, expected) in [
            ("bytes=0-1", 10, Partial(0..2)),
            ("Bytes=0-0", 10, Partial(0..1)),
            ("bytes= 1- ", 10, Partial(1..10)),
            ("bytes=-1", 10, Partial(9..10)),
            ("bytes=-99", 10, Partial(0..10)),
            ("bytes=5-99999999999999999999999", 10, Partial(5..10)),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-5", 0, Full),
            ("bytes=0-1,3-4", 10, Full),
            ("bytes=2-1", 10, Full),
            ("bytes=-", 10, Full),
            ("bytes=a-b", 10, Full),
            ("bytes=1", 10, Full),
            ("bytes", 10, Full),
            ("bytes=", 10, Full),
            ("items=0-1", 10, Full),
            ("bytes=+1-2", 10, Full),
            ("bytes=1 - 2", 10, Full),
        ] {
            assert_eq!(of(line, length), expected, "{line:?} of {length}");
        }
    }

    #[test]
    fn two_lines_are_ignored() {
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(select(&headers, 10), Selected::Full);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_inside(line in "bytes=[0-9]{0,3}-[0-9]{0,3}", length in 0..300_u64) {
            if let Selected::Partial(part) = of(&line, length) {
                prop_assert!(part.start < part.end && part.end <= length, "{part:?}");
            }
        }

        #[test]
        fn no_field_is_too_wild(line in "[ -~]{0,30}") {
            let _ = of(&line, 10);
        }
    }
}
