//! Which responses are stored, and on which terms: RFC 9111, 3 as tables.

use http::{HeaderValue, Request};
use proptest::prelude::*;

use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW_MS: u64 = 784_111_777_000;
const AN_HOUR_AGO: &str = "Sun, 06 Nov 1994 07:49:37 GMT";

type Fields<'f> = &'f [(&'static str, &'static str)];

fn headers(fields: Fields<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

fn request(fields: Fields<'_>) -> request::Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers = headers(fields);
    parts
}

fn judged(
    request_fields: Fields<'_>,
    status: u16,
    response: Fields<'_>,
    rules: &Rules,
) -> Result<Terms, Refusal> {
    let status = StatusCode::from_u16(status).unwrap();
    let request = request(request_fields);
    judge(&request, status, &headers(response), rules, NOW_MS, NOW_MS)
}

fn with_default() -> Rules {
    Rules {
        unsaid: Some(Unsaid {
            fresh: Duration::from_secs(5),
            ..Unsaid::default()
        }),
        ..Rules::default()
    }
}

/// The seconds for which a response is fresh, or why it is not stored.
fn fresh(
    request: Fields<'_>,
    status: u16,
    response: Fields<'_>,
    rules: &Rules,
) -> Result<u64, Refusal> {
    let judged = judged(request, status, response, rules);
    judged.map(|terms| terms.fresh.as_secs())
}

/// What the response says gives it this time, or this refusal, whether there is a default or not.
fn assert_decides(
    request: Fields<'_>,
    status: u16,
    response: Fields<'_>,
    expected: Result<u64, Refusal>,
) {
    let own = fresh(request, status, response, &Rules::default());
    assert_eq!(own, expected, "{request:?} {status} {response:?}");
    // A default changes only what says nothing.
    if !matches!(expected, Err(Refusal::NoLifetime)) {
        let own = fresh(request, status, response, &with_default());
        assert_eq!(own, expected, "{request:?} {status} {response:?}");
    }
}

#[test]
fn cache_control_alone_decides_for_a_plain_request() {
    for (said, expected) in [
        ("public", Err(Refusal::NoLifetime)),
        ("max-age=9", Ok(9)),
        ("max-age=0, s-maxage=9", Ok(9)),
        ("no-store, max-age=9", Err(Refusal::NoStore)),
        ("private, max-age=9", Err(Refusal::Private)),
        ("private, public, s-maxage=9", Err(Refusal::Private)),
        ("private=\"x\", max-age=9", Ok(9)),
        ("no-cache, max-age=9", Err(Refusal::Stale)),
        ("no-cache", Err(Refusal::NoLifetime)),
        ("no-cache=\"x\", max-age=9", Ok(9)),
        ("max-age=9, must-understand, no-store", Ok(9)),
        (
            "private; x, max-age=9, must-understand",
            Err(Refusal::NoStore),
        ),
    ] {
        assert_decides(&[], 200, &[("cache-control", said)], expected);
    }
}

#[test]
fn what_a_response_says_itself_decides() {
    let authorized: Fields<'_> = &[("authorization", "x")];
    let ranged: Fields<'_> = &[("range", "bytes=0-1")];
    let cases: [(Fields<'_>, u16, Fields<'_>, Result<u64, Refusal>); 36] = [
        (&[], 200, &[], Err(Refusal::NoLifetime)),
        (&[], 200, &[("etag", "\"a\"")], Err(Refusal::NoLifetime)),
        (
            &[],
            200,
            &[("last-modified", AN_HOUR_AGO)],
            Err(Refusal::NoLifetime),
        ),
        (
            &[],
            200,
            &[("cache-control", "max-age=9"), ("age", "4")],
            Ok(5),
        ),
        (
            &[],
            200,
            &[("cache-control", "max-age=9"), ("age", "9")],
            Err(Refusal::Stale),
        ),
        (
            &[],
            200,
            &[
                ("cache-control", "max-age=9"),
                ("age", "9"),
                ("etag", "\"a\""),
            ],
            Ok(0),
        ),
        (
            &[],
            200,
            &[("cache-control", "max-age=9"), ("date", AN_HOUR_AGO)],
            Err(Refusal::Stale),
        ),
        (
            &[],
            200,
            &[("cache-control", "no-cache, max-age=9"), ("etag", "\"a\"")],
            Ok(0),
        ),
        (
            &[],
            200,
            &[("cache-control", "no-cache"), ("etag", "\"a\"")],
            Ok(0),
        ),
        (
            &[],
            200,
            &[
                ("cache-control", "private"),
                ("cdn-cache-control", "max-age=9"),
            ],
            Ok(9),
        ),
        (
            &[],
            200,
            &[
                ("cache-control", "max-age=9"),
                ("cdn-cache-control", "private"),
            ],
            Err(Refusal::Private),
        ),
        (
            &[],
            200,
            &[
                ("cache-control", "max-age=9"),
                ("cdn-cache-control", "no-store"),
            ],
            Err(Refusal::NoStore),
        ),
        // Any final status, if it says so; but not the answers to one request.
        (&[], 299, &[("cache-control", "max-age=9")], Ok(9)),
        (&[], 404, &[("cache-control", "max-age=9")], Ok(9)),
        (&[], 500, &[("cache-control", "max-age=9")], Ok(9)),
        (&[], 599, &[("cache-control", "max-age=9")], Ok(9)),
        (
            &[],
            103,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Status),
        ),
        (
            &[],
            206,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Status),
        ),
        (
            &[],
            304,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Status),
        ),
        (
            &[],
            412,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Status),
        ),
        (
            ranged,
            416,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Status),
        ),
        (
            ranged,
            404,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Status),
        ),
        (ranged, 200, &[("cache-control", "max-age=9")], Ok(9)),
        (
            &[],
            599,
            &[("cache-control", "max-age=9, must-understand")],
            Err(Refusal::Status),
        ),
        // Responses to requests with credentials (3.5).
        (
            authorized,
            200,
            &[("cache-control", "max-age=9")],
            Err(Refusal::Authorization),
        ),
        (
            authorized,
            200,
            &[("cdn-cache-control", "max-age=9")],
            Err(Refusal::Authorization),
        ),
        (
            authorized,
            200,
            &[("cache-control", "max-age=9, public")],
            Ok(9),
        ),
        (authorized, 200, &[("cache-control", "s-maxage=9")], Ok(9)),
        (
            authorized,
            200,
            &[("cache-control", "max-age=9, must-revalidate")],
            Ok(9),
        ),
        (
            &[("cookie", "a")],
            200,
            &[("cache-control", "max-age=9")],
            Ok(9),
        ),
        (
            &[],
            200,
            &[("cache-control", "public, s-maxage=9"), ("set-cookie", "a")],
            Err(Refusal::SetCookie),
        ),
        (
            &[],
            200,
            &[
                ("cache-control", "max-age=9, private=\"Set-Cookie\""),
                ("set-cookie", "a"),
            ],
            Ok(9),
        ),
        (
            &[],
            200,
            &[
                ("cache-control", "max-age=9, private=\"x\""),
                ("set-cookie", "a"),
            ],
            Err(Refusal::SetCookie),
        ),
        (
            &[],
            200,
            &[("cache-control", "max-age=9"), ("vary", "a, *")],
            Err(Refusal::VaryStar),
        ),
        (
            &[],
            200,
            &[("cache-control", "max-age=9"), ("vary", "a b")],
            Err(Refusal::VaryFields),
        ),
        (
            &[],
            200,
            &[("cache-control", "max-age=9"), ("vary", "Cookie")],
            Ok(9),
        ),
    ];
    for (request, status, response, expected) in cases {
        assert_decides(request, status, response, expected);
    }
    for method in [Method::HEAD, Method::POST, Method::OPTIONS] {
        let mut request = request(&[]);
        request.method = method;
        let response = headers(&[("cache-control", "max-age=9")]);
        let judged = judge(
            &request,
            StatusCode::OK,
            &response,
            &Rules::default(),
            0,
            NOW_MS,
        );
        assert_eq!(judged, Err(Refusal::Method));
    }
}

#[test]
fn a_default_counts_for_what_says_nothing_and_is_the_same_for_all() {
    let cookie: Fields<'_> = &[("cookie", "a")];
    let authorized: Fields<'_> = &[("authorization", "a")];
    let cases: [(Fields<'_>, u16, Fields<'_>, Result<u64, Refusal>); 21] = [
        (&[], 200, &[], Ok(5)),
        (&[], 200, &[("last-modified", AN_HOUR_AGO)], Ok(5)),
        (&[], 404, &[], Ok(5)),
        (&[], 204, &[("cache-control", "must-revalidate")], Ok(5)),
        (&[], 201, &[], Err(Refusal::Status)),
        (&[], 302, &[], Err(Refusal::Status)),
        (&[], 403, &[], Err(Refusal::Status)),
        (&[], 500, &[], Err(Refusal::Status)),
        (&[], 503, &[("cache-control", "public")], Ok(5)),
        (&[], 200, &[("set-cookie", "a")], Err(Refusal::SetCookie)),
        (
            &[],
            200,
            &[("cache-control", "no-cache")],
            Err(Refusal::NoLifetime),
        ),
        (
            &[],
            200,
            &[("cdn-cache-control", "foo"), ("cache-control", "private")],
            Err(Refusal::Private),
        ),
        (
            &[],
            200,
            &[("cdn-cache-control", "foo"), ("cache-control", "no-store")],
            Err(Refusal::NoStore),
        ),
        (
            &[],
            200,
            &[("content-type", "text/Event-Stream; charset=utf-8")],
            Err(Refusal::Stream),
        ),
        (
            &[],
            200,
            &[("content-type", "multipart/x-mixed-replace;boundary=x")],
            Err(Refusal::Stream),
        ),
        (cookie, 200, &[], Err(Refusal::Cookie)),
        (cookie, 200, &[("vary", "cookie")], Ok(5)),
        (cookie, 200, &[("cache-control", "public")], Ok(5)),
        (authorized, 200, &[], Err(Refusal::Authorization)),
        (
            authorized,
            200,
            &[("vary", "authorization")],
            Err(Refusal::Authorization),
        ),
        (authorized, 200, &[("cache-control", "public")], Ok(5)),
    ];
    for (request, status, response, expected) in cases {
        let judged = judged(request, status, response, &with_default());
        let own = judged.as_ref().map(|terms| terms.fresh.as_secs());
        assert_eq!(
            own.map_err(|refusal| *refusal),
            expected,
            "{request:?} {status} {response:?}"
        );
        if let Ok(terms) = judged {
            let said = response.contains(&("cache-control", "public")) || !terms.vary.is_empty();
            assert_eq!(terms.without_cookies, !said, "{response:?}");
        }
    }
    let rules = Rules {
        heuristics: true,
        ..Rules::default()
    };
    let modified = ("last-modified", AN_HOUR_AGO);
    for (status, response, expected) in [
        (200, &[modified][..], Ok(360)),
        (200, &[], Err(Refusal::NoLifetime)),
        (410, &[modified], Ok(360)),
        (201, &[modified], Err(Refusal::Status)),
        (599, &[modified], Err(Refusal::Status)),
        (599, &[modified, ("cache-control", "public")], Ok(360)),
        (200, &[modified, ("cache-control", "max-age=9")], Ok(9)),
    ] {
        assert_eq!(
            fresh(&[], status, response, &rules),
            expected,
            "{status} {response:?}"
        );
    }
}

#[test]
fn the_times_in_which_it_may_be_stale_are_its_own_and_shrink_with_its_age() {
    let rules = Rules {
        unsaid: Some(Unsaid {
            fresh: Duration::from_secs(5),
            stale_while_revalidate: Duration::from_secs(6),
            stale_if_error: Duration::from_secs(7),
        }),
        stale_if_error: Duration::from_secs(8),
        ..Rules::default()
    };
    let own = "max-age=9, stale-while-revalidate=20, stale-if-error=30";
    let cases: [(Fields<'_>, (u64, u64, u64), bool); 11] = [
        (&[], (5, 6, 7), true),
        (&[("cache-control", "stale-if-error=1")], (5, 6, 1), true),
        (&[("cache-control", "must-revalidate")], (5, 0, 0), false),
        (&[("cache-control", "max-age=9")], (9, 0, 8), true),
        (&[("cache-control", own)], (9, 20, 30), true),
        (&[("cache-control", own), ("age", "10")], (0, 19, 29), false),
        (&[("cache-control", own), ("age", "30")], (0, 0, 9), false),
        (
            &[("cache-control", own), ("cache-control", "must-revalidate")],
            (9, 0, 0),
            false,
        ),
        (
            &[
                ("cache-control", own),
                ("cache-control", "proxy-revalidate"),
            ],
            (9, 0, 0),
            false,
        ),
        (
            &[("cache-control", own), ("cache-control", "s-maxage=9")],
            (9, 0, 0),
            false,
        ),
        (
            &[
                ("cache-control", own),
                ("cache-control", "no-cache"),
                ("etag", "\"a\""),
            ],
            (0, 0, 0),
            false,
        ),
    ];
    for (response, expected, may_be_stale) in cases {
        let terms = judged(&[], 200, response, &rules).unwrap();
        let times = [
            terms.fresh,
            terms.stale_while_revalidate,
            terms.stale_if_error,
        ];
        let [fresh, refresh, error] = times.map(|time| time.as_secs());
        assert_eq!((fresh, refresh, error), expected, "{response:?}");
        assert_eq!(terms.may_be_stale, may_be_stale, "{response:?}");
    }
}

proptest! {
    /// Whatever else a response says: these are never stored.
    #[test]
    fn what_must_not_be_shared_is_never_stored(
        cache_control in "[a-z]{0,3}|max-age=[0-9]{1,3}|public, s-maxage=[0-9]{1,3}|must-revalidate|no-cache",
        status in 100..600_u16,
        what in 0..5_usize,
        default in any::<bool>(),
    ) {
        let mut response = headers(&[("etag", "\"a\"")]);
        response.append("cache-control", HeaderValue::from_str(&cache_control).unwrap());
        let mut request = request(&[]);
        let (name, value) = [
            ("cache-control", "private"),
            ("cache-control", "no-store"),
            ("set-cookie", "a=b"),
            ("vary", "*"),
            ("x", "y"),
        ][what];
        response.append(name, HeaderValue::from_static(value));
        if what == 4 {
            request.headers.insert(AUTHORIZATION, HeaderValue::from_static("x"));
        }
        let rules = if default { with_default() } else { Rules::default() };
        let status = StatusCode::from_u16(status).unwrap();
        let judged = judge(&request, status, &response, &rules, NOW_MS, NOW_MS);
        let shared = ["public", "s-maxage", "must-revalidate"].iter().any(|word| cache_control.contains(word));
        prop_assert!(judged.is_err() || what == 4 && shared, "{judged:?}");
    }

    #[test]
    fn no_response_is_too_wild(
        lines in proptest::collection::vec((0..8_usize, "[ -~]{0,40}"), 0..6),
        status in 100..1_000_u16,
        delay in any::<u64>(),
    ) {
        let names = ["cache-control", "cdn-cache-control", "expires", "age", "date", "vary", "etag", "last-modified"];
        let mut response = HeaderMap::new();
        for (name, line) in &lines {
            response.append(names[*name], HeaderValue::from_str(line).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let rules = Rules { heuristics: true, ..with_default() };
        let _ = judge(&request(&[]), status, &response, &rules, NOW_MS.saturating_sub(delay), NOW_MS);
    }
}
