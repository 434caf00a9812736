//! A page as a response of HTTP (RFC 9110, 9111, 9211).
//!
//! The last step of an invocation over HTTP.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::caching::{CACHE_STATUS, cache_control, cache_status, value, vary};
use super::coding;
use crate::compression::ContentCoding;
use crate::page::Page;

/// The most bytes of a body that a connection buffers.
const PIECE: usize = 64 << 10;

/// The body of a response.
#[derive(Debug)]
pub struct Body(Bytes);

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let piece = match self.0.len() {
            0 => return Poll::Ready(None),
            1..=PIECE => std::mem::take(&mut self.0),
            _ => self.0.split_to(PIECE),
        };
        Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0.len() as u64)
    }
}

/// The outcome of a request that is not refused.
#[derive(Debug)]
pub(super) enum Outcome {
    /// 200, or the status that the page brings along.
    Page(Page),
    /// 304: the client has the page already.
    NotModified(Page),
    /// 400: the page of GET, with the refused fields of a POST.
    Refused(Page),
    /// 204, with the methods that are allowed.
    Options(HeaderValue),
}

impl Outcome {
    /// The response. It reuses the `fields` of the request, whose memory hyper takes back for the next request.
    pub(super) fn into_response(mut self, fields: &mut HeaderMap) -> Response<Body> {
        fields.clear();
        let (status, body) = match &mut self {
            Self::Page(page) => (status(page), with_body(page, fields)),
            Self::Refused(page) => (StatusCode::BAD_REQUEST, with_body(page, fields)),
            Self::NotModified(page) => {
                // Of what belongs to the page, this alone is repeated (RFC 9110, 15.4.5).
                append(page, fields, |name| name == "content-location");
                describe(page, fields);
                (StatusCode::NOT_MODIFIED, Bytes::new())
            }
            Self::Options(allowed) => {
                fields.append(header::ALLOW, allowed.clone());
                (StatusCode::NO_CONTENT, Bytes::new())
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        std::mem::swap(response.headers_mut(), fields);
        response
    }
}

fn with_body(page: &mut Page, fields: &mut HeaderMap) -> Bytes {
    fields.append(header::CONTENT_TYPE, page.mime().content_type().clone());
    if let ContentCoding::Coded(coding) = page.coding {
        fields.append(header::CONTENT_ENCODING, coding::field(coding));
    }
    if page.is_described() {
        append(page, fields, |_| true);
    }
    describe(page, fields);
    page.take_body()
}

fn status(page: &Page) -> StatusCode {
    StatusCode::from_u16(page.status()).unwrap_or_default()
}

/// Adds the fields that the page brings along and that are `wanted`. Most pages have none, and what they take should stay
/// small: so it is no part of its callers.
#[inline(never)]
fn append(page: &Page, fields: &mut HeaderMap, wanted: fn(&str) -> bool) {
    for (name, field) in page.fields().filter(|(name, _)| wanted(name)) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(field)) = (name, HeaderValue::from_bytes(field)) {
            fields.append(name, field);
        }
    }
}

/// Adds the fields of a page that is sent or not modified (RFC 9110, 15.4.5).
fn describe(page: &mut Page, fields: &mut HeaderMap) {
    fields.append(header::VARY, vary(page));
    fields.append(header::CACHE_CONTROL, cache_control(page));
    if let Some(status) = page.cache_status() {
        fields.append(CACHE_STATUS, cache_status(status));
    }
    if let Some(Ok(etag)) = page.take_etag().map(HeaderValue::from_maybe_shared) {
        fields.append(header::ETAG, etag);
    }
}

pub(super) fn allow(methods: &[&str]) -> HeaderValue {
    value(format!("{}, OPTIONS", methods.join(", ")))
}
