//! Results of functions: any async function behind the cache, its result a value of a type instead of a page.
//!
//! Before step 1 of a lookup, beside `cache.rs`: the arguments become a key, in whose place for the media type is the
//! fingerprint of the result's type (`shape/`). After step 7: the bytes of the answer become a value again (`encoding.rs`).

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod attribute;
mod computation;
mod encoding;
mod guarded;
mod shape;
mod value;

use std::sync::Arc;

use serde::Serialize;

use self::computation::{Outcome, storing};
pub use self::value::{BoxError, Value};
use self::value::{is_value, keep, value_of};
use crate::cache::Cache;
use crate::computed::CacheControl;
use crate::engine::compute::Computation;
use crate::engine::computing::note_hit;
use crate::engine::read;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::literal;
use crate::lookup::{Lookup, Mode};
use crate::policy::Policy;
use crate::reason::Status;
use crate::trace;

/// A function of a [`Cache`] that has its name, and no [`Policy`] yet.
#[derive(Clone, Copy, Debug)]
pub struct FunctionName<'c> {
    cache: &'c Cache,
    name: &'c str,
}

/// A function whose results are stored: see [`Cache::function`].
#[derive(Clone, Debug)]
pub struct Function<'c> {
    cache: &'c Cache,
    name: &'c str,
    policy: Policy,
    tags: Vec<String>,
    mode: Mode,
    is_independent: bool,
}

impl Cache {
    /// The function of this name, whose results the cache stores. In keys, counters and lists it is a program of this name.
    ///
    /// The arguments are the key, as a [literal]. The result may have any type that serde writes and reads. A
    /// result that was stored as another type is not found: the key has a fingerprint of the names and kinds of its fields. Two
    /// functions must not have the same name.
    ///
    /// ```
    /// use giotto_cache::{Cache, LocMemKeyValue, Policy};
    ///
    /// # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)] struct User { id: u64, name: String }
    /// # async fn load(id: u64) -> Result<User, std::io::Error> { Ok(User { id, name: "Ada".to_owned() }) }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let cache = Cache::new(LocMemKeyValue::new());
    /// let id = 7;
    /// let user = cache.function("user").policy(Policy::seconds(60)).call(id, || load(id)).await?;
    /// assert_eq!(user.name, "Ada");
    /// # Ok::<(), giotto_cache::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn function<'c>(&'c self, name: &'c str) -> FunctionName<'c> {
        FunctionName { cache: self, name }
    }
}

impl<'c> FunctionName<'c> {
    /// How long results are fresh, and what is served after that. With a time for
    /// [negative results](Policy::negative), `None` is stored for that time; without one it is not stored.
    #[must_use]
    pub const fn policy(self, policy: Policy) -> Function<'c> {
        Function {
            cache: self.cache,
            name: self.name,
            policy,
            tags: Vec::new(),
            mode: Mode::Prefer,
            is_independent: false,
        }
    }
}

impl<'c> Function<'c> {
    /// The tags of the result of this call: see [`Lookup::tags`]. [`call_with`](Self::call_with) adds those that are known only
    /// when it is computed.
    #[must_use]
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags = tags.into_iter().map(Into::into).collect();
        Self { tags, ..self }
    }

    /// How this call may use the cache: with [`Mode::Refresh`] it computes, and stores the result.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Gives nothing to the computation that this call is made in: see [`Lookup::independent`].
    #[must_use]
    pub fn independent(self) -> Self {
        let is_independent = true;
        Self {
            is_independent,
            ..self
        }
    }

    /// The key of the result `T` of these arguments, for [`Cache::expire`], [`Cache::remove`] and [`Cache::explain`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`] if the arguments cannot be written.
    pub fn key<T: Value>(&self, arguments: &(impl Serialize + ?Sized)) -> Result<Key> {
        let arguments = literal::to_string(arguments)?;
        Ok(Key::new(self.name, arguments, shape::media_type::<T>()))
    }

    /// The stored result of these arguments while it may be served, otherwise that of `compute`.
    ///
    /// `compute` runs as in [`Cache::answer`]: once for all callers that ask at the same time, in a task of its own. It may
    /// call other functions of the cache, and itself: a call for a result that is being computed, and waits for this call,
    /// computes alone.
    ///
    /// # Errors
    ///
    /// Those of [`Cache::answer`]. An error of `compute` is not stored. All callers that waited get it:
    /// [`Error::into_computed`] returns the error itself.
    pub fn call<A, T, E, C, F>(
        self,
        arguments: A,
        compute: C,
    ) -> impl Future<Output = Result<T>> + use<'c, A, T, E, C, F>
    where
        A: Serialize,
        T: Value + Clone,
        E: Into<BoxError> + 'static,
        C: FnOnce() -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let shared = self.call_shared(arguments, compute);
        async move { shared.await.map(Arc::unwrap_or_clone) }
    }

    /// The same without a copy of the value for each caller.
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call).
    pub fn call_shared<A, T, E, C, F>(
        self,
        arguments: A,
        compute: C,
    ) -> impl Future<Output = Result<Arc<T>>> + use<'c, A, T, E, C, F>
    where
        A: Serialize,
        T: Value,
        E: Into<BoxError> + 'static,
        C: FnOnce() -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.call_with(arguments, |_| compute())
    }

    /// The same for a computation that controls how its result is stored: [`CacheControl::ttl`], [`CacheControl::tags`],
    /// [`CacheControl::no_store`].
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call).
    pub fn call_with<A, T, E, C, F>(
        self,
        arguments: A,
        compute: C,
    ) -> impl Future<Output = Result<Arc<T>>> + use<'c, A, T, E, C, F>
    where
        A: Serialize,
        T: Value,
        E: Into<BoxError> + 'static,
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        // Before the first step of the future, which need not hold the arguments.
        let key = self.key::<T>(&arguments);
        async move { self.call_key(key?, compute).await }
    }

    async fn call_key<T, E, C, F>(self, key: Key, compute: C) -> Result<Arc<T>>
    where
        T: Value,
        E: Into<BoxError> + 'static,
        C: FnOnce(CacheControl) -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        match self.hit(&key) {
            Some(value) => Ok(value),
            // Boxed, so that the future of a plain hit stays small.
            None => Box::pin(self.look_up(key, compute)).await,
        }
    }

    /// The same for a function some of whose errors say "there is no such thing". Those that are `negative` are stored for the
    /// time that the policy has for [negative results](Policy::negative), as `None` is. All others are not stored.
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call). [`Error::into_computed`] also returns an error that was stored.
    pub fn call_storing<A, T, E, C, F>(
        self,
        arguments: A,
        negative: impl FnOnce(&E) -> bool + Send + 'static,
        compute: C,
    ) -> impl Future<Output = Result<T>>
    where
        A: Serialize,
        T: Value + Clone,
        E: Value + std::error::Error + Clone,
        C: FnOnce() -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let shared = self.call_shared(arguments, || storing(negative, compute()));
        async move { Arc::unwrap_or_clone(shared.await?).map_err(Error::compute) }
    }

    /// A fresh result that has nothing but a time to live, in a store that answers at once.
    fn hit<T: Value>(&self, key: &Key) -> Option<Arc<T>> {
        // A subscriber that asks for spans gets one for each lookup.
        let is_plain = self.tags.is_empty() && self.mode == Mode::Prefer && self.policy.is_plain();
        if !is_plain || trace::is_on() {
            return None;
        }
        let engine = self.cache.engine();
        let answer = read::hit_now(engine, key, &self.policy)?;
        note_hit(engine, key, self.is_independent, &answer);
        value_of(engine, answer.entry).ok()
    }

    async fn look_up<T, E, C, F>(self, key: Key, compute: C) -> Result<Arc<T>>
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
                keep(engine, answer.entry, &value);
                return Ok(value);
            }
            // What is no value of the type is a miss the second time. Looking at each before it is served would decode twice.
            if let Ok(value) = value_of(engine, answer.entry) {
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
