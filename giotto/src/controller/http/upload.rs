//! The body of a request to a route of axum: as it arrives, without a limit of its size, but not slower than others.
//!
//! The first step of a request over HTTP that no program answers.

use std::error::Error;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::body::{BODY_PATIENCE, BODY_STEP};

type BoxError = Box<dyn Error + Send + Sync>;

/// A body that ends with an error if its reader waits too long for each so many bytes. The time in which nothing reads it does
/// not count.
pub(super) struct Upload<B> {
    body: Pin<Box<B>>,
    /// The bytes of this step that have arrived, and the time that was spent waiting for them.
    arrived: usize,
    waited: Duration,
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B: http_body::Body> Upload<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            body: Box::pin(body),
            arrived: 0,
            waited: Duration::ZERO,
            wait: None,
        }
    }

    /// Whether the reader has waited long enough.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = BODY_PATIENCE.saturating_sub(self.waited);
        let (_, sleep) = self.wait.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        sleep.as_mut().poll(context)
    }

    fn arrive(&mut self, bytes: usize) {
        if let Some((since, _)) = self.wait.take() {
            self.waited += since.elapsed();
        }
        self.arrived += bytes;
        if self.arrived >= BODY_STEP {
            (self.arrived, self.waited) = (0, Duration::ZERO);
        }
    }
}

impl<B: http_body::Body> http_body::Body for Upload<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match self.body.as_mut().poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(_))) => {
                return Poll::Ready(Some(Err("the body ended early".into())));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                ready!(self.poll_late(context));
                return Poll::Ready(Some(Err("the body is too slow".into())));
            }
        };
        let frame = frame.map_data(whole);
        self.arrive(frame.data_ref().map_or(0, Bytes::len));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Nothing is copied of what is `Bytes` already.
pub(super) fn whole(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}
