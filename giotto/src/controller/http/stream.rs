//! A body that is made while it is sent: that of a static file or of an axum route.
//!
//! The last step of a request over HTTP that no program answers.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

use super::watch::{PIECE, Watch};

type BoxError = Box<dyn Error + Send + Sync>;

pub(super) struct Stream {
    body: UnsyncBoxBody<Bytes, BoxError>,
    /// The watch of its connection. Without one, the server that runs the service paces it.
    watch: Option<Arc<Watch>>,
    /// The bytes since the connection has last been made to send everything.
    unsent: usize,
}

impl Stream {
    pub(super) fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            body: body.map_err(Into::into).boxed_unsync(),
            watch: None,
            unsent: 0,
        }
    }

    /// Has a slow client slow it down, and has the connection wait for it while it has nothing to send.
    pub(super) fn pace(&mut self, watch: &Arc<Watch>) {
        self.watch = Some(Arc::clone(watch));
    }

    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(watch) = &self.watch else {
            return Pin::new(&mut self.body).poll_frame(context);
        };
        if watch.holds_back() {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        watch.await_stream(polled.is_pending());
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.unsent += frame.data_ref().map_or(0, Bytes::len);
            if self.unsent >= PIECE {
                self.unsent = 0;
                watch.send_piece(true);
            }
        }
        polled
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
