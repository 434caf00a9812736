//! A model: the function that computes what a program shows.
//!
//! Run in step 8 of an invocation, and not at all on a hit.

use std::fmt;
use std::pin::Pin;

#[doc(hidden)]
pub use serde;
use serde::Serialize;
use serde::de::DeserializeOwned;

use giotto_cache::CacheControl;

use crate::app::App;
use crate::error::{Error, Redirection, Result};
use crate::request::Controller;

/// A function that a [`Program`](crate::Program) can run.
///
/// Implemented by `#[model]`, and for every `fn(A) -> R` and `async fn(A) -> R` where `A` is one struct of
/// arguments and `R` a [`Reply`]; a second parameter is taken [from the context](FromContext). `M` only tells these
/// implementations apart; it is never written.
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
    fn call(&self, arguments: Self::Arguments, context: &Context) -> Call<Self::Output>;

    /// Whether it may set how long its result is fresh: it asks for a [`CacheControl`].
    fn sets_time(&self) -> bool {
        false
    }

    /// What its author says of it.
    fn documentation(&self) -> Documentation {
        Documentation::default()
    }
}

/// What a model may ask for beside its arguments.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) control: CacheControl,
    /// Only for the programs of the operator: what depended on it and were cached would be shown to the others, too.
    pub(crate) controller: Controller,
    pub(crate) app: App,
}

/// What a model's parameter can be that is no argument: a [`CacheControl`], or the [`App`] that it runs in.
pub trait FromContext: Send + 'static {
    /// Whether the model can set how long its result is fresh by it.
    const SETS_TIME: bool = false;

    /// The parameter.
    fn from_context(context: &Context) -> Self;
}

impl FromContext for CacheControl {
    const SETS_TIME: bool = true;

    fn from_context(context: &Context) -> Self {
        context.control.clone()
    }
}

impl FromContext for App {
    fn from_context(context: &Context) -> Self {
        context.app.clone()
    }
}

/// A computation that is about to run.
pub enum Call<T> {
    /// Of an ordinary function: it may compute or block for long, so it runs on the blocking pool.
    Blocking(Box<dyn FnOnce() -> Result<T> + Send>),
    /// Of an async function: it is awaited.
    Awaited(Pending<T>),
}

/// A result that is yet to come.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// What the author of a model says of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Documentation {
    /// Of the model.
    pub model: &'static str,
    /// Of its parameters, by name.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// What a model may return: a value, a [`Redirection`], or a `Result` of a value.
///
/// `M` only tells the implementations apart; it is never written.
#[diagnostic::on_unimplemented(
    message = "a model cannot return `{Self}`",
    note = "a model returns a value that implements Serialize, a Redirection, or a Result whose error \
            implements std::error::Error or is a giotto::Error, an InvalidInput or a Redirection"
)]
pub trait Reply<M>: Send + 'static {
    /// What is left when errors and redirections are taken out.
    type Value: Send + Sync + 'static;

    /// The value, or why there is none.
    fn into_result(self) -> Result<Self::Value>;
}

/// Marks a [`Reply`] that is a value.
#[derive(Debug)]
pub struct Plain;
/// Marks a [`Reply`] that is a `Result`.
#[derive(Debug)]
pub struct Fallible;

impl<T: Serialize + Send + Sync + 'static> Reply<Plain> for T {
    type Value = T;

    fn into_result(self) -> Result<T> {
        Ok(self)
    }
}

impl<T, E> Reply<Fallible> for Result<T, E>
where
    T: Send + Sync + 'static,
    E: Into<Error> + Send + 'static,
{
    type Value = T;

    fn into_result(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// Marks a [`Reply`] that is a [`Redirection`].
#[derive(Debug)]
pub struct Elsewhere;

impl Reply<Elsewhere> for Redirection {
    type Value = ();

    fn into_result(self) -> Result<()> {
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

    fn call(&self, arguments: A, _: &Context) -> Call<R::Value> {
        let model = self.clone();
        Call::Blocking(Box::new(move || model(arguments).into_result()))
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

    fn call(&self, arguments: A, _: &Context) -> Call<R::Value> {
        let pending = self(arguments);
        Call::Awaited(Box::pin(async move { pending.await.into_result() }))
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

    fn sets_time(&self) -> bool {
        C::SETS_TIME
    }

    fn call(&self, arguments: A, context: &Context) -> Call<R::Value> {
        let (model, context) = (self.clone(), C::from_context(context));
        Call::Blocking(Box::new(move || model(arguments, context).into_result()))
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

    fn sets_time(&self) -> bool {
        C::SETS_TIME
    }

    fn call(&self, arguments: A, context: &Context) -> Call<R::Value> {
        let pending = self(arguments, C::from_context(context));
        Call::Awaited(Box::pin(async move { pending.await.into_result() }))
    }
}

impl<T: 'static> Call<T> {
    /// Runs the computation and then `view` on its result, in the same place.
    pub(crate) async fn then<V>(
        self,
        view: impl FnOnce(&T) -> Result<V> + Send + 'static,
    ) -> Result<V>
    where
        V: Send + 'static,
    {
        match self {
            Self::Awaited(pending) => view(&pending.await?),
            Self::Blocking(run) => {
                let task = tokio::task::spawn_blocking(move || view(&run()?));
                match task.await {
                    Ok(result) => result,
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => Err(Error::other("the application is shutting down")),
                    },
                }
            }
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocking(_) => "Blocking",
            Self::Awaited(_) => "Awaited",
        })
    }
}
