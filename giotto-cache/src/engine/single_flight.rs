//! Single-flight: one computation per key at a time, however many callers want its result.
//!
//! Step 4 of a lookup, entered on a miss only.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::answer::Answer;
use crate::engine::read::Look;
use crate::entry::freshness::Marks;
use crate::error::Result;

/// For so long after a result that must not be stored, callers of its key do not wait for each other.
const APART_MS: u64 = 5_000;
/// How the name of a flight of one caller alone begins.
const APART: &str = "{apart:";

/// How a computation ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// For all who wait.
    Shared(Result<Answer>),
    /// For the caller who began it; the others compute their own.
    Private(Answer),
    /// None, because another process computes: those who wait ask again.
    GivenUp,
}

type Landed = Option<Outcome>;

/// The computations under way, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights {
    air: Arc<Mutex<Air>>,
}

#[derive(Debug, Default)]
struct Air {
    by_key: HashMap<String, Signals>,
    /// Keys whose callers compute each for themselves, and until when.
    apart: HashMap<String, u64>,
    /// With so many of them, those whose time has passed are removed.
    crowd: usize,
}

/// What a flight and those who meet it have in common.
#[derive(Clone, Debug)]
struct Signals {
    outcome: watch::Receiver<Landed>,
    notes: Arc<Notes>,
}

/// What becomes known of a flight under way.
#[derive(Debug, Default)]
struct Notes {
    /// The generations under which it computes, once they are read.
    marks: OnceLock<Marks>,
    /// Whether it has computed and now asks the store what was invalidated meanwhile: whoever comes from here on looks
    /// again at its end.
    is_asking: AtomicBool,
    is_revoked: AtomicBool,
}

impl Notes {
    fn stage(&self) -> Taken {
        match (self.is_asking.load(Ordering::Acquire), self.marks.get()) {
            (true, _) => Taken::Late,
            (false, Some(_)) => Taken::WhileItComputed,
            (false, None) => Taken::BeforeItComputed,
        }
    }
}

/// What a caller that joins a flight is to do.
pub(crate) enum Join {
    /// Compute: nobody else does.
    Lead(Box<Flight>, Landing),
    /// Wait: another caller's computation is under way.
    Wait(Landing),
    /// Compute alone: results of this key are not shared.
    Apart,
}

/// A computation under way. Dropping it ends the flight and wakes those who still wait.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Flights,
    key: String,
    outcome: watch::Sender<Landed>,
    signals: Signals,
    landing: Landed,
}

/// A place among those who wait for a flight.
#[derive(Debug)]
pub(crate) struct Landing {
    signals: Signals,
    taken: Taken,
}

/// When a place was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    BeforeItComputed,
    WhileItComputed,
    /// While it asked the store what was invalidated meanwhile, or later.
    Late,
}

/// The tasks that compute, and tidy up after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crews(Arc<watch::Sender<usize>>);

/// One of them at work.
#[derive(Debug)]
pub(crate) struct Crew(Crews);

impl Crews {
    pub(crate) fn begin(&self) -> Crew {
        self.0.send_modify(|crews| *crews += 1);
        Crew(self.clone())
    }

    /// Returns when nobody is at work.
    pub(crate) async fn ended(&self) {
        let mut crews = self.0.subscribe();
        // Only a sender that is gone could fail, and this is one.
        let _ = crews.wait_for(|crews| *crews == 0).await;
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.0.0.send_modify(|crews| *crews -= 1);
    }
}

impl Flights {
    pub(crate) fn join(&self, key: &str, now_ms: u64) -> Join {
        let mut air = self.lock();
        if let Some(&until_ms) = air.apart.get(key) {
            if now_ms < until_ms {
                return Join::Apart;
            }
            air.apart.remove(key);
        }
        if let Some(signals) = air.by_key.get(key) {
            return Join::Wait(Landing {
                taken: signals.notes.stage(),
                signals: signals.clone(),
            });
        }
        let (flight, landing) = self.lead(&mut air, key.to_owned());
        Join::Lead(Box::new(flight), landing)
    }

    fn lead(&self, air: &mut Air, key: String) -> (Flight, Landing) {
        let (outcome, landing) = watch::channel(None);
        let signals = Signals {
            outcome: landing,
            notes: Arc::default(),
        };
        air.by_key.insert(key.clone(), signals.clone());
        let flight = Flight {
            flights: self.clone(),
            key,
            outcome,
            signals: signals.clone(),
            landing: None,
        };
        let taken = Taken::BeforeItComputed;
        (flight, Landing { signals, taken })
    }

    /// A flight of one caller alone, whom nobody can join.
    pub(crate) fn lead_apart(&self, key: &str) -> (Flight, Landing) {
        // No key of a program ends in a brace.
        let number = fastrand::u64(..);
        self.lead(&mut self.lock(), format!("{APART}{number}:{key}}}"))
    }

    /// Whether callers of `key` compute each for themselves.
    pub(crate) fn is_apart(&self, key: &str, now_ms: u64) -> bool {
        let until_ms = self.lock().apart.get(key).copied();
        until_ms.is_some_and(|until_ms| now_ms < until_ms)
    }

    /// Has callers of `key` compute each for themselves for a few seconds.
    pub(crate) fn keep_apart(&self, key: &str, now_ms: u64) {
        let mut air = self.lock();
        if air.apart.len() >= air.crowd {
            air.apart.retain(|_, until_ms| now_ms < *until_ms);
            air.crowd = 2 * air.apart.len() + 64;
        }
        air.apart
            .insert(key.to_owned(), now_ms.saturating_add(APART_MS));
    }

    /// Tells the flights of `key`, those of single callers included, that their results must not be kept.
    pub(crate) fn revoke(&self, key: &str) {
        let apart = format!(":{key}}}");
        for (name, signals) in &self.lock().by_key {
            if name == key || name.starts_with(APART) && name.ends_with(&apart) {
                signals.notes.is_revoked.store(true, Ordering::Release);
            }
        }
    }

    /// Whether a computation of `key` is under way.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.lock().by_key.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().by_key.len()
    }

    fn lock(&self) -> MutexGuard<'_, Air> {
        self.air.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Says under which generations it computes.
    pub(crate) fn mark(&self, marks: Marks) {
        // Once: a flight computes once.
        let _ = self.signals.notes.marks.set(marks);
    }

    /// Says whether it asks the store what was invalidated meanwhile, so that whoever comes from here on looks again at
    /// its end.
    pub(crate) fn asks(&self, is_asking: bool) {
        let notes = &self.signals.notes;
        notes.is_asking.store(is_asking, Ordering::Release);
    }

    /// Says that its result is not to be kept, and not for those who came while it was computed.
    pub(crate) fn revoke(&self) {
        self.signals.notes.is_revoked.store(true, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.signals.notes.is_revoked.load(Ordering::Acquire)
    }

    /// Hands the result to all who wait, before the flight ends.
    pub(crate) fn announce(&self, result: Result<Answer>) {
        self.outcome.send_replace(Some(Outcome::Shared(result)));
    }

    /// Ends the flight and hands the result to all who wait.
    pub(crate) fn land(mut self, outcome: Outcome) {
        self.landing = Some(outcome);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // First of all: whoever is woken and asks again must not be given this flight's result once more.
        self.flights.lock().by_key.remove(&self.key);
        if let Some(outcome) = self.landing.take() {
            self.outcome.send_replace(Some(outcome));
        }
    }
}

impl Landing {
    /// The result, or `None` if the computation ended without one: it panicked or was cancelled.
    pub(crate) async fn result(&mut self) -> Landed {
        let outcome = self.signals.outcome.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }

    /// Returns once the flight has ended, and its result is stored or not.
    pub(crate) async fn ended(&mut self) {
        while self.signals.outcome.changed().await.is_ok() {}
    }

    /// Whether its result is good enough for a caller who had looked before: no invalidation or removal lies between its
    /// beginning and that look.
    pub(crate) fn counts_for(&self, look: &Look) -> bool {
        let notes = &self.signals.notes;
        match self.taken {
            Taken::BeforeItComputed => true,
            Taken::Late if look.is_answered && notes.is_asking.load(Ordering::Acquire) => false,
            Taken::WhileItComputed | Taken::Late => {
                let marks = notes.marks.get();
                marks.is_none_or(|own| own.still_count(&look.marks))
                    && !notes.is_revoked.load(Ordering::Acquire)
            }
        }
    }

    /// Whether the place was taken so late that only the store knows whether the result counts.
    pub(crate) fn is_late(&self) -> bool {
        self.taken == Taken::Late
    }
}
