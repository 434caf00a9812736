//! The task that sends purges to one end point until they are accepted.
//!
//! The third part of a purge. It runs while a tag waits. What it could not send goes back to the queue, which stays bounded
//! and merges it with what was invalidated meanwhile; so a tag is accepted once for all that was asked of it before.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use giotto_cache::DownstreamCounts;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::client::{Outcome, Transport};
use super::end_point::EndPoint;
use super::health::Health;
use super::queue::{Batch, Queue};

/// How long the first tag waits for others of the same write, which are sent in one request with it.
const LINGER: Duration = Duration::from_millis(10);
/// The pause after the first failure. It doubles with each failure that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause while the process waits to exit.
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// What sends purges to one end point.
pub(super) struct Sender {
    end_point: EndPoint,
    transport: Transport,
    state: Mutex<State>,
    /// How many tags wait, those of the request under way included.
    waiting: watch::Sender<usize>,
    /// Whether the process waits to exit, and what ends a pause then.
    is_ending: AtomicBool,
    hurry: Notify,
    /// Ends the wait for a tag that is not due yet.
    added: Notify,
    sent: AtomicU64,
    failed: AtomicU64,
    collapsed: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    under_way: Option<Batch>,
    is_running: bool,
    health: Health,
    /// Whether it was told that too many tags wait.
    is_collapsed: bool,
}

/// What the task does next.
enum Step {
    Send(Batch),
    Wait(Instant),
    End,
}

/// Adds `tag`, not to be sent before `due`, and starts the task if it does not run.
pub(super) fn push(sender: &Arc<Sender>, tag: String, is_hard: bool, due: Instant) {
    let is_running = {
        let mut state = sender.lock();
        sender.add(&mut state, tag, is_hard, due);
        std::mem::replace(&mut state.is_running, true)
    };
    if is_running {
        sender.added.notify_one();
        return;
    }
    let running = Running {
        sender: Arc::clone(sender),
        is_ended: false,
    };
    // Not under the lock: a runtime that shuts down drops the task at once, and with it `Running`.
    tokio::spawn(work(running));
}

/// Sends until nothing waits.
async fn work(mut running: Running) {
    let sender = Arc::clone(&running.sender);
    sleep(LINGER).await;
    let mut failures = 0;
    loop {
        match sender.next() {
            Step::End => break,
            Step::Wait(due) => tokio::select! {
                () = sleep_until(due) => {}
                () = sender.added.notified() => {}
            },
            Step::Send(batch) => {
                let request = sender.end_point.request(&batch);
                let outcome = (sender.transport)(request).await;
                match sender.ended(&outcome) {
                    None => failures = 0,
                    Some(asked) => {
                        sender.pause(failures, asked).await;
                        failures += 1;
                    }
                }
            }
        }
    }
    running.is_ended = true;
}

/// The task. If it is cancelled, the next tag starts another, which sends what this one has not.
struct Running {
    sender: Arc<Sender>,
    /// Whether it has ended by itself. Another may run already then.
    is_ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_ended {
            let mut state = self.sender.lock();
            self.sender.put_back(&mut state);
            state.is_running = false;
        }
    }
}

impl Sender {
    pub(super) fn new(end_point: EndPoint, transport: Transport) -> Self {
        Self {
            end_point,
            transport,
            state: Mutex::default(),
            waiting: watch::Sender::new(0),
            is_ending: AtomicBool::new(false),
            hurry: Notify::new(),
            added: Notify::new(),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            collapsed: AtomicU64::new(0),
        }
    }

    pub(super) const fn end_point(&self) -> &EndPoint {
        &self.end_point
    }

    pub(super) fn counts(&self) -> DownstreamCounts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DownstreamCounts {
            sent: value(&self.sent),
            failed: value(&self.failed),
            collapsed: value(&self.collapsed),
            waiting: *self.waiting.borrow() as u64,
        }
    }

    /// Waits until nothing waits, for `patience` at most, and logs what does.
    pub(super) async fn settle(&self, patience: Duration) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.hurry.notify_waiters();
        let mut waiting = self.waiting.subscribe();
        let is_settled = timeout(patience, waiting.wait_for(|waiting| *waiting == 0)).await;
        self.is_ending.store(false, Ordering::Relaxed);
        if is_settled.is_err() {
            tracing::error!(
                end_point = self.end_point.shown_name(),
                waiting = *self.waiting.borrow(),
                "the process exits before these purges are sent: caches downstream may serve what is old; purge them there"
            );
        }
    }

    fn add(&self, state: &mut State, tag: String, is_hard: bool, due: Instant) {
        let collapsed = state.queue.add(tag, is_hard, due);
        if collapsed > 0 {
            self.collapsed
                .fetch_add(collapsed as u64, Ordering::Relaxed);
            if !std::mem::replace(&mut state.is_collapsed, true) {
                tracing::warn!(
                    end_point = self.end_point.shown_name(),
                    collapsed,
                    "too many purges wait: everything of this application is purged instead"
                );
            }
        }
        self.note(state);
    }

    fn next(&self) -> Step {
        let mut state = self.lock();
        let now = Instant::now();
        let step = match (
            state.queue.take(now, self.end_point.most()),
            state.queue.next_due(),
        ) {
            (Some(batch), _) => {
                state.under_way = Some(batch.clone());
                Step::Send(batch)
            }
            (None, Some(due)) => Step::Wait(due),
            (None, None) => {
                // Decided under the lock of `push`: a tag that is added at this moment starts a task of its own.
                state.is_running = false;
                state.is_collapsed = false;
                Step::End
            }
        };
        self.note(&state);
        step
    }

    /// Notes what became of the request under way, and returns whether to pause, and for how long if the end point says it.
    fn ended(&self, outcome: &Outcome) -> Option<Option<Duration>> {
        let mut state = self.lock();
        let pause = match outcome {
            Outcome::Later { pause, .. } => {
                self.put_back(&mut state);
                Some(*pause)
            }
            Outcome::Accepted | Outcome::Refused(_) => {
                let tags = state.under_way.take().map_or(0, |batch| batch.tags.len());
                let counter = match outcome {
                    Outcome::Accepted => &self.sent,
                    _ => &self.failed,
                };
                counter.fetch_add(tags as u64, Ordering::Relaxed);
                None
            }
        };
        self.note(&state);
        let waiting = *self.waiting.borrow();
        state.health.note(outcome, &self.end_point, waiting);
        pause
    }

    /// Puts the tags of the request under way, which was not accepted, back to the others.
    fn put_back(&self, state: &mut State) {
        if let Some(Batch { tags, is_hard }) = state.under_way.take() {
            for tag in tags {
                self.add(state, tag, is_hard, Instant::now());
            }
        }
    }

    /// Pauses after so many failures: exponentially longer, with jitter, and at least for the time that the end point has asked
    /// for.
    async fn pause(&self, failures: u32, asked: Option<Duration>) {
        let longest = match self.is_ending.load(Ordering::Relaxed) {
            true => LAST_PAUSE,
            false => LONGEST_PAUSE,
        };
        let backoff = backoff(failures, longest).mul_f64(1.0 - fastrand::f64() / 2.0);
        let pause = asked.map_or(backoff, |asked| asked.max(backoff));
        tokio::select! {
            () = sleep(pause) => {}
            () = self.hurry.notified(), if asked.is_none_or(|asked| asked <= backoff) => {}
        }
    }

    fn note(&self, state: &State) {
        let under_way = state.under_way.as_ref().map_or(0, |batch| batch.tags.len());
        let waiting = state.queue.len() + under_way;
        self.waiting.send_replace(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest pause after so many failures in a row.
fn backoff(failures: u32, longest: Duration) -> Duration {
    let doubled = 2_u32.saturating_pow(failures);
    FIRST_PAUSE.saturating_mul(doubled).min(longest)
}

#[cfg(test)]
mod tests;
