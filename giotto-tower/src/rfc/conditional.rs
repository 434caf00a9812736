//! What a client gets of a stored response: all of it, a part, or that it has it already (RFC 9110, 13.2; RFC 9111, 4.3.2).
//!
//! Serves the step between a response, stored or new, and its client.

use http::header::{
    CONTENT_RANGE, DATE, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, Method, StatusCode};

use super::selected::Selected;
use super::validators::EntityTag;
use super::{date, range};

/// What the client of `request` gets of a response whose body has `length` bytes, in the order of RFC 9110, 13.2.2.
///
/// Only a successful response is selected from (13.2.1). `If-Match` and `If-Unmodified-Since` are the origin's (RFC 9111,
/// 4.3.2: a cache does not evaluate them).
pub(crate) fn select(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    stored: &HeaderMap,
    length: u64,
) -> Selected {
    let is_get = method == Method::GET;
    if !status.is_success() || !is_get && method != Method::HEAD {
        return Selected::Full;
    }
    if is_not_modified(request, stored, true) {
        return Selected::NotModified;
    }
    let has_range = is_get && status == StatusCode::OK && range_applies(request, stored);
    match has_range && !stored.contains_key(CONTENT_RANGE) {
        true => range::select(request, length),
        false => Selected::Full,
    }
}

/// Whether the client has a response already that has just come from the service. Unlike that of a stored response, its `Date`
/// says nothing about what the client has.
pub(crate) fn has_already(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
) -> bool {
    let is_read = method == Method::GET || method == Method::HEAD;
    is_read && status.is_success() && is_not_modified(request, response, false)
}

/// Whether the client has this response already: `If-None-Match`, or else `If-Modified-Since` (RFC 9110, 13.1.2 and 13.1.3).
/// Of a response that `is_stored` and has no `Last-Modified`, the time at which it was made counts (RFC 9111, 4.3.2).
fn is_not_modified(request: &HeaderMap, response: &HeaderMap, is_stored: bool) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let mut lines = request.get_all(IF_NONE_MATCH).into_iter();
        let mut tags = EntityTag::all(request, &IF_NONE_MATCH);
        return lines.any(|line| line.as_bytes().trim_ascii() == b"*")
            || EntityTag::of(response).is_some_and(|own| tags.any(|tag| tag.matches_weakly(own)));
    }
    let Some(since) = date::field(request, &IF_MODIFIED_SINCE) else {
        return false;
    };
    let modified = match is_stored && !response.contains_key(LAST_MODIFIED) {
        true => date::field(response, &DATE),
        false => date::field(response, &LAST_MODIFIED),
    };
    modified.is_some_and(|modified| modified <= since)
}

/// Whether `Range` counts: not if `If-Range` says that the client has a part of another representation (RFC 9110, 13.1.5).
fn range_applies(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if !request.contains_key(IF_RANGE) {
        return request.contains_key(RANGE);
    }
    let mut tags = EntityTag::all(request, &IF_RANGE);
    if let (Some(tag), None) = (tags.next(), tags.next()) {
        return EntityTag::of(stored).is_some_and(|own| own.matches_strongly(tag));
    }
    // `Last-Modified` is strong if it was at least a second old when the response was made (RFC 9110, 8.8.2.2).
    let modified = date::field(stored, &LAST_MODIFIED);
    let is_strong = |modified: &u64| {
        date::field(stored, &DATE).is_some_and(|date| date >= modified.saturating_add(1_000))
    };
    let had = date::field(request, &IF_RANGE);
    had.is_some() && modified.filter(is_strong) == had
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const EARLY: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATE: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const WEAKLY: [(&str, &str); 2] = [("etag", "W/\"a\""), ("date", LATE)];
    const STRONGLY: [(&str, &str); 2] = [("etag", "\"a\""), ("date", LATE)];
    const DATED: [(&str, &str); 2] = [("last-modified", MODIFIED), ("date", LATE)];
    const DATED_NOW: [(&str, &str); 2] = [("last-modified", MODIFIED), ("date", MODIFIED)];
    const BOTH: [(&str, &str); 3] = [
        ("etag", "\"a\""),
        ("last-modified", MODIFIED),
        ("date", LATE),
    ];

    fn of(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn get(
        request: &[(&'static str, &'static str)],
        stored: &[(&'static str, &'static str)],
    ) -> Selected {
        select(&Method::GET, &of(request), StatusCode::OK, &of(stored), 10)
    }

    #[test]
    fn a_client_that_has_the_response_gets_a_304() {
        let inm = |value| [("if-none-match", value)];
        let ims = |value| [("if-modified-since", value)];
        for (request, stored, has_it) in [
            (&inm("\"a\"")[..], &STRONGLY[..], true),
            (&inm("W/\"a\""), &STRONGLY, true),
            (&inm("\"a\""), &WEAKLY, true),
            (&inm("\"x\", \"a\", \"y\""), &STRONGLY, true),
            (&inm("\"x\",,\"a\""), &STRONGLY, true),
            (&inm("\"x,\\\", W/\"a\""), &STRONGLY, true),
            (&inm(" * "), &STRONGLY, true),
            (&inm("*"), &DATED, true),
            (&inm("\"b\""), &STRONGLY, false),
            (&inm("a"), &STRONGLY, false),
            (&inm("w/\"a\""), &WEAKLY, false),
            (&inm("\"x\" \"a\""), &STRONGLY, false),
            (&inm("\"a\""), &[("etag", "a")], false),
            (
                &inm("\"a\""),
                &[("etag", "\"a\""), ("etag", "\"a\"")],
                false,
            ),
            (&ims(MODIFIED), &DATED, true),
            (&ims(LATE), &DATED, true),
            (&ims("Sunday, 06-Nov-94 08:49:37 GMT"), &DATED, true),
            (&ims(EARLY), &DATED, false),
            (&ims("x"), &DATED, false),
            (&ims(LATE), &STRONGLY, true),
            (&ims(MODIFIED), &STRONGLY, false),
            (
                &ims(LATE),
                &[("last-modified", "x"), ("date", EARLY)],
                false,
            ),
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", LATE)],
                &BOTH,
                false,
            ),
            (
                &[("if-none-match", "\"a\""), ("if-modified-since", EARLY)],
                &BOTH,
                true,
            ),
            (&[], &BOTH, false),
        ] {
            let expected = if has_it {
                Selected::NotModified
            } else {
                Selected::Full
            };
            assert_eq!(get(request, stored), expected, "{request:?} {stored:?}");
            let (request, stored) = (of(request), of(stored));
            let select = |method, status| select(method, &request, status, &stored, 10);
            assert_eq!(select(&Method::HEAD, StatusCode::OK), expected);
            assert_eq!(select(&Method::POST, StatusCode::OK), Selected::Full);
            assert_eq!(select(&Method::GET, StatusCode::NOT_FOUND), Selected::Full);
            let by_date = request.contains_key("if-modified-since")
                && !request.contains_key("if-none-match")
                && !stored.contains_key("last-modified");
            let new = has_already(&Method::GET, &request, StatusCode::OK, &stored);
            assert_eq!(new, has_it && !by_date);
        }
    }

    #[test]
    fn a_range_counts_if_the_client_has_the_same_representation() {
        let part = Selected::Partial(0..2);
        let if_range = |value| [("range", "bytes=0-1"), ("if-range", value)];
        for (request, stored, applies) in [
            (&[("range", "bytes=0-1")][..], &WEAKLY[..], true),
            (&if_range("\"a\""), &STRONGLY, true),
            (&if_range("\"b\""), &STRONGLY, false),
            (&if_range("W/\"a\""), &STRONGLY, false),
            (&if_range("W/\"a\""), &WEAKLY, false),
            (&if_range("\"a\", \"b\""), &STRONGLY, false),
            (&if_range(MODIFIED), &DATED, true),
            (&if_range(LATE), &DATED, false),
            (&if_range(MODIFIED), &DATED_NOW, false),
            (&if_range("x"), &DATED, false),
            (&if_range("x"), &[], false),
            (
                &[("range", "bytes=0-1")],
                &[("content-range", "bytes 0-9/20")],
                false,
            ),
        ] {
            let expected = if applies {
                part.clone()
            } else {
                Selected::Full
            };
            assert_eq!(get(request, stored), expected, "{request:?} {stored:?}");
            let (request, stored) = (of(request), of(stored));
            let head = select(&Method::HEAD, &request, StatusCode::OK, &stored, 10);
            assert_eq!(head, Selected::Full);
        }
        let both = [("range", "bytes=0-1"), ("if-none-match", "\"a\"")];
        assert_eq!(get(&both, &STRONGLY), Selected::NotModified);
    }

    #[test]
    fn the_fields_are_those_of_what_is_selected() {
        let full = [
            ("content-type", "text/plain"),
            ("content-length", "10"),
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("x", "1"),
        ];
        let written = |selected: Selected| {
            let mut headers = of(&full);
            let status = selected.write(&mut headers, 10);
            (status.map(|status| status.as_u16()), headers)
        };
        assert_eq!(written(Selected::Full), (None, of(&full)));
        let expected = of(&[
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("x", "1"),
        ]);
        assert_eq!(written(Selected::NotModified), (Some(304), expected));
        let mut expected = of(&full);
        expected.insert("content-length", HeaderValue::from_static("2"));
        expected.insert("content-range", HeaderValue::from_static("bytes 1-2/10"));
        assert_eq!(written(Selected::Partial(1..3)), (Some(206), expected));
        let expected = of(&[
            ("content-length", "0"),
            ("x", "1"),
            ("content-range", "bytes */10"),
        ]);
        assert_eq!(written(Selected::Unsatisfiable), (Some(416), expected));
    }
}
