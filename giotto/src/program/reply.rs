//! A reply: what a model may return.
//!
//! Step 6 of an invocation takes the value out of it, or the reason why there is none.

use serde::Serialize;

use crate::error::{Error, Redirection, Result};
use crate::response::{MaySetCookies, Response};

mod sealed {
    //! Keeps applications from implementing the trait of this file that may change.

    pub trait Reply<M> {}
}

/// What a model may return: a value, a [`Response`] with one, a [`Redirection`], or a `Result` of a value or [`Response`].
///
/// `M` distinguishes the implementations and is never written. Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "a model cannot return `{Self}`: add `#[derive(Serialize)]` to it, or return a Response, a Redirection or a Result",
    note = "a model returns a value that implements Serialize, a Response, a Redirection, or a Result whose error \
            implements std::error::Error or is a giotto::Error, an InvalidInput or a Redirection"
)]
pub trait Reply<M>: sealed::Reply<M> + 'static {
    /// The value, without errors and redirections.
    type Value: Send + Sync + 'static;

    /// Whether it may set cookies.
    #[doc(hidden)]
    const SETS_COOKIES: bool = false;

    /// The value and what belongs to its page, or the reason why there is none.
    #[doc(hidden)]
    fn into_result(self) -> Result<Response<Self::Value>>;
}

/// A [`Reply`] that is a `Result`. `#[model]` asks for it where the function returns one, so that a `Result` that implements
/// `Serialize` is not a value.
///
/// Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "a model cannot return `{Self}`: its error is a `giotto::Error`, a `Box<dyn std::error::Error + Send + Sync>`, or \
               implements `std::error::Error`",
    note = "an InvalidInput, a Redirection and a text may be the error, too"
)]
pub trait FallibleReply<M>: Reply<M> {}

#[diagnostic::do_not_recommend]
impl<T, E> FallibleReply<Fallible> for Result<T, E> where Self: Reply<Fallible> {}
#[diagnostic::do_not_recommend]
impl<T, E> FallibleReply<FallibleDescribed> for Result<T, E> where Self: Reply<FallibleDescribed> {}

/// Requires that a model can return `R`. `#[model]` calls it, or [`fallible_reply`] if its function returns a `Result`.
#[doc(hidden)]
pub const fn reply<R: Reply<M>, M>() {}

/// Requires that a model can return the `Result` `R`.
#[doc(hidden)]
pub const fn fallible_reply<R: FallibleReply<M>, M>() {}

/// Marks a [`Reply`] that is a value.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;
/// Marks a [`Reply`] that is a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallible;

/// Marks a [`Reply`] that is a [`Response`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Described;
/// Marks a [`Reply`] that is a `Result` of a [`Response`].
#[doc(hidden)]
#[derive(Debug)]
pub struct FallibleDescribed;

impl<T: Serialize> sealed::Reply<Plain> for T {}
impl<T, C> sealed::Reply<Described> for Response<T, C> {}
impl<T, C, E> sealed::Reply<FallibleDescribed> for Result<Response<T, C>, E> {}
impl<T, E> sealed::Reply<Fallible> for Result<T, E> {}
impl sealed::Reply<Elsewhere> for Redirection {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + Sync + 'static> Reply<Plain> for T {
    type Value = T;

    fn into_result(self) -> Result<Response<T>> {
        Ok(Response::new(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T, E> Reply<Fallible> for Result<T, E>
where
    T: Send + Sync + 'static,
    E: Into<Error> + 'static,
{
    type Value = T;

    fn into_result(self) -> Result<Response<T>> {
        self.map(Response::new).map_err(Into::into)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static, C: MaySetCookies> Reply<Described> for Response<T, C>
where
    Self: Send,
{
    type Value = T;
    const SETS_COOKIES: bool = C::SETS_COOKIES;

    fn into_result(self) -> Result<Response<T>> {
        Ok(self.checked()?.marked())
    }
}

#[diagnostic::do_not_recommend]
impl<T, C, E> Reply<FallibleDescribed> for Result<Response<T, C>, E>
where
    T: Send + Sync + 'static,
    C: MaySetCookies,
    Response<T, C>: Send,
    E: Into<Error> + 'static,
{
    type Value = T;
    const SETS_COOKIES: bool = C::SETS_COOKIES;

    fn into_result(self) -> Result<Response<T>> {
        Ok(self.map_err(Into::into)?.checked()?.marked())
    }
}

/// Marks a [`Reply`] that is a [`Redirection`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Elsewhere;

#[diagnostic::do_not_recommend]
impl Reply<Elsewhere> for Redirection {
    type Value = ();

    fn into_result(self) -> Result<Response<()>> {
        Err(self.into())
    }
}
