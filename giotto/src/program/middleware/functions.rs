//! The functions that are middleware: ordinary or async, without a state or with one.
//!
//! Before the first request: each becomes a [`Check`] or a [`Finish`].

use std::sync::Arc;

use super::{Check, Finish, InputMiddleware, OutputMiddleware, Required, RunCheck, RunFinish};
use crate::error::Result;
use crate::page::Page;
use crate::request::Request;
use crate::state::{FromState, StateType, States};

/// Marks middleware that is an ordinary function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Now;
/// Marks middleware that is an async function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Later;

/// An async function of an `A`, which may borrow: its future depends on the lifetimes in `A`.
#[doc(hidden)]
pub trait Awaited<A> {
    type Pending: Future<Output = Result<()>> + Send;

    fn start(&self, given: A) -> Self::Pending;
}

impl<F, A, P> Awaited<(A,)> for F
where
    F: Fn(A) -> P,
    P: Future<Output = Result<()>> + Send,
{
    type Pending = P;

    fn start(&self, (a,): (A,)) -> P {
        self(a)
    }
}

impl<F, A, B, P> Awaited<(A, B)> for F
where
    F: Fn(A, B) -> P,
    P: Future<Output = Result<()>> + Send,
{
    type Pending = P;

    fn start(&self, (a, b): (A, B)) -> P {
        self(a, b)
    }
}

impl<F, A, B, C, P> Awaited<(A, B, C)> for F
where
    F: Fn(A, B, C) -> P,
    P: Future<Output = Result<()>> + Send,
{
    type Pending = P;

    fn start(&self, (a, b, c): (A, B, C)) -> P {
        self(a, b, c)
    }
}

/// The parameter `P` of a function.
fn parameter<P: FromState>(states: &States) -> Result<P> {
    P::from_state(&states.get("the middleware")?)
}

impl<F> InputMiddleware<Now> for F
where
    F: Fn(&mut Request<'_>) -> Result<()> + Send + Sync + 'static,
{
    fn into_check(self) -> Check {
        Check {
            run: RunCheck::Now(Arc::new(move |request, _| self(request))),
            required: Required::of::<F>(None),
        }
    }
}

impl<F, P> InputMiddleware<(Now, P)> for F
where
    F: Fn(&mut Request<'_>, P) -> Result<()> + Send + Sync + 'static,
    P: FromState,
{
    fn into_check(self) -> Check {
        Check {
            run: RunCheck::Now(Arc::new(move |request, states| {
                self(request, parameter(states)?)
            })),
            required: Required::of::<F>(Some(StateType::of::<P::State>())),
        }
    }
}

impl<F> InputMiddleware<Later> for F
where
    F: for<'a, 'r> Awaited<(&'a mut Request<'r>,)> + Send + Sync + 'static,
{
    fn into_check(self) -> Check {
        Check {
            run: RunCheck::Later(Arc::new(move |request, _| Box::pin(self.start((request,))))),
            required: Required::of::<F>(None),
        }
    }
}

impl<F, P> InputMiddleware<(Later, P)> for F
where
    F: for<'a, 'r> Awaited<(&'a mut Request<'r>, P)> + Send + Sync + 'static,
    P: FromState,
{
    fn into_check(self) -> Check {
        Check {
            run: RunCheck::Later(Arc::new(move |request, states| match parameter(states) {
                Ok(parameter) => Box::pin(self.start((request, parameter))),
                Err(error) => Box::pin(std::future::ready(Err(error))),
            })),
            required: Required::of::<F>(Some(StateType::of::<P::State>())),
        }
    }
}

impl<F> OutputMiddleware<Now> for F
where
    F: Fn(&Request<'_>, &mut Page) -> Result<()> + Send + Sync + 'static,
{
    fn into_finish(self) -> Finish {
        Finish {
            run: RunFinish::Now(Box::new(move |request, page, _| self(request, page))),
            required: Required::of::<F>(None),
        }
    }
}

impl<F, P> OutputMiddleware<(Now, P)> for F
where
    F: Fn(&Request<'_>, &mut Page, P) -> Result<()> + Send + Sync + 'static,
    P: FromState,
{
    fn into_finish(self) -> Finish {
        Finish {
            run: RunFinish::Now(Box::new(move |request, page, states| {
                self(request, page, parameter(states)?)
            })),
            required: Required::of::<F>(Some(StateType::of::<P::State>())),
        }
    }
}

impl<F> OutputMiddleware<Later> for F
where
    F: for<'a, 'r> Awaited<(&'a Request<'r>, &'a mut Page)> + Send + Sync + 'static,
{
    fn into_finish(self) -> Finish {
        Finish {
            run: RunFinish::Later(Box::new(move |request, page, _| {
                Box::pin(self.start((request, page)))
            })),
            required: Required::of::<F>(None),
        }
    }
}

impl<F, P> OutputMiddleware<(Later, P)> for F
where
    F: for<'a, 'r> Awaited<(&'a Request<'r>, &'a mut Page, P)> + Send + Sync + 'static,
    P: FromState,
{
    fn into_finish(self) -> Finish {
        Finish {
            run: RunFinish::Later(Box::new(move |request, page, states| {
                match parameter(states) {
                    Ok(parameter) => Box::pin(self.start((request, page, parameter))),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            })),
            required: Required::of::<F>(Some(StateType::of::<P::State>())),
        }
    }
}
