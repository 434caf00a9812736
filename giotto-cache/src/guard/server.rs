//! What stands in front of each of several servers of one store: a deadline, two breakers, and two counters.
//!
//! The last step of a lookup. A server that is lost takes its own keys with it and nothing else: to the engine
//! they are misses, and the store as a whole is well.

use std::fmt::Display;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::guard::breaker::Breaker;
use crate::guard::deadline::in_time;
use crate::stats::Stats;
use crate::{Clock, Error, ErrorKind, Result};

/// How long a server has for a call of management, which is not in a hurry.
const ASIDE: Duration = Duration::from_secs(1);

/// How long one of several servers may take: half of the cache's own.
pub(crate) const SERVER_DEADLINE: Duration = Duration::from_millis(50);

/// Cloning it shares it.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// What the server is called in errors and in the log.
    server: Arc<str>,
    reads: Arc<Breaker>,
    /// Of its own, because a server that is full still finds and removes.
    writes: Arc<Breaker>,
    stats: Arc<Stats>,
    clock: Clock,
}

/// What is wanted of a server: one that is full stores nothing, and does the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Find,
    Store,
    /// Only in the place of a certain value: without that, nothing is stored, which does not show that it could be.
    Replace,
    Remove,
}

/// Why a server did not do what was wanted.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It did not answer, or not as it should.
    Lost(Error),
    /// It answered that it does not do this.
    Refused(Error),
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Loss {
    /// The whole store is lost, or it refuses what it is asked.
    Store(Error),
    /// One of several servers is lost.
    Server(Error),
    /// One of several servers is well and refuses to store.
    Full(Error),
}

impl Guard {
    /// In front of `server`; failures are counted in `stats`.
    pub(crate) fn new(server: impl Display, stats: Arc<Stats>, clock: Clock) -> Self {
        let server = server.to_string();
        Self {
            reads: Arc::new(Breaker::new(server.clone())),
            writes: Arc::new(Breaker::new(format!("storing in {server}"))),
            server: server.into(),
            stats,
            clock,
        }
    }

    /// The answer to `call`, unless the server is left alone. Then `probe` asks it once a second whether it is
    /// back, in a task of its own: nobody waits for it. One that refuses to store is asked to once a second.
    ///
    /// # Errors
    ///
    /// That of `call`, no answer within `deadline`, or that the server is left alone.
    pub(crate) async fn ask<T, P>(
        &self,
        want: Want,
        deadline: Duration,
        call: impl Future<Output = Result<T, Fault>>,
        probe: impl FnOnce() -> P,
    ) -> Result<T, Loss>
    where
        T: Send,
        P: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let now_ms = self.clock.now_ms();
        if self.reads.is_open() {
            self.stats.backend_skipped.increase();
            if self.reads.is_probe_due(now_ms) {
                let (guard, probe) = (self.clone(), probe());
                tokio::spawn(async move { guard.watch(Want::Find, deadline, probe).await.is_ok() });
            }
            return Err(Loss::Server(self.left_alone("failed")));
        }
        if want.stores() && !self.writes.lets_through(now_ms) {
            self.stats.backend_skipped.increase();
            return Err(Loss::Full(self.left_alone("refused to store")));
        }
        self.watch(want, deadline, call).await
    }

    async fn watch<T>(
        &self,
        want: Want,
        deadline: Duration,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Loss> {
        let late = || {
            let message = format!("no reply within {deadline:?}");
            Err(Fault::Lost(self.failed(&message)))
        };
        let answer = in_time(deadline, call).await.unwrap_or_else(late);
        match &answer {
            Ok(_) if want == Want::Find => self.reads.succeeded(self.clock.now_ms()),
            Ok(_) if want == Want::Store => self.writes.succeeded(self.clock.now_ms()),
            // A server that removes is not one that has room again.
            Ok(_) => {}
            Err(Fault::Refused(error)) if !is_of_server(error) => {}
            Err(Fault::Refused(error)) if want.stores() => self.count(&self.writes, error),
            Err(Fault::Refused(_)) if want == Want::Remove => {}
            Err(Fault::Refused(error) | Fault::Lost(error)) => self.count(&self.reads, error),
        }
        answer.map_err(|fault| match fault {
            Fault::Refused(error) if !is_of_server(&error) => Loss::Store(error),
            Fault::Refused(error) if want.stores() => Loss::Full(error),
            Fault::Refused(error) if want == Want::Remove => Loss::Store(error),
            Fault::Refused(error) | Fault::Lost(error) => Loss::Server(error),
        })
    }

    fn count(&self, breaker: &Breaker, error: &Error) {
        self.stats.backend_errors.increase();
        let is_told = self.reads.is_told() || self.writes.is_told();
        breaker.failed(error, self.clock.now_ms(), is_told);
    }

    /// The answer to a `call` of management: made even if the server is left alone, and no sign of how it is. One that
    /// refuses such a call may be well.
    pub(crate) async fn ask_aside<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let late = || Err(self.failed(&format!("no reply within {ASIDE:?}")));
        in_time(ASIDE, call).await.unwrap_or_else(late)
    }

    /// Whether the last calls succeeded, as far as is known.
    pub(crate) fn is_writable(&self) -> bool {
        !self.reads.is_failing() && !self.writes.is_failing()
    }

    fn left_alone(&self, did: &str) -> Error {
        self.failed(&format!(
            "it {did} a few times in a row and is left alone until it answers again"
        ))
    }

    fn failed(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Backend, format!("{}: {reason}", self.server))
    }
}

impl Want {
    const fn stores(self) -> bool {
        matches!(self, Self::Store | Self::Replace)
    }
}

/// Whether the server would refuse any other key and value too.
const fn is_of_server(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Rejected | ErrorKind::TooLarge)
}

impl Loss {
    /// What a lookup makes of it: a value of one lost server is a miss.
    pub(crate) fn miss<T: Default>(self) -> Result<T> {
        match self {
            Self::Server(_) => Ok(T::default()),
            loss => Err(loss.into_error()),
        }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Store(error) => error,
            Self::Server(error) | Self::Full(error) => {
                Error::new(ErrorKind::ServerLost, error.to_string())
            }
        }
    }
}

impl From<Error> for Loss {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The answers to `calls`, in their order: what is asked of several servers goes out at the same time.
pub(crate) async fn together<F: Future>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output> {
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
    use crate::Counts;

    const DEADLINE: Duration = Duration::from_millis(50);

    async fn late(guard: &Guard) -> Result<()> {
        let late = guard.ask(Want::Find, DEADLINE, pending(), pending).await;
        late.map_err(|loss| match loss {
            Loss::Server(error) => error,
            loss => panic!("{loss:?}"),
        })
    }

    fn guard(clock: &Clock) -> (Guard, Arc<Stats>) {
        let stats = Arc::new(Stats::default());
        let guard = Guard::new("a server", Arc::clone(&stats), clock.clone());
        (guard, stats)
    }

    async fn answered(
        guard: &Guard,
        want: Want,
        answer: Result<(), ErrorKind>,
    ) -> Result<(), Loss> {
        let answer = || {
            let refused = |kind| Fault::Refused(Error::new(kind, "it does not"));
            ready(answer.map_err(refused))
        };
        guard.ask(want, DEADLINE, answer(), answer).await
    }

    #[tokio::test]
    async fn a_server_that_is_full_is_read_and_only_a_value_that_it_stores_shows_that_it_has_room()
    {
        let clock = Clock::manual(0);
        let (guard, stats) = guard(&clock);
        let full = Err(ErrorKind::Backend);
        let errors = || stats.snapshot().backend_errors;
        for refusals in 1..=5 {
            let stored = answered(&guard, Want::Store, full).await;
            assert!(matches!(stored, Err(Loss::Full(_))), "{stored:?}");
            assert_eq!(errors(), refusals);
            for want in [Want::Replace, Want::Find, Want::Remove] {
                let is_left_alone = refusals == 5 && want == Want::Replace;
                assert_eq!(answered(&guard, want, Ok(())).await.is_err(), is_left_alone);
            }
        }
        for want in [Want::Store, Want::Replace] {
            let left_alone = answered(&guard, want, Ok(())).await.unwrap_err();
            assert_eq!(left_alone.into_error().kind(), ErrorKind::ServerLost);
        }
        for want in [Want::Find, Want::Remove] {
            answered(&guard, want, Ok(())).await.unwrap();
        }
        clock.advance(Duration::from_secs(1));
        answered(&guard, Want::Store, full).await.unwrap_err();
        assert_eq!(errors(), 6, "one a second asks whether there is room");
        clock.advance(Duration::from_secs(1));
        for _ in 0..3 {
            answered(&guard, Want::Store, Ok(())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_refused_of_one_value_or_key_says_nothing_of_the_server() {
        let (guard, stats) = guard(&Clock::manual(0));
        for want in [Want::Find, Want::Store, Want::Replace, Want::Remove] {
            for kind in [ErrorKind::Rejected, ErrorKind::TooLarge] {
                for _ in 0..20 {
                    let refused = answered(&guard, want, Err(kind)).await;
                    assert_eq!(refused.unwrap_err().into_error().kind(), kind);
                }
            }
        }
        assert_eq!(stats.snapshot(), Counts::default());
        // A right that a user lacks is about removing alone.
        for _ in 0..20 {
            answered(&guard, Want::Remove, Err(ErrorKind::Backend))
                .await
                .unwrap_err();
        }
        answered(&guard, Want::Find, Ok(())).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_server_that_is_left_alone_nor_for_its_probe() {
        let clock = Clock::manual(0);
        let (guard, stats) = guard(&clock);
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
        answered(&guard, Want::Find, Ok(())).await.unwrap_err();
        tokio::time::sleep(DEADLINE).await;
        let back = answered(&guard, Want::Find, Ok(())).await;
        assert!(back.is_ok(), "it is back");
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
