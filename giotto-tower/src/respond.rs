//! A stored response as its caller gets it: whole, a part of it, or "not modified".
//!
//! The last step of a request.

use bytes::Bytes;
use giotto_cache::Answer;
use http::header::{AGE, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::body::Body;
use crate::cache_status::CacheStatus;
use crate::prepared::Moment;
use crate::rfc::{self, Selected};
use crate::settings::Settings;
use crate::stored::Head;

/// What a response is written for: the request's method and fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'r> {
    pub(crate) method: &'r Method,
    pub(crate) fields: &'r HeaderMap,
}

/// The stored response of `answer`, whose head was read from it, for this request at this `moment`.
pub(crate) fn stored<B>(
    settings: &Settings,
    wanted: Wanted<'_>,
    head: Head,
    answer: Answer,
    status: &CacheStatus,
    moment: Moment,
) -> Response<Body<B>> {
    let mut fields = head.fields;
    fields.insert(AGE, HeaderValue::from(moment.age));
    if settings.tells_status {
        status.write(&settings.written, &mut fields);
    }
    let body = answer.entry.into_body();
    select(wanted, head.status, fields, body)
}

/// What of a whole response this request asks for.
fn select<B>(
    wanted: Wanted<'_>,
    status: StatusCode,
    mut fields: HeaderMap,
    body: Bytes,
) -> Response<Body<B>> {
    let length = body.len() as u64;
    let selected = rfc::select(wanted.method, wanted.fields, status, &fields, length);
    let status = selected.write(&mut fields, length).unwrap_or(status);
    if selected == Selected::Full && has_length(status) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let body = match &selected {
        _ if wanted.method == Method::HEAD => Bytes::new(),
        Selected::Full => body,
        Selected::Partial(range) => part(&body, range),
        Selected::NotModified | Selected::Unsatisfiable => Bytes::new(),
    };
    let mut response = Response::new(Body::stored(body));
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}

/// Whether a response with this status has a length (RFC 9110, 8.6).
fn has_length(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT
}

fn part(body: &Bytes, range: &std::ops::Range<u64>) -> Bytes {
    let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    body.slice(at(range.start)..at(range.end).max(at(range.start)))
}

/// A response from the service behind, which was asked for the whole of it, for a request that may have had conditions.
pub(crate) fn forwarded<B>(
    settings: &Settings,
    wanted: Wanted<'_>,
    response: Response<Body<B>>,
    status: &CacheStatus,
) -> Response<Body<B>> {
    let response = passed(settings, response, status);
    let has_already = rfc::has_already(
        wanted.method,
        wanted.fields,
        response.status(),
        response.headers(),
    );
    if has_already {
        let (mut parts, _) = response.into_parts();
        parts.status = StatusCode::NOT_MODIFIED;
        Selected::NotModified.write(&mut parts.headers, 0);
        return Response::from_parts(parts, Body::empty());
    }
    response
}

/// A response that the layer makes itself: there is nothing to serve.
pub(crate) fn own<B>(
    settings: &Settings,
    status: StatusCode,
    told: &CacheStatus,
) -> Response<Body<B>> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    passed(settings, response, told)
}

/// A response to a request that the cache has passed on as it was.
pub(crate) fn passed<B>(
    settings: &Settings,
    mut response: Response<Body<B>>,
    status: &CacheStatus,
) -> Response<Body<B>> {
    if settings.tells_status {
        status.write(&settings.written, response.headers_mut());
    }
    response
}
