//! A request and its response beside invocations: no program, no arguments, plain text.
//!
//! For the health of the process and the admin listener.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

#[cfg(feature = "admin")]
use super::body::receive;
use super::caching::NO_STORE;
use super::output::Body;
#[cfg(feature = "admin")]
use super::problem::Problem;

/// A response of plain text, which no cache stores.
pub(crate) fn text(status: StatusCode, line: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(format!("{line}\n"))));
    *response.status_mut() = status;
    let mime = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, mime);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// A response of this media type, which no cache stores.
#[cfg(feature = "admin")]
pub(crate) fn data(status: StatusCode, mime: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    fields.insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// The body of a request, or the response that refuses it.
#[cfg(feature = "admin")]
pub(crate) async fn received<B: http_body::Body>(body: B) -> Result<Bytes, Response<Body>> {
    receive(body).await.map_err(|problem| match problem {
        Problem::Request(status, message, _) => text(status, &message),
        Problem::Invocation(error) => text(StatusCode::BAD_REQUEST, &error.to_string()),
    })
}
