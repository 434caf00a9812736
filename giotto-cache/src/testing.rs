//! What the tests of an application need: faults, a clock that they set, and assertions on answers.
//!
//! No step of a request. [`Chaos`] stands in front of a store; [`Clock::manual`](crate::Clock::manual) and
//! [`CacheBuilder::seed`](crate::CacheBuilder::seed) make time and chance the test's own; [`assert_hit!`](crate::assert_hit),
//! [`assert_stale!`](crate::assert_stale) and [`assert_miss!`](crate::assert_miss) say what was there instead.
//!
//! ```
//! use std::time::Duration;
//!
//! use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
//! use giotto_cache::{Cache, Clock, Error, ErrorKind, Key, LocMemKeyValue, Policy, Reason, Staleness};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let clock = Clock::manual(1_700_000_000_000);
//! let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
//! let cache = Cache::builder(chaos.clone()).clock(clock.clone()).seed(12).build();
//! let policy = Policy::seconds(60).stale_if_error(600);
//! let news = async |page: Result<&'static str, Error>| {
//!     let key = Key::new("news", "{}", "text/html");
//!     let answer = cache.get_or_compute(key, policy, || async { page.map(Into::into) }).await;
//!     cache.settle().await; // what was computed is stored
//!     answer
//! };
//!
//! assert_miss!(news(Ok("one")).await?, Reason::FirstSeen);
//! assert_hit!(news(Ok("two")).await?);
//!
//! clock.advance(Duration::from_secs(60));
//! let broken = || Err(Error::new(ErrorKind::Compute, "no news today"));
//! assert_stale!(news(broken()).await?, Staleness::Failed);
//! assert_stale!(news(broken()).await?, Staleness::Throttled);
//!
//! clock.advance(Duration::from_secs(30));
//! assert_miss!(news(Ok("three")).await?, Reason::Expired);
//!
//! chaos.errors(1.0);
//! assert_miss!(news(Ok("four")).await?, Reason::BackendError);
//! chaos.heal();
//! assert_hit!(news(Ok("five")).await?);
//!
//! chaos.corrupt(1.0);
//! assert_miss!(news(Ok("six")).await?, Reason::Undecodable);
//! # Ok::<(), giotto_cache::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chaos;

pub use self::chaos::Chaos;
use crate::answer::Answer;
use crate::reason::{Reason, Staleness, Status};
pub use crate::{assert_hit, assert_miss, assert_stale};

/// What the assertions take: something that says how a page was obtained.
pub trait Answered {
    /// How it was obtained; `None` if the cache was not asked.
    fn status(&self) -> Option<Status>;

    /// Why it was not a fresh hit; `None` if it was.
    fn reason(&self) -> Option<Reason>;
}

impl Answered for Answer {
    fn status(&self) -> Option<Status> {
        Some(self.status)
    }

    fn reason(&self) -> Option<Reason> {
        self.reason.clone()
    }
}

impl<A: Answered + ?Sized> Answered for &A {
    fn status(&self) -> Option<Status> {
        (**self).status()
    }

    fn reason(&self) -> Option<Reason> {
        (**self).reason()
    }
}

/// Panics unless the answer was stored and fresh: `assert_hit!(answer)`.
#[macro_export]
macro_rules! assert_hit {
    ($answer:expr $(,)?) => {
        $crate::testing::expect_hit(&$answer)
    };
}

/// Panics unless the answer was stored and is not fresh any more: `assert_stale!(answer)`, or with the circumstance
/// that let it be served, `assert_stale!(answer, Staleness::Failed)`.
#[macro_export]
macro_rules! assert_stale {
    ($answer:expr $(,)?) => {
        $crate::testing::expect_stale(&$answer, None)
    };
    ($answer:expr, $staleness:expr $(,)?) => {
        $crate::testing::expect_stale(&$answer, Some($staleness))
    };
}

/// Panics unless the answer was computed, for this caller or for another that this one waited for:
/// `assert_miss!(answer)`, or with the reason, `assert_miss!(answer, Reason::Expired)`.
#[macro_export]
macro_rules! assert_miss {
    ($answer:expr $(,)?) => {
        $crate::testing::expect_miss(&$answer, None)
    };
    ($answer:expr, $reason:expr $(,)?) => {
        $crate::testing::expect_miss(&$answer, Some($reason))
    };
}

/// What [`assert_hit!`](crate::assert_hit) calls.
///
/// # Panics
///
/// If it was no hit.
#[track_caller]
pub fn expect_hit(answer: &impl Answered) {
    let is_hit = answer.status() == Some(Status::Hit);
    assert!(is_hit, "expected a hit, but it was {}", what(answer));
}

/// What [`assert_stale!`](crate::assert_stale) calls.
///
/// # Panics
///
/// If it was not stale, or not by `staleness`.
#[track_caller]
pub fn expect_stale(answer: &impl Answered, staleness: Option<Staleness>) {
    let is_expected = match (answer.status(), staleness) {
        (Some(Status::Stale(actual)), Some(expected)) => actual == expected,
        (Some(Status::Stale(_)), None) => true,
        _ => false,
    };
    let expected = staleness.map_or_else(String::new, |expected| format!(" ({expected:?})"));
    let what = what(answer);
    assert!(
        is_expected,
        "expected a stale page{expected}, but it was {what}"
    );
}

/// What [`assert_miss!`](crate::assert_miss) calls.
///
/// # Panics
///
/// If it was no miss, or not for `reason`.
#[track_caller]
pub fn expect_miss(answer: &impl Answered, reason: Option<Reason>) {
    use Status::{Collapsed, NotStored, Stored};
    let is_miss = matches!(answer.status(), Some(Stored | NotStored | Collapsed));
    let is_expected = is_miss && (reason.is_none() || answer.reason() == reason);
    let expected = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    assert!(
        is_expected,
        "expected a miss{expected}, but it was {}",
        what(answer)
    );
}

/// How `answer` was obtained, in words.
fn what(answer: &impl Answered) -> String {
    let reason = answer.reason().map(|reason| reason.to_string());
    let reason = reason.unwrap_or_else(|| "no reason".to_owned());
    match answer.status() {
        None => "an answer for which the cache was not asked".to_owned(),
        Some(Status::Hit) => "a hit".to_owned(),
        Some(Status::Stale(staleness)) => format!("a stale page ({staleness:?}; {reason})"),
        Some(Status::Stored) => format!("a miss ({reason}), computed and stored"),
        Some(Status::NotStored) => format!("a miss ({reason}), computed and not stored"),
        Some(Status::Collapsed) => format!("a miss ({reason}), computed for another caller"),
    }
}
