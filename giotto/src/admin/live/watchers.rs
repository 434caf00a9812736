//! Who watches the live page, and what they are sent.
//!
//! Beside every request. One task makes a snapshot once a second for all of them, and ends when nobody watches.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};

/// The most pages that watch a process at the same time.
pub(super) const MOST: usize = 32;
/// What waits for a client that reads slowly. It misses what comes meanwhile.
const BACKLOG: usize = 1;

/// All that watch.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    all: Vec<Sender<Bytes>>,
    /// The last event, for who comes in the middle of a second.
    last: Option<Bytes>,
    is_working: bool,
}

/// What one of them is sent: a body of server-sent events.
#[derive(Debug)]
pub(super) struct Events(Receiver<Bytes>);

/// What is to be done for a new watcher.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) events: Events,
    /// Whether the task that sends has to be started.
    pub(super) is_first: bool,
}

impl Watchers {
    /// One more; `None` if there are too many.
    pub(super) fn join(&self) -> Option<Joined> {
        let mut state = self.lock();
        state.all.retain(|watcher| !watcher.is_closed());
        if state.all.len() >= MOST {
            return None;
        }
        let (sender, receiver) = mpsc::channel(BACKLOG);
        if let Some(last) = &state.last {
            let _ = sender.try_send(last.clone());
        }
        state.all.push(sender);
        let is_first = !std::mem::replace(&mut state.is_working, true);
        Some(Joined {
            events: Events(receiver),
            is_first,
        })
    }

    /// How many there are. Without any, the caller is the task that sends, and must end.
    pub(super) fn count(&self) -> Option<usize> {
        let mut state = self.lock();
        state.all.retain(|watcher| !watcher.is_closed());
        if state.all.is_empty() {
            // Under the same lock as `join`: who comes now starts a task of its own.
            *state = State::default();
            return None;
        }
        Some(state.all.len())
    }

    /// Sends `event` to all of them.
    pub(super) fn send(&self, event: Bytes) {
        let mut state = self.lock();
        let takes = |watcher: &Sender<Bytes>| {
            !matches!(
                watcher.try_send(event.clone()),
                Err(TrySendError::Closed(_))
            )
        };
        state.all.retain(takes);
        state.last = Some(event);
    }

    /// Ends the streams of all of them: the server stops.
    pub(super) fn end(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = self.0.poll_recv(context);
        event.map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_number_watches_and_the_first_one_starts_the_work() {
        let watchers = Watchers::default();
        let mut all: Vec<_> = (0..MOST).map(|_| watchers.join().unwrap()).collect();
        assert_eq!(all.iter().filter(|joined| joined.is_first).count(), 1);
        assert!(watchers.join().is_none());
        assert_eq!(watchers.count(), Some(MOST));
        all.truncate(1);
        assert_eq!(watchers.count(), Some(1));
        assert!(!watchers.join().unwrap().is_first);
        all.clear();
        assert_eq!(watchers.count(), None);
        assert!(watchers.join().unwrap().is_first);
    }

    #[tokio::test]
    async fn a_slow_reader_misses_events_and_holds_nobody_up() {
        let watchers = Watchers::default();
        let mut slow = watchers.join().unwrap().events;
        for number in ["1", "2", "3"] {
            watchers.send(number.into());
        }
        assert_eq!(slow.0.recv().await.as_deref(), Some(&b"1"[..]));
        // Who comes late has the last one at once.
        let mut late = watchers.join().unwrap().events;
        assert_eq!(late.0.recv().await.as_deref(), Some(&b"3"[..]));
        watchers.send("4".into());
        assert_eq!(slow.0.recv().await.as_deref(), Some(&b"4"[..]));
        watchers.end();
        assert_eq!(late.0.recv().await.as_deref(), Some(&b"4"[..]));
        assert_eq!(late.0.recv().await, None);
    }
}
