//! Middleware: what runs around a program, on every request.
//!
//! Input middleware runs before step 3 of an invocation, output middleware after step 6, on hits as well.

mod functions;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::page::Page;
use crate::request::Request;
use crate::state::{Startup, StateType, States};

/// A function that [`input_middleware`](crate::Program::input_middleware) takes: of `&mut Request<'_>`, or of that and a
/// [`State`](crate::State) (or a type made [from one](crate::FromState)), with the result [`Result<()>`](Result). It may be async.
///
/// ```
/// use giotto::prelude::*;
/// use giotto::{Request, Result};
///
/// struct Accounts;
///
/// impl Accounts {
///     async fn user_of(&self, cookie: &str) -> Result<Option<String>> {
/// #       let _ = cookie;
///         Ok(None)
///     }
/// }
///
/// /// Sets the argument `user` to the reader who is signed in.
/// async fn sign_in(request: &mut Request<'_>, accounts: State<Accounts>) -> Result<()> {
///     let cookie = request.cookie("session").unwrap_or_default();
///     match accounts.user_of(cookie).await? {
///         Some(user) => request.set("user", user),
///         None => return Err(Redirection::to("/sign-in").into()),
///     }
///     Ok(())
/// }
///
/// #[model]
/// fn greet(user: String) -> String {
///     format!("Hello {user}")
/// }
///
/// let program = Program::new(greet).input_middleware(sign_in).view(BasicView::new());
/// let app = App::new(Manifest::new([("hello", program)])).state(Accounts);
/// assert!(app.check().is_ok());
/// ```
///
/// A closure has the type of its parameters written: `|request: &mut Request<'_>| ..`. `M` distinguishes the implementations and
/// is never written. Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "this is not input middleware: write `fn check(request: &mut Request<'_>) -> giotto::Result<()>`, or an `async fn`; \
               a second parameter may be a `State<..>`",
    label = "a closure has the types of its parameters written: `|request: &mut Request<'_>| ..`",
    note = "the future of an `async fn` must be Send: it keeps no Rc, RefCell or guard of a Mutex across an .await"
)]
pub trait InputMiddleware<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_check(self) -> Check;
}

/// A function that [`output_middleware`](crate::Program::output_middleware) takes: of `&Request<'_>` and `&mut Page`, or of these
/// and a [`State`](crate::State) (or a type made [from one](crate::FromState)), with the result [`Result<()>`](Result). It may be async.
///
/// `M` distinguishes the implementations and is never written. Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "this is not output middleware: write `fn finish(request: &Request<'_>, page: &mut Page) -> giotto::Result<()>`, or \
               an `async fn`; a third parameter may be a `State<..>`",
    label = "a closure has the types of its parameters written: `|request: &Request<'_>, page: &mut Page| ..`",
    note = "the future of an `async fn` must be Send: it keeps no Rc, RefCell or guard of a Mutex across an .await"
)]
pub trait OutputMiddleware<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_finish(self) -> Finish;
}

type Pending<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Input middleware. A clone shares it.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "applications do not see it")]
#[derive(Clone)]
pub struct Check {
    run: RunCheck,
    required: Required,
}

#[derive(Clone)]
enum RunCheck {
    Now(Arc<CheckNow>),
    Later(Arc<CheckLater>),
}

type CheckNow = dyn Fn(&mut Request<'_>, &States) -> Result<()> + Send + Sync;
type CheckLater = dyn for<'a> Fn(&'a mut Request<'_>, &'a States) -> Pending<'a> + Send + Sync;

/// Output middleware.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "applications do not see it")]
pub struct Finish {
    run: RunFinish,
    required: Required,
}

enum RunFinish {
    Now(Box<FinishNow>),
    Later(Box<FinishLater>),
}

type FinishNow = dyn Fn(&Request<'_>, &mut Page, &States) -> Result<()> + Send + Sync;
type FinishLater =
    dyn for<'a> Fn(&'a Request<'_>, &'a mut Page, &'a States) -> Pending<'a> + Send + Sync;

/// The states that a function takes, whose path is `name`.
#[derive(Clone)]
struct Required {
    name: &'static str,
    state: Option<StateType>,
}

impl Required {
    fn of<F>(state: Option<StateType>) -> Self {
        let name = std::any::type_name::<F>();
        Self { name, state }
    }

    fn check(&self, startup: &Startup<'_>) -> Result<()> {
        let middleware = || format!("the middleware {}", self.name);
        self.state
            .map_or(Ok(()), |state| startup.require(state, &middleware()))
    }
}

impl Check {
    /// Runs it on `request`. A panic in it is an error of the request and does not end the connection.
    pub(super) async fn run(&self, request: &mut Request<'_>, states: &States) -> Result<()> {
        match &self.run {
            RunCheck::Now(run) => unwound("middleware", || run(request, states)),
            RunCheck::Later(run) => awaited(|| run(request, states)).await,
        }
    }

    pub(super) fn check(&self, startup: &Startup<'_>) -> Result<()> {
        self.required.check(startup)
    }
}

impl Finish {
    /// Runs it on `page`. A panic in it is an error of the request and does not end the connection.
    pub(super) async fn run(
        &self,
        request: &Request<'_>,
        page: &mut Page,
        states: &States,
    ) -> Result<()> {
        match &self.run {
            RunFinish::Now(run) => unwound("middleware", || run(request, page, states)),
            RunFinish::Later(run) => awaited(|| run(request, page, states)).await,
        }
    }

    pub(super) fn check(&self, startup: &Startup<'_>) -> Result<()> {
        self.required.check(startup)
    }
}

/// Awaits what `start` makes.
async fn awaited<'a>(start: impl FnOnce() -> Pending<'a>) -> Result<()> {
    let mut pending = unwound("middleware", || Ok(start()))?;
    poll_fn(|context| {
        let poll = AssertUnwindSafe(|| pending.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|_| Err(panicked("middleware")).into())
    })
    .await
}

/// Runs `what`, which is code of the application. A panic in it is an error of the request and does not end the connection.
pub(super) fn unwound<T>(what: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(panicked(what)))
}

fn panicked(what: &str) -> Error {
    Error::other(format!("{what} panicked; its message is in the log"))
}
