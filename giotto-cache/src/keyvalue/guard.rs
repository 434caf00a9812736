//! What stands in front of each of several servers of one store: a deadline, a breaker, and two counters.
//!
//! The last step of a lookup. A server that is lost takes its own keys with it and nothing else: to the engine
//! they are misses, and the store as a whole is well.

use std::fmt::Display;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::breaker::Breaker;
use crate::in_time::in_time;
use crate::stats::Stats;
use crate::{Clock, Error, ErrorKind, Result};

/// How long a server has for a call of management, which is not in a hurry.
const ASIDE: Duration = Duration::from_secs(1);

/// How long one of several servers may take: half of the cache's own.
pub(super) const SERVER_DEADLINE: Duration = Duration::from_millis(50);

/// Cloning it shares it.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// What the server is called in errors and in the log.
    server: Arc<str>,
    breaker: Arc<Breaker>,
    stats: Arc<Stats>,
    clock: Clock,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Loss {
    /// The whole store is lost, or it refuses what it is asked.
    Store(Error),
    /// One of several servers is lost.
    Server(Error),
}

impl Guard {
    /// In front of `server`; failures are counted in `stats`.
    pub(super) fn new(server: impl Display, stats: Arc<Stats>, clock: Clock) -> Self {
        let server = server.to_string();
        Self {
            breaker: Arc::new(Breaker::new(server.clone())),
            server: server.into(),
            stats,
            clock,
        }
    }

    /// The answer to `call`, unless the server is left alone. Then `probe` asks it once a second whether it is
    /// back, in a task of its own: nobody waits for it.
    ///
    /// # Errors
    ///
    /// That of `call`, no answer within `deadline`, or that the server is left alone.
    pub(super) async fn ask<T, P>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T>>,
        probe: impl FnOnce() -> P,
    ) -> Result<T>
    where
        T: Send,
        P: Future<Output = Result<T>> + Send + 'static,
    {
        if !self.breaker.is_open() {
            return self.watch(deadline, call).await;
        }
        self.stats.backend_skipped.increase();
        if self.breaker.is_probe_due(self.clock.now_ms()) {
            let (guard, probe) = (self.clone(), probe());
            tokio::spawn(async move { guard.watch(deadline, probe).await.is_ok() });
        }
        Err(self.failed("it failed a few times in a row and is left alone until it answers again"))
    }

    async fn watch<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let late = || Err(self.failed(&format!("no reply within {deadline:?}")));
        let answer = in_time(deadline, call).await.unwrap_or_else(late);
        match &answer {
            Ok(_) => self.breaker.succeeded(self.clock.now_ms()),
            Err(error) => {
                self.stats.backend_errors.increase();
                self.breaker.failed(error, self.clock.now_ms(), false);
            }
        }
        answer
    }

    /// The answer to a `call` of management: made even if the server is left alone, and no sign of how it is. One that
    /// refuses such a call may be well.
    pub(super) async fn ask_aside<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let late = || Err(self.failed(&format!("no reply within {ASIDE:?}")));
        in_time(ASIDE, call).await.unwrap_or_else(late)
    }

    fn failed(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Backend, format!("{}: {reason}", self.server))
    }
}

impl Loss {
    /// What a lookup makes of it: one lost server is a miss.
    pub(super) fn miss<T: Default>(self) -> Result<T> {
        match self {
            Self::Store(error) => Err(error),
            Self::Server(_) => Ok(T::default()),
        }
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Store(error) => error,
            Self::Server(error) => Error::new(ErrorKind::ServerLost, error.to_string()),
        }
    }
}

impl From<Error> for Loss {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The answers to `calls`, in their order: what is asked of several servers goes out at the same time.
pub(super) async fn together<F: Future>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|call| (Box::pin(call), None))
        .collect();
    poll_fn(|context| {
        for (call, answer) in calls.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = call.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        match calls.iter().all(|(_, answer)| answer.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    calls.into_iter().filter_map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const DEADLINE: Duration = Duration::from_millis(50);

    async fn late(guard: &Guard) -> Result<()> {
        guard.ask(DEADLINE, pending(), pending).await
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_server_that_is_left_alone_nor_for_its_probe() {
        let (stats, clock) = (Arc::new(Stats::default()), Clock::manual(0));
        let guard = Guard::new("a server", Arc::clone(&stats), clock.clone());
        let started = tokio::time::Instant::now();
        for _ in 0..5 {
            let error = late(&guard).await.unwrap_err();
            assert_eq!(error.to_string(), "a server: no reply within 50ms");
        }
        assert_eq!(started.elapsed(), 5 * DEADLINE);

        clock.advance(Duration::from_secs(1));
        let error = late(&guard).await.unwrap_err();
        assert!(error.to_string().contains("left alone"), "{error}");
        assert_eq!(started.elapsed(), 5 * DEADLINE, "the probe is under way");
        tokio::time::sleep(2 * DEADLINE).await;
        let counts = stats.snapshot();
        assert_eq!((counts.backend_errors, counts.backend_skipped), (6, 1));

        clock.advance(Duration::from_secs(1));
        let call = || ready(Ok(()));
        assert!(guard.ask(DEADLINE, call(), call).await.is_err());
        tokio::time::sleep(DEADLINE).await;
        assert!(
            guard.ask(DEADLINE, call(), call).await.is_ok(),
            "it is back"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn calls_go_out_together_and_their_answers_are_in_their_order() {
        let started = tokio::time::Instant::now();
        let calls = [30_u64, 10, 20].map(|after| async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            after
        });
        assert_eq!(together(calls).await, [30, 10, 20]);
        assert_eq!(started.elapsed(), Duration::from_millis(30));
    }
}
