//! Request coalescing: one computation per key at a time, however many callers want its result.
//!
//! Step 3 of a lookup, on a miss only. The first caller of a key leads a [`Flight`]; every other caller waits for
//! it as a [`Waiter`]. A key whose last result must not be stored is *uncacheable* for a few seconds (Varnish calls it
//! hit-for-miss): its callers compute side by side, because none can use the result of another.
//!
//! The race: the data changes while a flight computes, and a caller joins after that. The result is right for callers that
//! joined before the change, and too old for this one. So the beginnings of computations are numbered, a waiter knows
//! which was the last when it arrived, and [`Waiter::counts_for`] decides:
//!
//! | the caller | the result counts |
//! |---|---|
//! | arrived before the computation began | always: the computation sees every change that the caller has seen. A result that was found in the store is judged as if the caller had joined while it ran |
//! | joined while it ran | if both have read the same generations, and the entry was not removed meanwhile. If the store does not say what was invalidated, only a result without tags |
//! | joined after the flight asked the store what was invalidated | never, if the store answers: that answer may be older than the caller's read. The caller joins again when the flight has ended |

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
    /// How many computations have begun.
    begun: u64,
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
    /// The number of its beginning, and the generations under which it computes.
    begun: OnceLock<(u64, Generations)>,
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
    arrived: Arrival,
    /// It joined while the flight asked the store what was invalidated meanwhile, or later.
    is_late: bool,
}

/// When a caller came: how many computations had begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival(u64);

impl SingleFlight {
    /// The arrival of a caller that comes now.
    pub(crate) fn arrive(&self) -> Arrival {
        Arrival(self.lock().begun)
    }

    /// Has a caller that `arrived` before join the computation of `key`, or lead it.
    pub(crate) fn join(&self, key: &str, arrived: Arrival, clock: &Clock) -> Join {
        let mut flights = self.lock();
        if flights.uncacheable.has(key, clock) {
            return Join::Uncacheable;
        }
        if let Some(running) = flights.by_key.get(key)
            && let Some(signals) = &running.leader
        {
            return Join::Wait(Waiter {
                is_late: signals.progress.is_confirming.load(Ordering::Acquire),
                signals: signals.clone(),
                arrived,
            });
        }
        let (flight, waiter) = self.begin(key, arrived);
        let running = flights.by_key.entry(key.to_owned()).or_default();
        running.leader = Some(waiter.signals.clone());
        Join::Lead(Box::new(flight), waiter)
    }

    /// A computation of one caller alone, which no other caller can join.
    pub(crate) fn lead_alone(&self, key: &str) -> (Flight, Waiter) {
        let (flight, waiter) = self.begin(key, self.arrive());
        let mut flights = self.lock();
        let running = flights.by_key.entry(key.to_owned()).or_default();
        running.alone.push(Arc::clone(&flight.progress));
        (flight, waiter)
    }

    fn begin(&self, key: &str, arrived: Arrival) -> (Flight, Waiter) {
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
            arrived,
            is_late: false,
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

impl Flight {
    /// Says under which generations it computes.
    pub(crate) fn computes_under(&self, generations: Generations) {
        let number = {
            let mut flights = self.flights.lock();
            flights.begun += 1;
            flights.begun
        };
        // A flight computes once, so this is set once.
        let _ = self.progress.begun.set((number, generations));
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
        // What was found was judged by a read of its own: it is as good as a hit.
        let is_found = progress.is_found.load(Ordering::Acquire);
        let is_told = is_answered && (now.doubted_before_ms == 0 || is_found);
        let is_late = self.is_late && is_answered && progress.is_confirming.load(Ordering::Acquire);
        let is_in_doubt = is_late || (self.has_tags() && !is_told);
        self.saw_it_begin() || (!is_in_doubt && self.is_valid(now))
    }

    /// Whether the caller joined so late that only the store knows whether the result counts, and nothing says so far that
    /// it does not.
    pub(crate) fn may_count(&self, now: &Generations) -> bool {
        self.is_late && !self.has_tags() && self.is_valid(now)
    }

    fn has_tags(&self) -> bool {
        self.signals.progress.has_tags.load(Ordering::Acquire)
    }

    /// Whether the caller was there before the computation began.
    fn saw_it_begin(&self) -> bool {
        let progress = &self.signals.progress;
        let begun = progress.begun.get();
        let is_found = progress.is_found.load(Ordering::Acquire);
        !is_found && begun.is_none_or(|(number, _)| *number > self.arrived.0)
    }

    /// Whether the result was not removed while it was computed, nor invalidated before the caller had read `now`.
    fn is_valid(&self, now: &Generations) -> bool {
        let progress = &self.signals.progress;
        let begun = progress.begun.get();
        begun.is_none_or(|(_, own)| own.still_count(now))
            && !progress.is_revoked.load(Ordering::Acquire)
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
        let join = || flights.join("key", flights.arrive(), &Clock::manual(0));
        let Join::Lead(flight, _) = join() else {
            panic!("no other caller leads");
        };
        let Join::Wait(waiter) = join() else {
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
        flight.depends_on_tags();
        assert!(!waiter.counts_for(&before, false));
        let in_doubt = Generations {
            doubted_before_ms: 1,
            ..before.clone()
        };
        assert!(waiter.counts_for(&in_doubt, true));
        flight.revoke();
        assert!(!waiter.counts_for(&before, true), "the entry was removed");
    }
}
