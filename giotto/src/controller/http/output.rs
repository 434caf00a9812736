//! A page as a response of HTTP (RFC 9110, 9111, 9211).
//!
//! The last step of an invocation over HTTP.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body as _;

use super::caching::{CACHE_STATUS, cache_control, cache_status, value, vary};
use super::coding;
use super::downstream;
use super::range::content_range;
#[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
use super::stream::Stream;
use super::watch::{PIECE, Watch};
use crate::compression::ContentCoding;
use crate::page::Page;

type BoxError = Box<dyn Error + Send + Sync>;

/// Bodies of this size say that a client may ask for a part. Clients of smaller ones have no use for it.
const WITH_RANGES: usize = 64 << 10;

/// The body of a response.
///
/// That of a page is there as a whole and never fails. Those of static files and of routes of axum are made while they are sent.
#[derive(Debug)]
pub struct Body {
    rest: Bytes,
    way: Way,
}

/// Is told how much of a body was handed over to be sent.
pub(super) trait Sent: fmt::Debug + Send + Sync {
    /// So many more bytes are, and nothing is missing if it `is_whole`.
    fn sent(&mut self, bytes: usize, is_whole: bool);
}

/// A body, and who is told of it. Dropped when it was sent, or when its connection ends.
#[derive(Debug)]
struct Told {
    body: Body,
    to: Box<dyn Sent>,
}

/// How a body is sent.
#[derive(Debug)]
enum Way {
    AtOnce,
    /// In pieces; the watch tells that one is sent.
    InPieces(Arc<Watch>),
    #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
    Streamed(Box<Stream>),
    Told(Box<Told>),
}

impl Body {
    /// A body that is made while it is sent.
    #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
    pub(crate) fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            rest: Bytes::new(),
            way: Way::Streamed(Box::new(Stream::new(body))),
        }
    }

    /// Has each piece wait until the last one is sent on the connection of `watch`. Otherwise hyper buffers 128 KiB for each
    /// client that does not read.
    pub(super) fn pace(&mut self, watch: &Arc<Watch>) {
        match &mut self.way {
            #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
            Way::Streamed(stream) => stream.pace(watch),
            Way::Told(told) => told.body.pace(watch),
            _ if self.rest.len() > PIECE => self.way = Way::InPieces(Arc::clone(watch)),
            _ => {}
        }
    }

    /// Tells `to` how much of it is sent; nothing of a body that the client does not get is missing.
    pub(super) fn tell(&mut self, mut to: Box<dyn Sent>, is_for_client: bool) {
        let body = std::mem::replace(self, Self::from(Bytes::new()));
        to.sent(0, !is_for_client || body.is_end_stream());
        self.way = Way::Told(Box::new(Told { body, to }));
    }
}

impl Told {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.to.sent(bytes, self.body.is_end_stream());
            }
            Poll::Ready(None) => self.to.sent(0, true),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            rest: bytes,
            way: Way::AtOnce,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let Self { rest, way } = &mut *self;
        let watch = match way {
            Way::AtOnce => None,
            Way::InPieces(watch) if watch.holds_back() => return Poll::Pending,
            Way::InPieces(watch) => Some(watch),
            #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
            Way::Streamed(stream) => return stream.poll_frame(context),
            Way::Told(told) => return told.poll_frame(context),
        };
        let piece = match rest.len() {
            0 => return Poll::Ready(None),
            1..=PIECE => std::mem::take(rest),
            _ => rest.split_to(PIECE),
        };
        if let Some(watch) = watch {
            watch.send_piece(!rest.is_empty());
        }
        Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.way {
            #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
            Way::Streamed(stream) => stream.is_end_stream(),
            Way::Told(told) => told.body.is_end_stream(),
            _ => self.rest.is_empty(),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match &self.way {
            #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
            Way::Streamed(stream) => stream.size_hint(),
            Way::Told(told) => told.body.size_hint(),
            _ => http_body::SizeHint::with_exact(self.rest.len() as u64),
        }
    }
}

/// The outcome of a request that is not refused.
#[derive(Debug)]
pub(super) enum Outcome {
    /// 200, or the status that the page brings along.
    Page(Page),
    /// 206: these bytes of it.
    Part(Page, Box<Range<usize>>),
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
            Self::Part(page, part) => (StatusCode::PARTIAL_CONTENT, with_part(page, part, fields)),
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

#[inline(always)]
fn with_body(page: &mut Page, fields: &mut HeaderMap) -> Bytes {
    fields.append(header::CONTENT_TYPE, page.mime().content_type().clone());
    if page.is_described() {
        append(page, fields, |_| true);
    }
    if page.body().len() >= WITH_RANGES && page.is_storable() {
        fields.append(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if let ContentCoding::Coded(coding) = page.coding() {
        fields.append(header::CONTENT_ENCODING, coding::field(coding));
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

fn with_part(page: &mut Page, part: &Range<usize>, fields: &mut HeaderMap) -> Bytes {
    let whole = with_body(page, fields);
    fields.append(header::CONTENT_RANGE, content_range(part, whole.len()));
    whole.slice(part.clone())
}

/// Adds the fields of a page that is sent or not modified (RFC 9110, 15.4.5).
fn describe(page: &mut Page, fields: &mut HeaderMap) {
    downstream::tell(page, fields);
    if let Some(vary) = vary(page) {
        fields.append(header::VARY, vary);
    }
    cache_control(page, fields);
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body::Body as _;
    use hyper::rt::Write;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::controller::http::watch::{Pulse, Watched};

    #[tokio::test]
    async fn the_next_piece_waits_until_the_last_one_is_sent() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, _) = tokio::join!(TcpStream::connect(address), listener.accept());
        let watch = Arc::new(Watch::new(Arc::<Pulse>::default()));
        let mut stream = Watched::new(Box::new(client.unwrap()), Arc::clone(&watch));
        let mut context = Context::from_waker(Waker::noop());
        let whole = Bytes::from(vec![b'a'; 2 * PIECE + 1]);
        let mut body = Body::from(whole);
        body.pace(&watch);
        watch.sending();
        for length in [PIECE, PIECE, 1] {
            let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) else {
                panic!("a piece of {length} bytes");
            };
            assert_eq!(frame.data_ref().unwrap().len(), length);
            if length == PIECE {
                assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
            }
            assert!(watch.is_sending());
            assert!(Pin::new(&mut stream).poll_flush(&mut context).is_ready());
        }
        assert!(body.is_end_stream() && !watch.is_sending());
    }
}
