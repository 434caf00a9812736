//! One of several servers of a store under a deadline and circuit breakers.
//!
//! The last step of a lookup. A lost server affects only its own keys: a lookup misses them, and the store as a whole is
//! well.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use super::breakers::{Breakers, Skipped, Want, is_of_value};
use super::deadline::with_deadline;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::stats::layer::Failures;

/// The time limit of a call of management, which is not urgent.
const ASIDE: Duration = Duration::from_secs(1);

/// The time limit of a call to one of several servers: half of the cache's own.
pub(crate) const SERVER_DEADLINE: Duration = Duration::from_millis(50);

/// Cloning it shares it.
#[derive(Clone, Debug)]
pub(crate) struct GuardedServer {
    /// The name of the server in errors and in the log.
    server: Arc<str>,
    breakers: Arc<Breakers>,
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

impl GuardedServer {
    /// Guards `server`; failures are counted in `failures`.
    pub(crate) fn new(server: impl Display, failures: Arc<Failures>, clock: Clock) -> Self {
        let server = server.to_string();
        Self {
            breakers: Arc::new(Breakers::new(&server, failures, clock)),
            server: server.into(),
        }
    }

    /// The answer to `call`, unless a breaker is open. While the server fails, `probe` asks it once a second whether it
    /// is back, in a task of its own: no caller waits for it. A server that refuses to store is asked to once a second.
    ///
    /// # Errors
    ///
    /// That of `call`, no answer within `deadline`, or an open breaker.
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
        match self.breakers.admit(want) {
            Ok(()) => self.watch(want, deadline, call).await,
            Err(Skipped::Failing) => {
                if self.breakers.is_probe_due() {
                    let (guard, probe) = (self.clone(), probe());
                    tokio::spawn(
                        async move { guard.watch(Want::Find, deadline, probe).await.is_ok() },
                    );
                }
                Err(Loss::Server(self.skipped("failed")))
            }
            Err(Skipped::Full) => Err(Loss::Full(self.skipped("refused to store"))),
        }
    }

    async fn watch<T>(
        &self,
        want: Want,
        deadline: Duration,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Loss> {
        let late = || Err(Fault::Lost(self.late(deadline)));
        match with_deadline(deadline, call).await.unwrap_or_else(late) {
            Ok(answer) => {
                self.breakers.succeeded(want);
                Ok(answer)
            }
            Err(Fault::Refused(error)) if is_of_value(&error) || want == Want::Remove => {
                Err(Loss::Store(error))
            }
            Err(Fault::Refused(error)) => {
                self.breakers.failed(want, false, &error);
                Err(match want.stores() {
                    true => Loss::Full(error),
                    false => Loss::Server(error),
                })
            }
            Err(Fault::Lost(error)) => {
                self.breakers.failed(want, true, &error);
                Err(Loss::Server(error))
            }
        }
    }

    /// The answer to a `call` of management. It is made even while a breaker is open, and its outcome is not noted: a
    /// server that refuses such a call may be well.
    pub(crate) async fn ask_aside<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let late = || Err(self.late(ASIDE));
        with_deadline(ASIDE, call).await.unwrap_or_else(late)
    }

    /// Whether the last calls succeeded, as far as is known.
    pub(crate) fn is_writable(&self) -> bool {
        self.breakers.is_writable()
    }

    fn late(&self, deadline: Duration) -> Error {
        self.error(&format!("no reply within {deadline:?}"))
    }

    fn skipped(&self, did: &str) -> Error {
        self.error(&format!(
            "not asked, because it {did} several times in a row; a probe asks it once a second"
        ))
    }

    fn error(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Backend, format!("{}: {reason}", self.server))
    }
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::stats::Counts;

    const DEADLINE: Duration = Duration::from_millis(50);

    async fn late(guard: &GuardedServer) -> Result<()> {
        let late = guard.ask(Want::Find, DEADLINE, pending(), pending).await;
        late.map_err(|loss| match loss {
            Loss::Server(error) => error,
            loss => panic!("{loss:?}"),
        })
    }

    fn guard(clock: &Clock) -> (GuardedServer, Arc<Failures>) {
        let failures = Arc::new(Failures::default());
        let guard = GuardedServer::new("a server", Arc::clone(&failures), clock.clone());
        (guard, failures)
    }

    async fn answered(
        guard: &GuardedServer,
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
        let (guard, failures) = guard(&clock);
        let full = Err(ErrorKind::Backend);
        let errors = || failures.counts().backend_errors;
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
        let (guard, failures) = guard(&Clock::manual(0));
        for want in [Want::Find, Want::Store, Want::Replace, Want::Remove] {
            for kind in [ErrorKind::Rejected, ErrorKind::TooLarge] {
                for _ in 0..20 {
                    let refused = answered(&guard, want, Err(kind)).await;
                    assert_eq!(refused.unwrap_err().into_error().kind(), kind);
                }
            }
        }
        assert_eq!(failures.counts(), Counts::default());
        // A right that a user lacks is about removing alone.
        for _ in 0..20 {
            answered(&guard, Want::Remove, Err(ErrorKind::Backend))
                .await
                .unwrap_err();
        }
        answered(&guard, Want::Find, Ok(())).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_caller_waits_for_a_server_that_fails_or_for_its_probe() {
        let clock = Clock::manual(0);
        let (guard, failures) = guard(&clock);
        let started = tokio::time::Instant::now();
        for _ in 0..5 {
            let error = late(&guard).await.unwrap_err();
            assert_eq!(error.to_string(), "a server: no reply within 50ms");
        }
        assert_eq!(started.elapsed(), 5 * DEADLINE);

        clock.advance(Duration::from_secs(1));
        let error = late(&guard).await.unwrap_err();
        assert!(error.to_string().contains("not asked"), "{error}");
        assert_eq!(started.elapsed(), 5 * DEADLINE, "the probe is under way");
        tokio::time::sleep(2 * DEADLINE).await;
        let counts = failures.counts();
        assert_eq!((counts.backend_errors, counts.backend_skipped), (6, 1));

        clock.advance(Duration::from_secs(1));
        answered(&guard, Want::Find, Ok(())).await.unwrap_err();
        tokio::time::sleep(DEADLINE).await;
        let back = answered(&guard, Want::Find, Ok(())).await;
        assert!(back.is_ok(), "it is back");
    }
}
