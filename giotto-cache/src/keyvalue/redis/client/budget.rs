//! How much a server may send before it has answered what it was asked.
//!
//! Inside the last step of a lookup. The client library keeps a reply in memory until its last byte has arrived. A server
//! that is not the Redis it should be must not fill the memory of this process with a reply without end.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read in addition to the values that were asked for: short replies, lists of keys and nodes, and `INFO`.
const MARGIN: u64 = 1 << 20;

/// Shared by a connection and its stream. All numbers are bytes.
#[derive(Default)]
pub(super) struct Budget {
    /// The longest replies to all requests that are not answered yet.
    owed: AtomicU64,
    /// What of this no caller waits for any more.
    abandoned: AtomicU64,
    /// Read since the last reply was complete.
    read: AtomicU64,
}

impl Budget {
    /// A request is sent whose reply has at most this number of `bytes`.
    pub(super) fn owe(&self, bytes: u64) {
        self.owed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Its reply has arrived.
    pub(super) fn answered(&self, bytes: u64) {
        // In this order: what was read is never compared with less than was owed for it.
        self.read.store(0, Ordering::Release);
        self.owed.fetch_sub(bytes, Ordering::Release);
    }

    /// Its caller was dropped. The reply is still owed.
    pub(super) fn abandon(&self, bytes: u64) {
        self.abandoned.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What is owed to callers that were dropped so far.
    pub(super) fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// That much of it has arrived.
    pub(super) fn caught_up(&self, abandoned: u64) {
        self.abandoned.fetch_sub(abandoned, Ordering::Relaxed);
        self.answered(abandoned);
    }

    fn spend(&self, bytes: usize) -> Result<()> {
        let read = self.read.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        match read > self.owed.load(Ordering::Acquire).saturating_add(MARGIN) {
            true => Err(Error::new(
                ErrorKind::InvalidData,
                "the server sends more than it was asked for: check that it is a Redis server",
            )),
            false => Ok(()),
        }
    }
}

/// A stream that ends with an error when its server sends more than its budget allows.
pub(super) struct Bounded<S> {
    stream: S,
    budget: Arc<Budget>,
}

impl<S> Bounded<S> {
    pub(super) const fn new(stream: S, budget: Arc<Budget>) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.budget.spend(buffer.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_may_be_as_long_as_what_is_owed_and_the_margin() {
        let budget = Budget::default();
        let margin = usize::try_from(MARGIN).unwrap();
        budget.owe(1_000);
        budget.spend(margin + 1_000).unwrap();
        budget.spend(1).unwrap_err();
        budget.answered(1_000);
        budget.spend(margin).unwrap();
        budget.spend(1).unwrap_err();
    }

    #[test]
    fn what_a_dropped_caller_was_owed_may_still_arrive() {
        let budget = Budget::default();
        let margin = usize::try_from(MARGIN).unwrap();
        budget.owe(1_000);
        budget.abandon(1_000);
        budget.spend(margin + 1_000).unwrap();
        budget.caught_up(budget.abandoned());
        assert_eq!(budget.abandoned(), 0);
        budget.spend(margin + 1).unwrap_err();
    }
}
