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

#[cfg(test)]
mod tests {
    use std::task::Waker;

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
        let mut stream = Watched::new(client.unwrap(), Arc::clone(&watch));
        let mut context = Context::from_waker(Waker::noop());
        let whole = Bytes::from(vec![b'a'; 2 * PIECE + 1]);
        let mut body = Paced::new(Body::from(whole), &watch);
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
