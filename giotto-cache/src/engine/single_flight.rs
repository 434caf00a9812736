//! Request coalescing: one computation per key at a time, however many callers want its result.
//!
//! Step 3 of a lookup, on a miss only. The first caller of a key leads a [`Flight`]; every other caller waits for
//! it as a [`Waiter`]. A key whose last result must not be stored is *uncacheable* for a few seconds (Varnish calls it
//! hit-for-miss): its callers compute side by side, because none can use the result of another.
//!
//! The race: the data changes while a flight computes, and a caller joins after that. The result is right for callers that
//! joined before the change, and too old for this one. So a waiter remembers how far the flight was when it joined
//! ([`Joined`]), and [`Waiter::counts_for`] decides:
//!
//! | the caller joined | the result counts |
//! |---|---|
//! | before the computation started | always: the computation sees every change that the caller has seen. A result that was found in the store is judged as if the caller had joined while it ran |
//! | while it ran | if both have read the same generations, and the entry was not removed meanwhile. If the store does not answer, only a result without tags: nobody knows what was invalidated meanwhile |
//! | after the flight asked the store what was invalidated | never, if the store answers: that answer may be older than the caller's read. The caller joins again when the flight has ended |

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::engine::uncacheable::Uncacheable;
use crate::error::Result;
use crate::invalidation::generation::Generations;

/// How a computation ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// A result for all waiters.
    Shared(Result<Answer>),
    /// A result for the caller that began it; the others compute their own.
    Private(Answer),
    /// No result, because another process computes: the waiters join again.
    ComputedElsewhere,
}

/// The computations under way. Cloning it shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SingleFlight(Arc<Mutex<Flights>>);

#[derive(Debug, Default)]
struct Flights {
    by_key: HashMap<String, Running>,
    uncacheable: Uncacheable,
}

/// The computations of one key.
#[derive(Debug, Default)]
struct Running {
    /// The one that others wait for.
    leader: Option<Signals>,
    /// Those of one caller alone.
    alone: Vec<Arc<Progress>>,
}

/// What a flight and its waiters share.
#[derive(Clone, Debug)]
struct Signals {
    outcome: watch::Receiver<Option<Outcome>>,
    progress: Arc<Progress>,
}

/// How far a computation has come.
#[derive(Debug, Default)]
struct Progress {
    /// The generations under which it computes, once they are read.
    generations: OnceLock<Generations>,
    /// Whether it has computed and now asks the store what was invalidated meanwhile.
    is_confirming: AtomicBool,
    is_revoked: AtomicBool,
    /// Whether its result depends on tags.
    has_tags: AtomicBool,
    /// Whether it computes nothing, because another computation has left its result in the store.
    is_found: AtomicBool,
}

/// What a caller does that wants a result.
pub(crate) enum Join {
    /// Compute: no other caller does.
    Lead(Box<Flight>, Waiter),
    /// Wait: another caller's computation is under way.
    Wait(Waiter),
    /// Compute alone: the key is uncacheable.
    Uncacheable,
}

/// A running computation. Dropping it ends the flight and wakes all waiters.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: SingleFlight,
    key: String,
    sender: watch::Sender<Option<Outcome>>,
    progress: Arc<Progress>,
    outcome: Option<Outcome>,
}

/// A caller that waits for a flight.
#[derive(Debug)]
pub(crate) struct Waiter {
    signals: Signals,
    joined: Joined,
}

/// When a caller joined a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joined {
    BeforeItComputed,
    WhileItComputed,
    /// While it asked the store what was invalidated meanwhile, or later.
    WhileItConfirmed,
}

impl SingleFlight {
    /// Joins the computation of `key`, or leads it.
    pub(crate) fn join(&self, key: &str, clock: &Clock) -> Join {
        let mut flights = self.lock();
        if flights.uncacheable.has(key, clock) {
            return Join::Uncacheable;
        }
        if let Some(running) = flights.by_key.get(key)
            && let Some(signals) = &running.leader
        {
            return Join::Wait(Waiter {
                joined: signals.progress.joined_now(),
                signals: signals.clone(),
            });
        }
        let (flight, waiter) = self.begin(key);
        let running = flights.by_key.entry(key.to_owned()).or_default();
        running.leader = Some(waiter.signals.clone());
        Join::Lead(Box::new(flight), waiter)
    }

    /// A computation of one caller alone, which no other caller can join.
    pub(crate) fn lead_alone(&self, key: &str) -> (Flight, Waiter) {
        let (flight, waiter) = self.begin(key);
        let mut flights = self.lock();
        let running = flights.by_key.entry(key.to_owned()).or_default();
        running.alone.push(Arc::clone(&flight.progress));
        (flight, waiter)
    }

    fn begin(&self, key: &str) -> (Flight, Waiter) {
        let (sender, outcome) = watch::channel(None);
        let progress = Arc::<Progress>::default();
        let signals = Signals {
            outcome,
            progress: Arc::clone(&progress),
        };
        let flight = Flight {
            flights: self.clone(),
            key: key.to_owned(),
            sender,
            progress,
            outcome: None,
        };
        let waiter = Waiter {
            signals,
            joined: Joined::BeforeItComputed,
        };
        (flight, waiter)
    }

    /// Whether callers of `key` compute side by side.
    pub(crate) fn is_uncacheable(&self, key: &str, clock: &Clock) -> bool {
        self.lock().uncacheable.has(key, clock)
    }

    /// Has callers of `key` compute side by side for a few seconds.
    pub(crate) fn note_uncacheable(&self, key: &str, now_ms: u64) {
        self.lock().uncacheable.note(key, now_ms);
    }

    /// Tells all computations of `key` that their results must not be kept.
    pub(crate) fn revoke(&self, key: &str) {
        if let Some(running) = self.lock().by_key.get(key) {
            let leader = running.leader.iter().map(|signals| &signals.progress);
            for progress in leader.chain(&running.alone) {
                progress.is_revoked.store(true, Ordering::Release);
            }
        }
    }

    /// Tells all computations whose keys are `meant` that their results must not be kept.
    pub(crate) fn revoke_all(&self, meant: impl Fn(&str) -> bool) {
        let keys: Vec<_> = self.lock().by_key.keys().cloned().collect();
        for key in keys.iter().filter(|key| meant(key)) {
            self.revoke(key);
        }
    }

    /// Whether a computation of `key` is under way that others can join.
    pub(crate) fn has(&self, key: &str) -> bool {
        let flights = self.lock();
        flights
            .by_key
            .get(key)
            .is_some_and(|running| running.leader.is_some())
    }

    /// How many computations are under way.
    pub(crate) fn len(&self) -> usize {
        let flights = self.lock();
        let running = flights.by_key.values();
        running
            .map(|running| usize::from(running.leader.is_some()) + running.alone.len())
            .sum()
    }

    /// Takes a computation out that has ended.
    fn remove(&self, key: &str, ended: &Arc<Progress>) {
        let mut flights = self.lock();
        let Some(running) = flights.by_key.get_mut(key) else {
            return;
        };
        let is_ended = |progress: &Arc<Progress>| Arc::ptr_eq(progress, ended);
        running
            .leader
            .take_if(|signals| is_ended(&signals.progress));
        running.alone.retain(|progress| !is_ended(progress));
        if running.leader.is_none() && running.alone.is_empty() {
            flights.by_key.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Flights> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// What a caller would be that joined now.
    fn joined_now(&self) -> Joined {
        let is_confirming = self.is_confirming.load(Ordering::Acquire);
        match (is_confirming, self.generations.get()) {
            (true, _) => Joined::WhileItConfirmed,
            (false, Some(_)) => Joined::WhileItComputed,
            (false, None) => Joined::BeforeItComputed,
        }
    }
}

impl Flight {
    /// Says under which generations it computes.
    pub(crate) fn computes_under(&self, generations: Generations) {
        // A flight computes once, so this is set once.
        let _ = self.progress.generations.set(generations);
    }

    /// Says whether it asks the store what was invalidated meanwhile. A caller that joins from here on looks again at the
    /// flight's end: the store may have answered the flight before that caller's invalidation, and the caller after it.
    pub(crate) fn confirms(&self, is_confirming: bool) {
        self.progress
            .is_confirming
            .store(is_confirming, Ordering::Release);
    }

    /// Says that it computes nothing: its result was found in the store under these generations.
    pub(crate) fn finds(&self, generations: Generations) {
        self.progress.is_found.store(true, Ordering::Release);
        self.computes_under(generations);
    }

    /// Says that its result is not to be kept, and not for callers that joined while it was computed.
    pub(crate) fn revoke(&self) {
        self.progress.is_revoked.store(true, Ordering::Release);
    }

    /// Says that its result depends on tags, before it is announced.
    pub(crate) fn depends_on_tags(&self) {
        self.progress.has_tags.store(true, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.progress.is_revoked.load(Ordering::Acquire)
    }

    /// Hands the outcome to all waiters, before the flight ends.
    pub(crate) fn announce(&self, outcome: Outcome) {
        self.sender.send_replace(Some(outcome));
    }

    /// Ends the flight and hands the outcome to all waiters.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Before the outcome is sent: a waiter that wakes and joins again must not find this flight.
        self.flights.remove(&self.key, &self.progress);
        if let Some(outcome) = self.outcome.take() {
            self.sender.send_replace(Some(outcome));
        }
    }
}

impl Waiter {
    /// The outcome; `None` if the computation ended without one: it panicked, or the runtime stopped.
    pub(crate) async fn outcome(&mut self) -> Option<Outcome> {
        let outcome = self.signals.outcome.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }

    /// Returns once the flight has ended, and its result is stored or not.
    pub(crate) async fn ended(&mut self) {
        while self.signals.outcome.changed().await.is_ok() {}
    }

    /// Whether the result is good enough for a caller that had read the generations `now`: neither an invalidation nor a
    /// removal lies between the beginning of the computation and that read. `is_answered` says whether the store answered.
    pub(crate) fn counts_for(&self, now: &Generations, is_answered: bool) -> bool {
        let progress = &self.signals.progress;
        match self.joined {
            Joined::BeforeItComputed if !progress.is_found.load(Ordering::Acquire) => true,
            _ if !is_answered && self.has_tags() => false,
            Joined::WhileItConfirmed
                if is_answered && progress.is_confirming.load(Ordering::Acquire) =>
            {
                false
            }
            _ => {
                let own = progress.generations.get();
                own.is_none_or(|own| own.still_count(now))
                    && !progress.is_revoked.load(Ordering::Acquire)
            }
        }
    }

    /// Whether the result depends on tags.
    pub(crate) fn has_tags(&self) -> bool {
        self.signals.progress.has_tags.load(Ordering::Acquire)
    }

    /// Whether the caller joined so late that only the store knows whether the result counts, and nothing says so far that
    /// it does not.
    pub(crate) fn may_count(&self) -> bool {
        let is_revoked = self.signals.progress.is_revoked.load(Ordering::Acquire);
        self.joined == Joined::WhileItConfirmed && !is_revoked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::generation::Generation;

    fn generations() -> Generations {
        Generations {
            program: Generation::random(),
            ..Generations::default()
        }
    }

    /// The waiter of a flight that has not begun to compute.
    fn joined(flights: &SingleFlight) -> (Box<Flight>, Waiter) {
        let Join::Lead(flight, _) = flights.join("key", &Clock::manual(0)) else {
            panic!("no other caller leads");
        };
        let Join::Wait(waiter) = flights.join("key", &Clock::manual(0)) else {
            panic!("the flight is under way");
        };
        (flight, waiter)
    }

    #[test]
    fn a_caller_that_joins_before_the_computation_takes_its_result() {
        let (flight, waiter) = joined(&SingleFlight::default());
        flight.computes_under(generations());
        assert!(waiter.counts_for(&generations(), true));
    }

    /// The leader reads a page, the program is invalidated, and a caller that has seen that joins.
    #[test]
    fn what_was_found_before_an_invalidation_is_not_for_a_caller_that_joins_after_it() {
        let (flight, waiter) = joined(&SingleFlight::default());
        let before = generations();
        flight.finds(before.clone());
        assert!(!waiter.counts_for(&generations(), true));
        assert!(waiter.counts_for(&before, true));
        flight.revoke();
        assert!(!waiter.counts_for(&before, true), "the entry was removed");
    }
}
