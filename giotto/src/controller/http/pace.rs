//! Sends a body piece by piece, as fast as its client takes it.
//!
//! The end of the last step of an invocation over HTTP. hyper would buffer 128 KiB for each client that does not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::output::{Body, PIECE};
use super::watch::Watch;

/// A body that gives its next piece when the last one is sent.
#[derive(Debug)]
pub(super) struct Paced {
    body: Body,
    /// Of a body with more than one piece.
    watch: Option<Arc<Watch>>,
}

impl Paced {
    pub(super) fn new(body: Body, watch: &Arc<Watch>) -> Self {
        let has_more = body.size_hint().lower() > PIECE as u64;
        Self {
            watch: has_more.then(|| Arc::clone(watch)),
            body,
        }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.watch.as_ref().is_some_and(|watch| watch.holds_back()) {
            return Poll::Pending;
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Some(watch) = &self.watch {
            watch.send_piece(!self.body.is_end_stream());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
