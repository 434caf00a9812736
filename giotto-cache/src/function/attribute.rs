//! What `#[cached]` makes of a function: a call of [`Function`], with the errors of the function itself.
//!
//! Before step 1 of a lookup, and after step 7. The attribute knows the text of a type and not the type, so that the compiler
//! chooses here, by the order in which it looks for methods: [`Kind`] is a `Result` or not, and the error of one can be cloned
//! or not.

use std::borrow::Cow;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub use serde;
use serde::Serialize;

use super::{BoxError, Function, Value, storing};
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::log::Cut;
use crate::lookup::Mode;
use crate::policy::Policy;

/// Where a function with the attribute is.
#[derive(Debug)]
pub struct Site {
    /// Its name with the modules that it is in.
    path: &'static str,
    /// Its file and line, for messages.
    place: &'static str,
    /// The type that it was first called as a method of, and its name with that.
    method: OnceLock<(&'static str, String)>,
    /// The cache that knows its name.
    known_to: AtomicU64,
}

impl Site {
    #[must_use]
    pub const fn new(path: &'static str, place: &'static str) -> Self {
        Self {
            path,
            place,
            method: OnceLock::new(),
            known_to: AtomicU64::new(0),
        }
    }

    /// The name of a free function.
    #[must_use]
    pub const fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.path)
    }

    /// The name of the method `name` of a `T`.
    #[must_use]
    pub fn method<T: ?Sized>(&'static self, name: &str) -> Cow<'static, str> {
        let own = std::any::type_name::<T>();
        let made = || format!("{own}::{name}");
        match self.method.get_or_init(|| (own, made())) {
            (known, name) if *known == own => Cow::Borrowed(name),
            // A generic type has its methods once for each type.
            _ => Cow::Owned(made()),
        }
    }
}

/// The function at `site`. If another one has its name, every call computes.
#[must_use]
pub fn function<'c>(
    cache: &'c Cache,
    site: &'static Site,
    name: &'c str,
    policy: Policy,
    tags: Vec<String>,
) -> Function<'c> {
    let function = cache.function(name).policy(policy).tags(tags);
    let names = &cache.engine().names;
    // Once for each function, as long as it has one cache.
    if site.known_to.load(Ordering::Relaxed) == names.id() {
        return function;
    }
    let Some(other) = names.take(name, site.place) else {
        site.known_to.store(names.id(), Ordering::Relaxed);
        return function;
    };
    let (program, place) = (name.to_owned(), site.place);
    cache.engine().log.tell(("two functions", site.place), move |repeated| {
        tracing::error!(
            program,
            place,
            other,
            repeated,
            "two cached functions have one name: the second is not cached; give it another with #[cached(name = \"..\")]"
        );
    });
    function.mode(Mode::Bypass)
}

/// The own value of a parameter that is borrowed, for the task that computes.
pub fn owned<T: Borrowed + ?Sized>(value: &T) -> T::Owned {
    value.to_owned()
}

/// What can be borrowed by a function with the attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be borrowed by a cached function",
    label = "it has no clone for the task that computes",
    note = "the function runs in a task of its own, which goes on without its caller: implement `Clone`, or take an `Arc<..>`"
)]
pub trait Borrowed: ToOwned {}

impl<T: ToOwned + ?Sized> Borrowed for T {}

/// A parameter that is part of the key.
pub fn argument<T: Argument + ?Sized>(value: &T) -> &T {
    value
}

/// What can be part of a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "it does not implement serde's `Serialize`",
    note = "every parameter of a cached function is part of its key: derive `Serialize`, or leave the parameter out with `#[skip]`"
)]
pub trait Argument: Serialize {}

impl<T: Serialize + ?Sized> Argument for T {}

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

/// The error of a function, before the compiler has looked at it.
#[derive(Clone, Copy, Debug)]
pub struct Errors<E>(PhantomData<fn() -> E>);

/// Each caller gets a clone of the error.
#[derive(Clone, Copy, Debug)]
pub struct Own<E>(PhantomData<fn() -> E>);

/// Each caller gets an error that is made from that of the cache.
#[derive(Clone, Copy, Debug)]
pub struct Made<E>(PhantomData<fn() -> E>);

/// A clone of the function's error, and for a call that takes too long one that is made from that of the cache.
#[derive(Clone, Copy, Debug)]
pub struct OwnOrMade<E>(PhantomData<fn() -> E>);

/// The first choice of [`Errors`].
pub trait IsCloned {
    type Found;

    fn errors(&self) -> Self::Found;
}

impl<E: std::error::Error + Clone + Send + Sync + 'static> IsCloned for Errors<E> {
    type Found = Own<E>;

    fn errors(&self) -> Own<E> {
        Own(PhantomData)
    }
}

/// The second choice of [`Errors`].
pub trait IsMade {
    type Found;

    fn errors(&self) -> Self::Found;
}

impl<E> IsMade for &Errors<E> {
    type Found = Made<E>;

    fn errors(&self) -> Made<E> {
        Made(PhantomData)
    }
}

/// An error that can be made from that of the cache.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a cached function",
    label = "each caller that waits gets the error, and this one cannot be cloned",
    note = "implement `std::error::Error` and `Clone` for it, or `From<giotto_cache::Error>`, whose source is then the error"
)]
pub trait MadeError: From<Error> {}

impl<E: From<Error>> MadeError for E {}

/// An error for a call that takes too long.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the function took longer than its `hard_timeout`",
    label = "it cannot be made from an error of the cache",
    note = "return a `Result<T, E>` whose `E` implements `From<giotto_cache::Error>`, or leave `hard_timeout` out"
)]
pub trait LateError: From<Error> {}

impl<E: From<Error>> LateError for E {}

/// What `negative_errors` chooses from.
#[diagnostic::on_unimplemented(
    message = "`negative_errors` chooses errors, and a function that returns `{Self}` has none",
    label = "it is not a `Result<T, E>`",
    note = "leave `negative_errors` out: a `None` is negative by itself"
)]
pub trait HasErrors {}

impl<T, E> HasErrors for Result<T, E> {}

/// How a caller gets its error.
pub trait Returned<E> {
    fn returned(&self, error: Error) -> E;
}

impl<E> Own<E> {
    /// With an error for a call that takes too long.
    #[must_use]
    pub const fn or_late(self) -> OwnOrMade<E>
    where
        E: LateError,
    {
        OwnOrMade(PhantomData)
    }
}

impl<E: std::error::Error + Clone + Send + Sync + 'static> Returned<E> for Own<E> {
    fn returned(&self, error: Error) -> E {
        match error.into_computed() {
            Ok(own) => own,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<E> Made<E> {
    /// It has one for a call that takes too long as well.
    #[must_use]
    pub const fn or_late(self) -> Self
    where
        E: LateError,
    {
        self
    }
}

impl<E: MadeError> Returned<E> for Made<E> {
    fn returned(&self, error: Error) -> E {
        E::from(error)
    }
}

impl<E: std::error::Error + Clone + From<Error> + Send + Sync + 'static> Returned<E>
    for OwnOrMade<E>
{
    fn returned(&self, error: Error) -> E {
        error.into_computed().unwrap_or_else(E::from)
    }
}

impl<T: Value + Clone, E: Into<BoxError> + 'static> Fallible<T, E> {
    /// How callers get the error.
    #[must_use]
    pub const fn errors(&self) -> Errors<E> {
        Errors(PhantomData)
    }

    pub fn key(&self, function: &Function<'_>, arguments: &impl Serialize) -> Result<Key> {
        function.key::<T>(arguments)
    }

    /// Calls the function.
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
        let value = function.call_key(key, |_| compute()).await;
        value
            .map(Arc::unwrap_or_clone)
            .map_err(|error| errors.returned(error))
    }

    pub fn key_storing(&self, function: &Function<'_>, arguments: &impl Serialize) -> Result<Key>
    where
        E: Value,
    {
        function.key::<Result<T, E>>(arguments)
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

impl<R: Value + Clone> Plain<R> {
    #[must_use]
    pub const fn errors(&self) -> Errors<Infallible> {
        Errors(PhantomData)
    }

    pub fn key(&self, function: &Function<'_>, arguments: &impl Serialize) -> Result<Key> {
        function.key::<R>(arguments)
    }

    pub fn key_storing(&self, function: &Function<'_>, arguments: &impl Serialize) -> Result<Key>
    where
        R: HasErrors,
    {
        self.key(function, arguments)
    }

    /// Calls the function.
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
