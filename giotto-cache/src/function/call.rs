//! One call of a function: a hit at once, or a lookup.
//!
//! Around a lookup: its key becomes a value.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::arguments::Arguments;
use super::computation::Outcome;
use super::value::{BoxError, Found, Value, is_value, keep, value_of};
use crate::cache::Cache;
use crate::computed::CacheControl;
use crate::engine::compute::Computation;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::lookup::{Lookup, Mode};
use crate::policy::Policy;
use crate::reason::Status;

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
    /// The call of these `arguments`; its caller is given the value as `give` has it.
    ///
    /// A future by hand, so that a hit moves few bytes: an async function would move all that it takes into a place of its own
    /// before its first step.
    pub(super) fn call_written<T, E, C, F, R, G>(
        self,
        arguments: Result<Arguments>,
        compute: C,
        give: G,
    ) -> impl Future<Output = Result<R>> + use<'c, T, E, C, F, R, G>
    where
        G: Fn(Found<'_, T>) -> R,
        T: Value,
        E: Into<BoxError> + 'static,
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (mut arguments, mut call, mut missed) = (Some(arguments), Some((self, compute)), None);
        poll_fn(move |context| {
            if let (Some(arguments), Some((function, _))) = (arguments.take(), &call) {
                let key = match arguments.map(|arguments| function.hit(&arguments, &give)) {
                    Ok(Ok(found)) => return Poll::Ready(Ok(found)),
                    Ok(Err(key)) => Ok(key),
                    Err(error) => Err(error),
                };
                let call = call.take();
                missed = call.map(|(function, compute)| {
                    Box::pin(async { function.look_up(key?, compute).await })
                });
            }
            match missed.as_mut() {
                Some(missed) => missed.as_mut().poll(context).map_ok(&give),
                None => unreachable!("it misses if it does not hit"),
            }
        })
    }

    /// The result, where it was no [`hit`](Self::hit) a moment ago.
    pub(super) async fn look_up<T, E, C, F>(self, key: Key, compute: C) -> Result<Found<'static, T>>
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
