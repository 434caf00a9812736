//! Single-flight: one computation per key at a time, however many callers want its result.
//!
//! Step 4 of a lookup, entered on a miss only.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{Answer, Result};

type Outcome = Option<Result<Answer>>;

/// The computations under way, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights {
    by_key: Arc<Mutex<HashMap<String, watch::Receiver<Outcome>>>>,
}

/// What a caller that joins a flight is to do.
pub(crate) enum Join {
    /// Compute: nobody else does.
    Lead(Flight, Landing),
    /// Wait: another caller's computation is under way.
    Wait(Landing),
}

/// A computation under way. Dropping it ends the flight and wakes those who still wait.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Flights,
    key: String,
    outcome: watch::Sender<Outcome>,
    landing: Outcome,
}

/// A place among those who wait for a flight.
#[derive(Debug)]
pub(crate) struct Landing(watch::Receiver<Outcome>);

impl Flights {
    pub(crate) fn join(&self, key: &str) -> Join {
        match self.lock().entry(key.to_owned()) {
            Slot::Occupied(flight) => Join::Wait(Landing(flight.get().clone())),
            Slot::Vacant(vacant) => {
                let (outcome, landing) = watch::channel(None);
                vacant.insert(landing.clone());
                let flight = Flight {
                    flights: self.clone(),
                    key: key.to_owned(),
                    outcome,
                    landing: None,
                };
                Join::Lead(flight, Landing(landing))
            }
        }
    }

    /// Returns when no computation is under way, those that began meanwhile included.
    pub(crate) async fn ended(&self) {
        while let Some(mut flight) = self.any() {
            while flight.changed().await.is_ok() {}
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn any(&self) -> Option<watch::Receiver<Outcome>> {
        self.lock().values().next().cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Outcome>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Hands the result to all who wait, and to those who still join until the flight ends.
    pub(crate) fn announce(&self, result: Result<Answer>) {
        self.outcome.send_replace(Some(result));
    }

    /// Ends the flight and hands the result to all who wait.
    pub(crate) fn land(mut self, result: Result<Answer>) {
        self.landing = Some(result);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // First of all: whoever is woken and asks again must not be given this flight's result once more.
        self.flights.lock().remove(&self.key);
        if let Some(result) = self.landing.take() {
            self.announce(result);
        }
    }
}

impl Landing {
    /// The result, or `None` if the computation ended without one: it panicked or was cancelled.
    pub(crate) async fn result(mut self) -> Outcome {
        let outcome = self.0.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }
}
