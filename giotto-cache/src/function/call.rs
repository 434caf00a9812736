//! One call of a function: a hit at once, or a lookup.
//!
//! Around a lookup: its key becomes a value.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::computation::Outcome;
use super::value::{BoxError, Found, Value, is_value, keep, value_of};
use crate::cache::Cache;
use crate::computed::CacheControl;
use crate::engine::compute::Computation;
use crate::engine::read;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::lookup::{Lookup, Mode};
use crate::policy::Policy;
use crate::reason::Status;
use crate::trace;

/// A function whose results are stored: see [`Cache::function`].
#[derive(Clone, Debug)]
pub struct Function<'c> {
    pub(super) cache: &'c Cache,
    pub(super) name: &'c str,
    pub(super) policy: Policy,
    pub(super) tags: Vec<String>,
    pub(super) mode: Mode,
    pub(super) is_independent: bool,
}

impl<'c> Function<'c> {
    /// The call whose arguments are the `key`; its caller is given the value as `give` has it.
    ///
    /// A future by hand, so that a hit moves few bytes: an async function would move all that it takes into a place of its own
    /// before its first step.
    pub(super) fn call_key<T, E, C, F, R, G>(
        self,
        key: Result<Key>,
        compute: C,
        give: G,
    ) -> impl Future<Output = Result<R>> + use<'c, T, E, C, F, R, G>
    where
        G: Fn(Found<T>) -> R,
        T: Value,
        E: Into<BoxError> + 'static,
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (mut asked, mut missed) = (Some((self, key, compute)), None);
        poll_fn(move |context| {
            if let Some((function, Ok(key), _)) = &asked
                && let Some(found) = function.hit(key)
            {
                return Poll::Ready(Ok(give(found)));
            }
            if let Some((function, key, compute)) = asked.take() {
                missed = Some(Box::pin(async { function.look_up(key?, compute).await }));
            }
            match missed.as_mut() {
                Some(missed) => missed.as_mut().poll(context).map_ok(&give),
                None => unreachable!("it misses if it does not hit"),
            }
        })
    }

    /// A fresh result that has nothing but a time to live, in a store that answers at once.
    pub(super) fn hit<T: Value>(&self, key: &Key) -> Option<Found<T>> {
        // A subscriber that asks for spans gets one for each lookup.
        let is_plain = self.tags.is_empty() && self.mode == Mode::Prefer && self.policy.is_plain();
        if !is_plain || trace::is_on() {
            return None;
        }
        let engine = self.cache.engine();
        // Its caller is not told the time.
        let now = |fresh_until| engine.functions.ticks.now_before(fresh_until);
        let value = |entry, _| value_of(engine, &entry).ok();
        read::hit_now(engine, key, &self.policy, self.is_independent, now, value)?
    }

    /// The result, where it was no [`hit`](Self::hit) a moment ago.
    pub(super) async fn look_up<T, E, C, F>(self, key: Key, compute: C) -> Result<Found<T>>
    where
        T: Value,
        E: Into<BoxError> + 'static,
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let engine = self.cache.engine();
        let mut lookup = Lookup::new(key, self.policy.check()?)
            .tags(self.tags)
            .mode(self.mode);
        lookup.is_independent = self.is_independent;
        let (mut compute, outcome) = (Some(compute), Outcome::default());
        for is_usable in [None, Some(is_value::<T> as fn(&[u8]) -> bool)] {
            let run = |control: CacheControl| -> Computation {
                let compute = compute.take().map(|compute| compute(control.clone()));
                let program = self.name.to_owned();
                let outcome = outcome.clone();
                Box::pin(outcome.fill(Arc::clone(engine), program, control, compute))
            };
            let lookup = Lookup {
                is_usable,
                ..lookup.clone()
            };
            let answer = self.cache.answer_computation(lookup, run).await?;
            // Computed for this caller: the value is at hand.
            if matches!(answer.status, Status::Stored | Status::NotStored)
                && let Some(value) = outcome.take()
            {
                keep(engine, &answer.entry, &value);
                return Ok(Found::Shared(value));
            }
            // What is no value of the type is a miss the second time. Looking at each before it is served would decode twice.
            if let Ok(value) = value_of(engine, &answer.entry) {
                return Ok(value);
            }
        }
        Err(no_value())
    }
}

fn no_value() -> Error {
    let message = "what the store has is no value of the type of the function: call it again";
    Error::new(ErrorKind::Backend, message)
}
