//! The call of a function with the attribute, by what it returns: a `Result`, or any other type.
//!
//! Around a lookup. The compiler chooses, by the order in which it looks for methods.

use std::convert::Infallible;
use std::marker::PhantomData;

use serde::Serialize;

use super::errors::{Errors, Returned};
use crate::error::{Error, Result};
use crate::function::Function;
use crate::function::arguments::Arguments;
use crate::function::computation::storing;
use crate::function::value::{BoxError, Found, Value};
use crate::key::Key;
use crate::log::Cut;

/// What a function returns, before the compiler has looked at it.
#[derive(Clone, Copy, Debug)]
pub struct Kind<R>(PhantomData<fn() -> R>);

/// Of a function that returns a `Result<T, E>`.
#[derive(Clone, Copy, Debug)]
pub struct Fallible<T, E>(PhantomData<fn() -> (T, E)>);

/// Of a function that returns any other type.
#[derive(Clone, Copy, Debug)]
pub struct Plain<R>(PhantomData<fn() -> R>);

impl<R> Kind<R> {
    #[must_use]
    #[expect(clippy::new_without_default, reason = "code that is made calls it")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The first choice of [`Kind`].
pub trait IsResult {
    type Found;

    fn kind(&self) -> Self::Found;
}

impl<T, E> IsResult for Kind<Result<T, E>> {
    type Found = Fallible<T, E>;

    fn kind(&self) -> Fallible<T, E> {
        Fallible(PhantomData)
    }
}

/// The second choice of [`Kind`].
pub trait IsPlain {
    type Found;

    fn kind(&self) -> Self::Found;
}

impl<R> IsPlain for &Kind<R> {
    type Found = Plain<R>;

    fn kind(&self) -> Plain<R> {
        Plain(PhantomData)
    }
}

/// What `negative_errors` chooses from.
#[diagnostic::on_unimplemented(
    message = "`negative_errors` chooses errors, and a function that returns `{Self}` has none",
    label = "it is not a `Result<T, E>`",
    note = "leave `negative_errors` out: a `None` is negative by itself"
)]
pub trait HasErrors {}

impl<T, E> HasErrors for Result<T, E> {}

impl<T, E> Fallible<T, E> {
    /// How callers get the error.
    #[must_use]
    pub const fn errors(&self) -> Errors<E> {
        Errors::new()
    }

    /// Where the compiler says what is wrong with the result.
    #[must_use]
    pub const fn checked(self) -> Self
    where
        T: Value,
    {
        self
    }
}

impl<T: Value + Clone, E: Into<BoxError> + 'static> Fallible<T, E> {
    /// A result that is found at once; otherwise the key of the call.
    #[inline]
    pub fn hit(
        &self,
        function: &Function<'_>,
        arguments: &impl Serialize,
    ) -> Result<Result<T, E>, Result<Key>> {
        hit(function, arguments, |found| Ok(found.own()))
    }

    /// Calls the function, after there was no [`hit`](Self::hit).
    pub async fn call<C, F>(
        &self,
        errors: impl Returned<E>,
        function: Function<'_>,
        key: Result<Key>,
        compute: C,
    ) -> Result<T, E>
    where
        C: FnOnce() -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                log_unwritten(&function, &error);
                return compute().await;
            }
        };
        let found = function.look_up(key, |_| compute()).await;
        found
            .map(|found| found.own())
            .map_err(|error| errors.returned(error))
    }

    /// The same. Whether an error that was stored may be served, [`call_storing`](Self::call_storing) judges.
    #[inline]
    pub fn hit_storing(
        &self,
        function: &Function<'_>,
        arguments: &impl Serialize,
    ) -> Result<Result<T, E>, Result<Key>>
    where
        E: Value + Clone,
    {
        hit(function, arguments, |found| found.own())
    }

    /// Calls the function, whose errors are stored where they are `negative`.
    pub async fn call_storing<C, F>(
        &self,
        errors: impl Returned<E>,
        function: Function<'_>,
        key: Result<Key>,
        negative: impl FnOnce(&E) -> bool + Send + 'static,
        compute: C,
    ) -> Result<T, E>
    where
        E: Value + Clone,
        C: FnOnce() -> F,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let compute = || storing(negative, compute());
        let stored = Fallible::<Result<T, E>, E>(PhantomData);
        stored.call(errors, function, key, compute).await?
    }
}

impl<R> Plain<R> {
    #[must_use]
    pub const fn errors(&self) -> Errors<Infallible> {
        Errors::new()
    }

    /// Where the compiler says what is wrong with the result.
    #[must_use]
    pub const fn checked(self) -> Self
    where
        R: Value,
    {
        self
    }
}

impl<R: Value + Clone> Plain<R> {
    /// A result that is found at once; otherwise the key of the call.
    #[inline]
    pub fn hit(
        &self,
        function: &Function<'_>,
        arguments: &impl Serialize,
    ) -> Result<R, Result<Key>> {
        hit(function, arguments, |found| found.own())
    }

    pub fn hit_storing(
        &self,
        function: &Function<'_>,
        arguments: &impl Serialize,
    ) -> Result<R, Result<Key>>
    where
        R: HasErrors,
    {
        self.hit(function, arguments)
    }

    /// Calls the function, after there was no [`hit`](Self::hit).
    pub async fn call<C, F>(
        &self,
        errors: impl Returned<Infallible>,
        function: Function<'_>,
        key: Result<Key>,
        compute: C,
    ) -> R
    where
        C: FnOnce() -> F,
        F: Future<Output = R> + Send + 'static,
    {
        let fallible = Fallible::<R, Infallible>(PhantomData);
        let compute = || {
            let computation = compute();
            async move { Ok(computation.await) }
        };
        match fallible.call(errors, function, key, compute).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}

#[inline]
fn hit<T: Value, R>(
    function: &Function<'_>,
    arguments: &impl Serialize,
    give: impl Fn(Found<'_, T>) -> R,
) -> Result<R, Result<Key>> {
    let arguments = Arguments::of(arguments).map_err(Err)?;
    function.hit(&arguments, give).map_err(Ok)
}

fn log_unwritten(function: &Function<'_>, error: &Error) {
    let (program, error) = (function.name.to_owned(), Cut(error).to_string());
    function
        .cache
        .engine()
        .log
        .tell(("unwritten", program.clone()), move |repeated| {
            tracing::warn!(
                program,
                error,
                repeated,
                "the arguments of a call cannot be written as a key: it computes without the cache"
            );
        });
}
