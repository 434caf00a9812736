//! A time limit that a pause of this process does not use up.
//!
//! Around every call to a store outside this process: steps 1, 4 and 6 of a lookup.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

/// A timer is always a little late.
const USUAL: Duration = Duration::from_millis(5);

/// A limit that may change while calls are made.
#[derive(Debug)]
pub(crate) struct Deadline(AtomicU64);

impl Deadline {
    pub(super) fn new(limit: Duration) -> Self {
        let deadline = Self(AtomicU64::default());
        deadline.set(limit);
        deadline
    }

    pub(super) fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Calls that begin from now on have this `limit`.
    pub(crate) fn set(&self, limit: Duration) {
        let us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self.0.store(us, Ordering::Relaxed);
    }
}

/// The output of `call`, or `None` once it has taken longer than `limit`.
///
/// A busy host pauses a process for a while. Its timers are then late by the length of the pause, in which it could neither
/// ask nor read the answer: that length is added, once, and no more than `limit`.
pub(crate) async fn with_deadline<F: Future>(limit: Duration, call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    let Some(due) = Instant::now().checked_add(limit) else {
        return Some(call.await);
    };
    if let Ok(output) = timeout_at(due, call.as_mut()).await {
        return Some(output);
    }
    let lost = due.elapsed();
    if lost < USUAL {
        return None;
    }
    timeout(lost.min(limit), call).await.ok()
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::thread::sleep;

    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_given_up_at_the_limit() {
        let started = Instant::now();
        assert_eq!(with_deadline(LIMIT, pending::<()>()).await, None);
        let waited = started.elapsed();
        assert!(waited < LIMIT + Duration::from_millis(2), "{waited:?}");
    }

    /// The thread is paused for longer than the limit, before the answering task gets the question.
    #[tokio::test]
    async fn what_was_lost_by_a_standstill_is_added() {
        let (ask, asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            asked.await.unwrap();
            answer.send(()).unwrap();
        });
        let call = async {
            ask.send(()).unwrap();
            answered.await
        };
        let standstill = async {
            sleep(10 * LIMIT);
            pending().await
        };
        tokio::select! {
            biased;
            answer = with_deadline(LIMIT, call) => assert_eq!(answer, Some(Ok(()))),
            () = standstill => {}
        }
    }

    #[tokio::test]
    async fn a_standstill_does_not_make_a_call_endless() {
        let standstill = async {
            sleep(2 * LIMIT);
            pending().await
        };
        tokio::select! {
            biased;
            answer = with_deadline(LIMIT, pending::<()>()) => assert_eq!(answer, None),
            () = standstill => {}
        }
    }
}
