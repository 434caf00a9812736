//! One body for two readers: the caller gets each frame as it arrives, and the cache collects the same bytes to store them.
//!
//! Part of a computation (`upstream.rs`). The two share the bytes, at most as many as an entry may have. A caller that reads
//! slowly or disconnects does not stop the cache. A body that turns out to be too long, too slow, or to end in trailers is
//! handed to the caller alone: from there on it is read at the caller's pace, and nothing of it is held.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

/// An error of any type, as bodies return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a body may take to arrive. Other callers wait for it; after that, each gets its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the cache hands to the caller.
enum Part<B> {
    Data(Bytes),
    Trailers(HeaderMap),
    /// The rest of the body, which is for the caller alone.
    Rest(Pin<Box<B>>),
    Failed(BoxError),
    End,
}

/// The caller's side of the body.
pub(crate) struct Teed<B>(Source<B>);

enum Source<B> {
    Parts {
        parts: UnboundedReceiver<Part<B>>,
        /// How many bytes are left, if that is known.
        left: Option<u64>,
    },
    Rest(Pin<Box<B>>),
    Ended,
}

/// The cache's side of the body.
pub(crate) struct Collector<B> {
    body: Pin<Box<B>>,
    parts: UnboundedSender<Part<B>>,
    /// How many bytes the body has, if that is known.
    length: Option<u64>,
}

/// Why a body is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incomplete {
    /// It has more bytes than an entry may have.
    TooLarge,
    /// It takes too long.
    Slow,
    /// It ends in trailers, which a stored response would not have.
    Trailers,
    /// It failed, or ended before its length was reached.
    Failed,
}

/// Why the caller of a teed body gets an error that is not the body's own.
#[derive(Debug)]
enum Cut {
    /// It ended before the length that its response declares.
    Short { length: u64, received: u64 },
    /// The task that reads it has ended.
    Lost,
}

/// Both sides of `body`, whose response declares this `length`.
pub(crate) fn tee<B: Body<Data = Bytes>>(body: B, length: Option<u64>) -> (Collector<B>, Teed<B>) {
    let length = body.size_hint().exact().or(length);
    let (sender, receiver) = unbounded_channel();
    let collector = Collector {
        body: Box::pin(body),
        parts: sender,
        length,
    };
    let source = Source::Parts {
        parts: receiver,
        left: length,
    };
    (collector, Teed(source))
}

impl<B> Collector<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    /// The whole body, if it has at most `limit` bytes.
    pub(crate) async fn collect(mut self, limit: usize) -> Result<Bytes, Incomplete> {
        let until = Instant::now() + PATIENCE;
        let mut collected = Collected::default();
        loop {
            let next = poll_fn(|context| self.body.as_mut().poll_frame(context));
            let Ok(next) = timeout_at(until, next).await else {
                return self.hand_over(Incomplete::Slow);
            };
            match next.map(|frame| frame.map(Frame::into_data)) {
                None => return self.end(collected),
                Some(Ok(Ok(data))) => {
                    self.send(Part::Data(data.clone()));
                    if data.len() > limit.saturating_sub(collected.length) {
                        return self.hand_over(Incomplete::TooLarge);
                    }
                    collected.push(data);
                }
                Some(Ok(Err(frame))) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.send(Part::Trailers(trailers));
                    }
                    return self.hand_over(Incomplete::Trailers);
                }
                Some(Err(error)) => {
                    self.send(Part::Failed(error.into()));
                    return Err(Incomplete::Failed);
                }
            }
        }
    }

    /// The body has ended.
    fn end(self, collected: Collected) -> Result<Bytes, Incomplete> {
        let received = collected.length as u64;
        match self.length {
            Some(length) if length != received => {
                let cut = Cut::Short { length, received };
                self.send(Part::Failed(Box::new(cut)));
                Err(Incomplete::Failed)
            }
            _ => {
                self.send(Part::End);
                Ok(collected.into_bytes())
            }
        }
    }

    /// Leaves the rest of the body to the caller.
    fn hand_over(self, why: Incomplete) -> Result<Bytes, Incomplete> {
        // If the caller has disconnected, this drops the body, which stops its source.
        let _ = self.parts.send(Part::Rest(self.body));
        Err(why)
    }

    fn send(&self, part: Part<B>) {
        // A caller that has disconnected does not stop the cache.
        let _ = self.parts.send(part);
    }
}

/// The bytes of a body that have arrived.
#[derive(Default)]
struct Collected {
    chunks: Vec<Bytes>,
    length: usize,
}

impl Collected {
    fn push(&mut self, chunk: Bytes) {
        self.length += chunk.len();
        if !chunk.is_empty() {
            self.chunks.push(chunk);
        }
    }

    fn into_bytes(mut self) -> Bytes {
        if self.chunks.len() < 2 {
            return self.chunks.pop().unwrap_or_default();
        }
        let mut bytes = BytesMut::with_capacity(self.length);
        for chunk in self.chunks {
            bytes.extend_from_slice(&chunk);
        }
        bytes.freeze()
    }
}

impl<B> Teed<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let (parts, left) = match &mut self.0 {
                Source::Parts { parts, left } => (parts, left),
                Source::Rest(body) => {
                    let frame = ready!(body.as_mut().poll_frame(context));
                    return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
                }
                Source::Ended => return Poll::Ready(None),
            };
            let part = ready!(parts.poll_recv(context));
            let frame = match part {
                Some(Part::Data(data)) => {
                    *left = left.map(|left| left.saturating_sub(data.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Part::Trailers(trailers)) => {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Some(Part::Rest(body)) => {
                    self.0 = Source::Rest(body);
                    continue;
                }
                Some(Part::End) => None,
                Some(Part::Failed(error)) => Some(Err(error)),
                None => Some(Err(Box::new(Cut::Lost).into())),
            };
            self.0 = Source::Ended;
            return Poll::Ready(frame);
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Parts { .. } => false,
            Source::Rest(body) => body.is_end_stream(),
            Source::Ended => true,
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Parts { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
            Source::Rest(body) => body.size_hint(),
            Source::Ended => SizeHint::with_exact(0),
        }
    }
}

impl Incomplete {
    /// Its name, one word for logs and `Cache-Status`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Slow => "too-slow",
            Self::Trailers => "trailers",
            Self::Failed => "incomplete",
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { length, received } => write!(
                f,
                "the body of the response ended after {received} of {length} bytes: its Content-Length is wrong, or its \
                 source failed"
            ),
            Self::Lost => f.write_str(
                "the task that reads the body of the response has ended before the body: it panicked, or the runtime stops",
            ),
        }
    }
}

impl std::error::Error for Cut {}
