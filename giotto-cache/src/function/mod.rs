//! Results of functions: any async function behind the cache, its result a value of a type instead of a page.
//!
//! Before step 1 of a lookup, beside `cache.rs`: the arguments become a key, in whose place for the media type is the
//! fingerprint of the result's type (`shape/`). After step 7: the bytes of the answer become a value again (`encoding.rs`).

mod arguments;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod attribute;
mod call;
mod computation;
mod encoding;
mod guarded;
mod hit;
mod shape;
mod value;

use std::sync::Arc;

use serde::Serialize;

use self::arguments::Arguments;
pub use self::call::Function;
use self::computation::storing;
pub use self::value::{BoxError, Value};
use crate::cache::Cache;
use crate::computed::CacheControl;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lookup::Mode;
use crate::policy::Policy;

/// A function of a [`Cache`] that has its name, and no [`Policy`] yet.
#[derive(Clone, Copy, Debug)]
pub struct FunctionName<'c> {
    cache: &'c Cache,
    name: &'c str,
}

impl Cache {
    /// The function of this name, whose results the cache stores. In keys, counters and lists it is a program of this name.
    ///
    /// The arguments are the key, as a [literal](crate::literal). The result may have any type that serde writes and reads. A
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
    /// The tags of the result of this call: see [`Lookup::tags`](crate::Lookup::tags). [`call_with`](Self::call_with) adds those
    /// that are known only when it is computed.
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

    /// Gives nothing to the computation that this call is made in: see [`Lookup::independent`](crate::Lookup::independent).
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
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) if the arguments cannot be written.
    pub fn key<T: Value>(&self, arguments: &(impl Serialize + ?Sized)) -> Result<Key> {
        Arguments::of(arguments).map(|arguments| self.key_of::<T>(&arguments))
    }

    /// The same of arguments that are written.
    fn key_of<T: Value>(&self, arguments: &Arguments) -> Key {
        Key::of_value(self.name, arguments.as_str(), shape::media_type::<T>())
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
        let arguments = Arguments::of(&arguments);
        self.call_written(arguments, |_| compute(), |found| found.own())
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
        let arguments = Arguments::of(&arguments);
        self.call_written(arguments, compute, |found| found.shared())
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
}
