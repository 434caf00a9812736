//! Measures how long a connection has been waiting for its client, and how much the client takes meanwhile.
//!
//! Beside every request over HTTP: the server checks it twice a second and ends connections of slow clients.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::ReadBuf;

use super::accept::Client;

/// The state of a server that its connections read: the time in beats since it started, and two flags.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    beats: AtomicU64,
    stopping: AtomicBool,
    is_clock_behind: AtomicBool,
}

impl Pulse {
    /// Counts the next beat.
    pub(super) fn beat(&self, is_clock_behind: bool) {
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.is_clock_behind
            .store(is_clock_behind, Ordering::Relaxed);
    }

    pub(super) fn is_clock_behind(&self) -> bool {
        self.is_clock_behind.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// What one connection waits for: the application, or its client since some beat.
#[derive(Debug)]
pub(super) struct Watch {
    pulse: Arc<Pulse>,
    waiting_since: AtomicU64,
    sending: AtomicBool,
    /// All bytes that the client has taken.
    taken: AtomicU64,
    /// A piece of a body is being sent, and another one follows.
    more_follows: AtomicBool,
    /// The application has no more of a body for now.
    #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
    awaits_stream: AtomicBool,
}

/// The most bytes of a body that a connection buffers: what a client that does not read costs.
pub(super) const PIECE: usize = 32 << 10;

/// The connection waits for the application, which answers a request.
const ANSWERING: u64 = u64::MAX;

impl Watch {
    pub(super) fn new(pulse: Arc<Pulse>) -> Self {
        let now = pulse.beats.load(Ordering::Relaxed);
        Self {
            pulse,
            waiting_since: AtomicU64::new(now),
            sending: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            more_follows: AtomicBool::new(false),
            #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
            awaits_stream: AtomicBool::new(false),
        }
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// The head of a request has arrived.
    pub(super) fn answering(&self) {
        self.waiting_since.store(ANSWERING, Ordering::Relaxed);
    }

    fn is_answering(&self) -> bool {
        self.waiting_since.load(Ordering::Relaxed) == ANSWERING
    }

    /// The response is ready, or the client has taken a part of it and must take the rest.
    pub(super) fn sending(&self) {
        let now = self.pulse.beats.load(Ordering::Relaxed);
        self.sending.store(true, Ordering::Relaxed);
        self.waiting_since.store(now, Ordering::Relaxed);
    }

    /// Whether the client has not yet taken all of a response.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed)
    }

    fn took(&self, bytes: usize) {
        // Only the connection's own task writes it.
        let taken = self.taken.load(Ordering::Relaxed) + bytes as u64;
        self.taken.store(taken, Ordering::Relaxed);
    }

    /// A piece of a body is about to be sent.
    pub(super) fn send_piece(&self, more_follows: bool) {
        self.more_follows.store(more_follows, Ordering::Relaxed);
    }

    /// Whether the next piece of the body must wait until the last one is sent. The task is woken then.
    pub(super) fn holds_back(&self) -> bool {
        self.more_follows.load(Ordering::Relaxed)
    }

    /// The application has the next part of a body, or its end; or, if `awaited`, it has not. Once everything is sent then, the
    /// connection waits for the application and not for its client.
    #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
    pub(super) fn await_stream(&self, awaited: bool) {
        self.awaits_stream.store(awaited, Ordering::Relaxed);
        if !awaited {
            self.sending();
        }
    }

    /// Everything is sent.
    fn sent(&self) {
        self.sending.store(false, Ordering::Relaxed);
        #[cfg(any(feature = "axum", feature = "static", feature = "admin"))]
        if self.awaits_stream.load(Ordering::Relaxed) {
            self.answering();
        }
    }

    /// Whether the client has done nothing for that many `beats`.
    pub(super) fn is_waiting_for(&self, beats: u64) -> bool {
        let now = self.pulse.beats.load(Ordering::Relaxed);
        self.waiting_since
            .load(Ordering::Relaxed)
            .saturating_add(beats)
            < now
    }
}

/// The rate at which a client takes responses, while it has not taken all of one.
#[derive(Debug)]
pub(super) struct Rate {
    since: u64,
    taken: u64,
}

impl Rate {
    pub(super) fn new(watch: &Watch) -> Self {
        Self {
            since: watch.pulse.beats.load(Ordering::Relaxed),
            taken: watch.taken.load(Ordering::Relaxed),
        }
    }

    /// Whether the client has taken less than so many bytes in the last so many `beats`. It is asked at every beat.
    pub(super) fn is_below(&mut self, bytes: u64, beats: u64, watch: &Watch) -> bool {
        let now = Self::new(watch);
        let (is_over, is_sending) = (now.since - self.since >= beats, watch.is_sending());
        let is_below = is_over && is_sending && now.taken - self.taken < bytes;
        if is_over || !is_sending {
            *self = now;
        }
        is_below
    }
}

/// A stream that tells its [`Watch`] whenever the client takes bytes. It ends if the client disconnects while its request is
/// being answered.
pub(super) struct Watched {
    stream: TokioIo<Box<dyn Client>>,
    watch: Arc<Watch>,
}

impl Watched {
    pub(super) fn new(stream: Box<dyn Client>, watch: Arc<Watch>) -> Self {
        Self {
            stream: TokioIo::new(stream),
            watch,
        }
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        // Not while a request is answered: an interim response (100 Continue) does not make it the client's turn.
        if !self.watch.is_answering() {
            match result.is_ready() {
                true => self.watch.sending(),
                false => self.watch.sending.store(true, Ordering::Relaxed),
            }
        }
        if let Poll::Ready(Ok(bytes)) = result {
            self.watch.took(bytes);
        }
        result
    }

    /// An error if the client has disconnected. Otherwise the task is woken when it does.
    fn check_client(&self, context: &mut Context<'_>) -> io::Result<()> {
        let mut next = [0];
        let peek = self
            .stream
            .inner()
            .poll_peek(context, &mut ReadBuf::new(&mut next));
        match peek {
            Poll::Ready(Ok(0)) => Err(ErrorKind::UnexpectedEof.into()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(_)) | Poll::Pending => Ok(()),
        }
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has written everything. While a request is answered, that is nothing.
        match self.watch.holds_back() {
            true => {
                self.watch.send_piece(false);
                context.waker().wake_by_ref();
            }
            false => self.watch.sent(),
        }
        if self.watch.is_answering() {
            self.check_client(context)?;
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_takes_less_than_the_least_rate_is_told_from_others() {
        // What a client takes at each beat, whether it has all of its response then, and the beat at which it is too slow
        // for ten bytes in five beats.
        let forever = |taken: usize| vec![(taken, false); 40];
        let bursts = |taken: usize| {
            let beat = |beat: usize| (if beat % 5 == 2 { taken } else { 0 }, false);
            (0..40).map(beat).collect::<Vec<_>>()
        };
        for (beats, too_slow_at) in [
            (forever(0), Some(5)),
            (forever(1), Some(5)),
            (forever(2), None),
            (bursts(10), None),
            (bursts(9), Some(5)),
            // A good start does not count for ever.
            ([vec![(1_000_000, false)], forever(1)].concat(), Some(10)),
            // A client with all of its response is one that says nothing, not one that is slow.
            (vec![(1, true); 40], None),
            ([vec![(1, true); 12], forever(1)].concat(), Some(17)),
            (
                [vec![(0, false); 4], vec![(1, true)], forever(1)].concat(),
                Some(10),
            ),
        ] {
            let watch = Watch::new(Arc::default());
            let mut rate = Rate::new(&watch);
            let told = beats.iter().position(|(taken, has_all)| {
                watch.sending();
                watch.took(*taken);
                watch.sending.store(!has_all, Ordering::Relaxed);
                watch.pulse.beat(false);
                rate.is_below(10, 5, &watch)
            });
            assert_eq!(told.map(|beat| beat + 1), too_slow_at, "{beats:?}");
        }
    }

    #[test]
    fn a_connection_is_young_when_it_begins_late() {
        let pulse = Arc::<Pulse>::default();
        for _ in 0..1_000 {
            pulse.beat(false);
        }
        let watch = Watch::new(Arc::clone(&pulse));
        let mut rate = Rate::new(&watch);
        watch.sending();
        pulse.beat(false);
        assert!(!rate.is_below(10, 5, &watch));
    }
}
