//! How the callers of a function with the attribute get its error: a clone of it, or one that is made from that of the cache.
//!
//! After step 7 of a lookup. The compiler chooses, by the order in which it looks for methods.

use std::marker::PhantomData;

use crate::error::Error;
use crate::function::value::BoxError;

/// The error of a function, before the compiler has looked at it.
#[derive(Clone, Copy, Debug)]
pub struct Errors<E>(PhantomData<fn() -> E>);

impl<E> Errors<E> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

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
pub trait MadeError: From<Error> + Into<BoxError> {}

impl<E: From<Error> + Into<BoxError>> MadeError for E {}

/// An error for a call that takes too long.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the function took longer than its `hard_timeout`",
    label = "it cannot be made from an error of the cache",
    note = "return a `Result<T, E>` whose `E` implements `From<giotto_cache::Error>`, or leave `hard_timeout` out"
)]
pub trait LateError: From<Error> {}

impl<E: From<Error>> LateError for E {}

/// How a caller gets its error.
pub trait Returned<E> {
    fn returned(&self, error: Error) -> E;
}

impl<E> Own<E> {
    /// Nothing is wrong with it.
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

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
    /// Where the compiler says what is wrong with it.
    #[must_use]
    pub const fn checked(self) -> Self
    where
        E: MadeError,
    {
        self
    }

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
