//! A model: the function that computes what a program shows.
//!
//! Step 6 of an invocation runs it. A cache hit does not.

#[doc(hidden)]
pub use serde;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[doc(hidden)]
pub use super::call::Call;
pub use crate::context::FromContext;
#[doc(hidden)]
pub use crate::context::{Context, Needs};
use crate::error::{Error, Redirection, Result};
use crate::response::{MaySetCookies, Response};

/// A function that a [`Program`](crate::Program) can run.
///
/// `#[model]` implements it. Every `fn(A) -> R` and `async fn(A) -> R` implements it, too, where `A` is one struct of
/// arguments and `R` a [`Reply`]; a second parameter comes [from the context](FromContext). `M` distinguishes these
/// implementations and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    note = "a model is a function marked #[model], or one that takes a single struct which implements \
            Deserialize and Serialize, and returns a value that implements Serialize, or a Result of one"
)]
pub trait Model<M>: Send + Sync + 'static {
    /// The struct of its arguments; serde gives their names and order.
    type Arguments: DeserializeOwned + Serialize + Send + 'static;
    /// What it computes.
    type Output: Send + Sync + 'static;

    /// Starts one computation.
    #[doc(hidden)]
    fn call(&self, arguments: Self::Arguments, context: &Context) -> Result<Call<Self::Output>>;

    /// What it asks for besides its arguments.
    #[doc(hidden)]
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Whether it may set cookies, because its result is a [`Response`] with [`Cookies`](crate::Cookies).
    #[doc(hidden)]
    fn sets_cookies(&self) -> bool {
        false
    }

    /// Its doc comments.
    #[doc(hidden)]
    fn documentation(&self) -> Documentation {
        Documentation::default()
    }
}

pub(crate) mod sealed {
    //! Keeps applications from implementing the trait of this file that may change.

    pub trait Reply<M> {}
}

/// What `#[model]` finds in the doc comments of a function.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Documentation {
    /// Of the model.
    pub model: &'static str,
    /// Of its parameters, by name.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// What a model may return: a value, a [`Response`] with one, a [`Redirection`], or a `Result` of a value or [`Response`].
///
/// `M` distinguishes the implementations and is never written. Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "a model cannot return `{Self}`",
    note = "a model returns a value that implements Serialize, a Response, a Redirection, or a Result whose error \
            implements std::error::Error or is a giotto::Error, an InvalidInput or a Redirection"
)]
pub trait Reply<M>: sealed::Reply<M> + Send + 'static {
    /// The value, without errors and redirections.
    type Value: Send + Sync + 'static;

    /// Whether it may set cookies.
    #[doc(hidden)]
    const SETS_COOKIES: bool = false;

    /// The value and what belongs to its page, or the reason why there is none.
    #[doc(hidden)]
    fn into_result(self) -> Result<Response<Self::Value>>;
}

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

impl<T: Serialize + Send + Sync + 'static> Reply<Plain> for T {
    type Value = T;

    fn into_result(self) -> Result<Response<T>> {
        Ok(Response::new(self))
    }
}

impl<T, E> Reply<Fallible> for Result<T, E>
where
    T: Send + Sync + 'static,
    E: Into<Error> + Send + 'static,
{
    type Value = T;

    fn into_result(self) -> Result<Response<T>> {
        self.map(Response::new).map_err(Into::into)
    }
}

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

impl<T, C, E> Reply<FallibleDescribed> for Result<Response<T, C>, E>
where
    T: Send + Sync + 'static,
    C: MaySetCookies,
    Response<T, C>: Send,
    E: Into<Error> + Send + 'static,
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

impl Reply<Elsewhere> for Redirection {
    type Value = ();

    fn into_result(self) -> Result<Response<()>> {
        Err(self.into())
    }
}

impl<F, A, R, M> Model<fn(A) -> (R, M)> for F
where
    F: Fn(A) -> R + Send + Sync + Clone + 'static,
    A: DeserializeOwned + Serialize + Send + 'static,
    R: Reply<M>,
{
    type Arguments = A;
    type Output = R::Value;

    fn sets_cookies(&self) -> bool {
        R::SETS_COOKIES
    }

    fn call(&self, arguments: A, _: &Context) -> Result<Call<R::Value>> {
        let model = self.clone();
        Ok(Call::Blocking(Box::new(move || {
            model(arguments).into_result()
        })))
    }
}

impl<F, A, P, R, M> Model<(fn(A) -> P, R, M)> for F
where
    F: Fn(A) -> P + Send + Sync + 'static,
    A: DeserializeOwned + Serialize + Send + 'static,
    P: Future<Output = R> + Send + 'static,
    R: Reply<M>,
{
    type Arguments = A;
    type Output = R::Value;

    fn sets_cookies(&self) -> bool {
        R::SETS_COOKIES
    }

    fn call(&self, arguments: A, _: &Context) -> Result<Call<R::Value>> {
        let pending = self(arguments);
        Ok(Call::Awaited(Box::pin(async move {
            pending.await.into_result()
        })))
    }
}

impl<F, A, C, R, M> Model<fn(A, C) -> (R, M)> for F
where
    F: Fn(A, C) -> R + Send + Sync + Clone + 'static,
    A: DeserializeOwned + Serialize + Send + 'static,
    C: FromContext,
    R: Reply<M>,
{
    type Arguments = A;
    type Output = R::Value;

    fn needs(&self) -> Needs {
        Needs::default().of::<C>()
    }

    fn sets_cookies(&self) -> bool {
        R::SETS_COOKIES
    }

    fn call(&self, arguments: A, context: &Context) -> Result<Call<R::Value>> {
        let (model, context) = (self.clone(), C::from_context(context)?);
        Ok(Call::Blocking(Box::new(move || {
            model(arguments, context).into_result()
        })))
    }
}

impl<F, A, C, P, R, M> Model<(fn(A, C) -> P, R, M)> for F
where
    F: Fn(A, C) -> P + Send + Sync + 'static,
    A: DeserializeOwned + Serialize + Send + 'static,
    C: FromContext,
    P: Future<Output = R> + Send + 'static,
    R: Reply<M>,
{
    type Arguments = A;
    type Output = R::Value;

    fn needs(&self) -> Needs {
        Needs::default().of::<C>()
    }

    fn sets_cookies(&self) -> bool {
        R::SETS_COOKIES
    }

    fn call(&self, arguments: A, context: &Context) -> Result<Call<R::Value>> {
        let pending = self(arguments, C::from_context(context)?);
        Ok(Call::Awaited(Box::pin(async move {
            pending.await.into_result()
        })))
    }
}
