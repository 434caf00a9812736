//! A model: the function that computes what a program shows.
//!
//! Step 6 of an invocation runs it. A cache hit does not.

#[doc(hidden)]
pub use serde;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[doc(hidden)]
pub use super::call::Call;
pub use super::reply::{FallibleReply, Reply};
#[doc(hidden)]
pub use super::reply::{fallible_reply, reply};
pub use crate::context::FromContext;
#[doc(hidden)]
pub use crate::context::{Context, Needs};
use crate::error::Result;

/// A function that a [`Program`](crate::Program) can run.
///
/// `#[model]` implements it. Every `fn(A) -> R` and `async fn(A) -> R` implements it, too, where `A` is one struct of
/// arguments and `R` a [`Reply`]; a second parameter comes [from the context](FromContext). `M` distinguishes these
/// implementations and is never written.
#[diagnostic::on_unimplemented(
    message = "this is not a model: mark the function `#[model]`, or take one struct that derives `Serialize` and `Deserialize`, \
               and perhaps a `State<..>`, and return a value that derives `Serialize`",
    note = "the result may also be a Response, a Redirection or a Result; the second parameter may also be a CacheControl or an App"
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

/// What `#[model]` finds in the doc comments of a function.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Documentation {
    /// Of the model.
    pub model: &'static str,
    /// Of its parameters, by name.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// A type that an argument may have.
///
/// Applications do not implement this trait: every type that implements `Serialize` and `Deserialize` has it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a model: take what all requests share as a `State<..>`, and give the value with \
               `App::new(manifest).state(..)`; an argument derives `Serialize` and `Deserialize`",
    label = "neither an argument nor a `State<..>`"
)]
pub trait Argument {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Serialize + Send + 'static> Argument for T {}

/// Requires that `T` can be an argument. `#[model]` calls it for its parameters.
#[doc(hidden)]
pub const fn argument<T: Argument>() {}

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
