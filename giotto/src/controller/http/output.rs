//! A page as a response of HTTP (RFC 9110, 9111, 9211).
//!
//! The last step of an invocation over HTTP.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use giotto_cache::Status;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::page::{CacheStatus, Page};

/// A page that never expires is declared fresh for a year, in seconds: RFC 9111, 1.2.1 has no "for ever".
const FOREVER: i64 = 365 * 24 * 3600;

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For pages behind middleware: a browser revalidates before it shows the page again, because the next user of the browser
/// may be another one.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARY: HeaderValue = HeaderValue::from_static("Accept, X-Requested-With");

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
    /// 200.
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
            Self::Page(page) => (StatusCode::OK, with_body(page, fields)),
            Self::Refused(page) => (StatusCode::BAD_REQUEST, with_body(page, fields)),
            Self::NotModified(page) => {
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
    describe(page, fields);
    page.take_body()
}

/// Adds the fields of a page that is sent or not modified (RFC 9110, 15.4.5).
fn describe(page: &mut Page, fields: &mut HeaderMap) {
    fields.append(header::VARY, VARY);
    fields.append(header::CACHE_CONTROL, cache_control(page));
    if let Some(status) = page.cache_status() {
        fields.append(CACHE_STATUS, cache_status(status));
    }
    if let Some(Ok(etag)) = page.take_etag().map(HeaderValue::from_maybe_shared) {
        fields.append(header::ETAG, etag);
    }
}

/// Whether one of the lists of `If-None-Match` names the page; the comparison is weak (RFC 9110, 13.1.2).
pub(super) fn is_known(page: &Page, lists: &[&[u8]]) -> bool {
    let Some(etag) = page
        .cache_status()
        .and_then(|cache_status| cache_status.etag.as_ref())
    else {
        return false;
    };
    let candidates = lists
        .iter()
        .flat_map(|list| list.split(|byte| *byte == b','));
    candidates.map(<[u8]>::trim_ascii).any(|candidate| {
        candidate == b"*" || candidate.strip_prefix(b"W/").unwrap_or(candidate) == etag
    })
}

fn cache_control(rendered: &Page) -> HeaderValue {
    let Some(cache_status) = rendered
        .cache_status()
        .filter(|cache_status| cache_status.etag.is_some())
    else {
        return NO_STORE;
    };
    if rendered.is_private() {
        return PRIVATE;
    }
    let max_age = cache_status.ttl.unwrap_or(FOREVER).clamp(0, FOREVER);
    Lifetime::told(max_age, |lifetime| &lifetime.max_age)
}

/// RFC 9211.
pub(super) fn cache_status(cache_status: &CacheStatus) -> HeaderValue {
    match (cache_status.status, cache_status.ttl) {
        (Some(Status::Hit), Some(ttl)) => Lifetime::told(ttl, |lifetime| &lifetime.hit),
        (Some(Status::Hit), None) => HeaderValue::from_static("giotto; hit"),
        _ => value(cache_status.to_string()),
    }
}

/// The fields that depend on how much longer a page is fresh.
struct Lifetime {
    seconds: i64,
    max_age: HeaderValue,
    hit: HeaderValue,
}

thread_local! {
    /// The fields of the last response. They are the same for a second for a page that many clients read, and then they are
    /// neither formatted nor allocated.
    static LAST: RefCell<Lifetime> = RefCell::new(Lifetime::new(0));
}

impl Lifetime {
    /// The field for `seconds`.
    fn told(seconds: i64, field: impl FnOnce(&Self) -> &HeaderValue) -> HeaderValue {
        LAST.with_borrow_mut(|last| {
            if last.seconds != seconds {
                *last = Self::new(seconds);
            }
            field(last).clone()
        })
    }

    fn new(seconds: i64) -> Self {
        Self {
            seconds,
            max_age: numbered("max-age=", seconds),
            hit: numbered("giotto; hit; ttl=", seconds),
        }
    }
}

/// `text` and then `number`, without `format!`, which would be felt.
fn numbered(text: &str, number: i64) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    let mut field = [0; 40];
    let (start, end) = (text.len(), text.len() + digits.len());
    field[..start].copy_from_slice(text.as_bytes());
    field[start..end].copy_from_slice(digits.as_bytes());
    HeaderValue::from_bytes(&field[..end]).expect("letters, digits and punctuation only")
}

pub(super) fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("letters, digits and punctuation only")
}

pub(super) fn allow(methods: &[&str]) -> HeaderValue {
    value(format!("{}, OPTIONS", methods.join(", ")))
}
