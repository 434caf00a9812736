//! One request of a caller, which is sent at most once, and the response to it.
//!
//! Between the caller (`flow.rs`) and the computation that sends its request (`upstream.rs`), in another task. The response
//! comes back by a channel of this caller alone.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tokio::sync::oneshot;

use crate::body::Body;
use crate::cache_status::CacheStatus;

/// A request that has not been sent: the service that is ready for it, and where its response goes.
pub(crate) struct Pending<S, B, R, E> {
    pub(crate) service: S,
    pub(crate) request: Request<B>,
    pub(crate) replier: Replier<R, E>,
}

/// A request that is sent once, by the computation that takes it first.
pub(crate) struct Cell<S, B, R, E>(Arc<Slot<S, B, R, E>>);

type Slot<S, B, R, E> = Mutex<Option<Pending<S, B, R, E>>>;

/// The response to a caller's own request.
pub(crate) struct Reply<R, E> {
    pub(crate) result: Result<Response<Body<R>>, E>,
    pub(crate) status: CacheStatus,
    /// Whether the caller takes it in any case. Otherwise it takes what the engine answers, if that is a response.
    is_final: bool,
}

/// The way to the caller whose request is sent.
pub(crate) struct Replier<R, E>(oneshot::Sender<Reply<R, E>>);

/// What a caller gets from its own request.
pub(crate) struct Replies<R, E> {
    /// `None` once it is known that none will come.
    receiver: Option<oneshot::Receiver<Reply<R, E>>>,
    /// One that is not final.
    held: Option<Reply<R, E>>,
}

/// What comes first.
pub(crate) enum First<R, E, A> {
    Reply(Reply<R, E>),
    Answer(A),
}

/// Why there is nothing to store and nothing to share.
#[derive(Debug)]
pub(crate) enum Uncached {
    /// The service behind has failed, or answered that it has.
    Failed,
    /// The response to a request with credentials must not be stored.
    Refused,
    /// Another computation has sent the request.
    Sent,
}

/// A request of a caller, not sent yet, and where its response will come from.
pub(crate) fn exchange<S, B, R, E>(
    service: S,
    request: Request<B>,
) -> (Cell<S, B, R, E>, Replies<R, E>) {
    let (sender, receiver) = oneshot::channel();
    let pending = Pending {
        service,
        request,
        replier: Replier(sender),
    };
    let replies = Replies {
        receiver: Some(receiver),
        held: None,
    };
    (Cell(Arc::new(Mutex::new(Some(pending)))), replies)
}

impl<S, B, R, E> Cell<S, B, R, E> {
    pub(crate) fn take(&self) -> Option<Pending<S, B, R, E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the request is still to be sent.
    pub(crate) fn is_full(&self) -> bool {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.is_some()
    }
}

impl<S, B, R, E> Clone for Cell<S, B, R, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R, E> Replier<R, E> {
    /// The response for this caller, whatever becomes of it in the store.
    pub(crate) fn send(self, response: Response<Body<R>>, status: CacheStatus) {
        self.reply(Ok(response), status, true);
    }

    /// What the caller gets only if the engine has nothing for it.
    pub(crate) fn hold(self, result: Result<Response<Body<R>>, E>, status: CacheStatus) {
        self.reply(result, status, false);
    }

    fn reply(self, result: Result<Response<Body<R>>, E>, status: CacheStatus, is_final: bool) {
        // A caller that has left, or that has been served an older response, wants none.
        let _ = self.0.send(Reply {
            result,
            status,
            is_final,
        });
    }
}

impl<R, E> Replies<R, E> {
    /// The final reply, or else the output of `answer`. A reply is preferred, as soon as its head is there: the engine answers
    /// only when all of it is stored.
    pub(crate) async fn or<A>(&mut self, answer: impl Future<Output = A>) -> First<R, E, A> {
        let mut answer = pin!(answer);
        poll_fn(|context| {
            if let Poll::Ready(reply) = self.poll_final(context) {
                return Poll::Ready(First::Reply(reply));
            }
            let answer = ready!(answer.as_mut().poll(context));
            // It may have come while the engine was polled.
            Poll::Ready(match self.poll_final(context) {
                Poll::Ready(reply) => First::Reply(reply),
                Poll::Pending => First::Answer(answer),
            })
        })
        .await
    }

    /// The reply that has come and is not final.
    pub(crate) const fn held(&self) -> Option<&Reply<R, E>> {
        self.held.as_ref()
    }

    pub(crate) const fn take_held(&mut self) -> Option<Reply<R, E>> {
        self.held.take()
    }

    /// The reply, when it comes; `None` if none will: the service behind has panicked.
    pub(crate) async fn next(&mut self) -> Option<Reply<R, E>> {
        match self.held.take() {
            Some(reply) => Some(reply),
            None => self.receiver.take()?.await.ok(),
        }
    }

    /// Ready with a final reply; one that is not is held.
    fn poll_final(&mut self, context: &mut Context<'_>) -> Poll<Reply<R, E>> {
        let Some(receiver) = &mut self.receiver else {
            return Poll::Pending;
        };
        let reply = ready!(Pin::new(receiver).poll(context));
        self.receiver = None;
        match reply {
            Ok(reply) if reply.is_final => Poll::Ready(reply),
            held => {
                self.held = held.ok();
                Poll::Pending
            }
        }
    }
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the service behind failed",
            Self::Refused => "the response is for one caller",
            Self::Sent => "the request was already sent",
        })
    }
}

impl std::error::Error for Uncached {}
