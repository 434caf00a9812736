//! A 304 of the service and the stored response that it is about (RFC 9111, 3.2 and 4.3.4).
//!
//! Serves the revalidation of a stored response.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};

use super::date;
use super::fields;
use super::validators::EntityTag;

/// The fields of the stored response that its body depends on: a 304 has no other bytes, so it cannot change them (RFC 9111,
/// 3.2: "header fields that the cache's stored response depends upon"). `ETag` is the same one, perhaps weaker.
const OF_THE_STORED_BODY: [http::HeaderName; 5] = [
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    http::HeaderName::from_static("content-md5"),
    CONTENT_RANGE,
    ETAG,
];

/// The fields of the stored response, updated by those of a 304. `Age` is that of the 304, for
/// [`judge`](super::judge); without a `Date` in the 304 there is none, for [`date_or`](super::date_or).
///
/// `None` if the 304 is about another representation: then it must not be used (RFC 9111, 4.3.4), and the request has to be
/// made again without conditions.
pub(crate) fn merge(mut stored: HeaderMap, of_304: &HeaderMap) -> Option<HeaderMap> {
    if !is_about(&stored, of_304) {
        return None;
    }
    let mut new = of_304.clone();
    fields::without_hop_by_hop(&mut new);
    for name in OF_THE_STORED_BODY {
        if stored.contains_key(&name) || name != ETAG {
            new.remove(name);
        }
    }
    stored.remove(DATE);
    for name in new.keys() {
        stored.remove(name);
    }
    for (name, value) in &new {
        stored.append(name, value.clone());
    }
    Some(stored)
}

/// Whether the validators of a 304 are those of the stored response, the strongest one deciding.
fn is_about(stored: &HeaderMap, of_304: &HeaderMap) -> bool {
    match (EntityTag::of(of_304), EntityTag::of(stored)) {
        (Some(new), Some(own)) if new.is_weak() => new.matches_weakly(own),
        (Some(new), Some(own)) => new.matches_strongly(own),
        // A strong validator that the stored response does not have.
        (Some(new), None) if !new.is_weak() => false,
        (Some(_) | None, _) => {
            let modified = date::field(of_304, &LAST_MODIFIED);
            let own = date::field(stored, &LAST_MODIFIED);
            modified.is_none() || own.is_none() || modified == own
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields.iter();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_304_replaces_fields_but_not_those_of_the_body() {
        let stored = of(&[
            ("etag", "\"a\""),
            ("cache-control", "max-age=1"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("x", "1"),
            ("x", "2"),
            ("y", "3"),
            ("content-encoding", "gzip"),
            ("content-length", "5"),
            ("content-md5", "md5"),
            ("content-type", "text/plain"),
        ]);
        let of_304 = of(&[
            ("etag", "W/\"a\""),
            ("cache-control", "max-age=2"),
            ("age", "7"),
            ("x", "4"),
            ("z", "5"),
            ("connection", "hop"),
            ("hop", "6"),
            ("content-encoding", "br"),
            ("content-length", "0"),
            ("content-md5", "other"),
            ("content-range", "bytes 0-1/2"),
            ("content-type", "text/html"),
        ]);
        let expected = of(&[
            ("etag", "\"a\""),
            ("y", "3"),
            ("content-encoding", "gzip"),
            ("content-length", "5"),
            ("content-md5", "md5"),
            ("cache-control", "max-age=2"),
            ("age", "7"),
            ("x", "4"),
            ("z", "5"),
            ("content-type", "text/html"),
        ]);
        assert_eq!(merge(stored, &of_304), Some(expected));
    }

    #[test]
    fn a_304_about_another_representation_is_not_used() {
        const EARLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATE: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        for (stored, of_304, expected) in [
            (&[("etag", "\"a\"")][..], &[("etag", "\"a\"")][..], true),
            (&[("etag", "\"a\"")], &[("etag", "\"b\"")], false),
            (&[("etag", "\"a\"")], &[("etag", "W/\"a\"")], true),
            (&[("etag", "\"a\"")], &[("etag", "W/\"b\"")], false),
            (&[("etag", "W/\"a\"")], &[("etag", "\"a\"")], false),
            (&[("etag", "\"a\"")], &[], true),
            (&[("etag", "\"a\"")], &[("last-modified", EARLY)], true),
            (&[("last-modified", EARLY)], &[("etag", "\"a\"")], false),
            (
                &[("last-modified", EARLY)],
                &[("last-modified", EARLY)],
                true,
            ),
            (
                &[("last-modified", EARLY)],
                &[("last-modified", LATE)],
                false,
            ),
            (&[("last-modified", EARLY)], &[("last-modified", "x")], true),
            (&[], &[], true),
        ] {
            let merged = merge(of(stored), &of(of_304));
            assert_eq!(merged.is_some(), expected, "{stored:?} {of_304:?}");
        }
    }
}
