//! What may be said about a program at which of its stages: mistakes in the order are compile errors that name the remedy.
//!
//! Before the first request; see [`Program`].

use std::sync::Arc;

use super::definition::{Bare, Program, Ready, Tags};

/// The stage of a [`Program`] that may stand in a [`Manifest`](crate::Manifest).
///
/// Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "a program has no view: add `.view(BasicView::new())`, or another view, at its end",
    label = "one of these programs has no `.view(..)`"
)]
pub trait Complete: Sized {
    #[doc(hidden)]
    fn program(program: Program<Self>) -> Program;
}

impl Complete for Ready {
    fn program(program: Program) -> Program {
        program
    }
}

/// The stage of a [`Program`] that knows the types of its model.
///
/// Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "`.tags(..)`, `.invalidates(..)` and `.mock(..)` stand before `.view(..)`: move `.view(..)` to the end of the program",
    label = "after `.view(..)`, the program does not know the types of its model any more"
)]
pub trait BeforeView {
    /// The struct of the arguments.
    type Arguments: 'static;
    /// What the model computes.
    type Value;

    #[doc(hidden)]
    fn set_mock(&mut self, value: Self::Value);
}

impl<T, A: 'static> BeforeView for Bare<T, A> {
    type Arguments = A;
    type Value = T;

    fn set_mock(&mut self, value: T) {
        self.mock = Some(Arc::new(value));
    }
}

impl<S> Program<S> {
    /// The value that is shown instead of the model's result when the application runs with `--model-mock`.
    #[must_use]
    pub fn mock(mut self, value: S::Value) -> Self
    where
        S: BeforeView,
    {
        self.stage.set_mock(value);
        self
    }

    /// The tags of a page, by its arguments: `.tags(|args| [format!("user:{}", args.user)])`. To invalidate a tag makes all
    /// its pages old; use [`invalidates`](Self::invalidates) or
    /// [`Cache::invalidate`](giotto_cache::Cache::invalidate).
    #[must_use]
    pub fn tags<I>(mut self, tags: impl Fn(&S::Arguments) -> I + Send + Sync + 'static) -> Self
    where
        S: BeforeView,
        I: IntoIterator<Item: Into<String>>,
    {
        self.settings.tags = Some(erased(tags));
        self
    }

    /// For programs that write: the tags to invalidate, by the arguments. They are invalidated when the model has succeeded,
    /// before its caller gets the answer.
    #[must_use]
    pub fn invalidates<I>(
        mut self,
        tags: impl Fn(&S::Arguments) -> I + Send + Sync + 'static,
    ) -> Self
    where
        S: BeforeView,
        I: IntoIterator<Item: Into<String>>,
    {
        self.settings.invalidates = Some(erased(tags));
        self
    }
}

fn erased<A: 'static, I>(tags: impl Fn(&A) -> I + Send + Sync + 'static) -> Tags
where
    I: IntoIterator<Item: Into<String>>,
{
    Box::new(move |typed| tags(typed.as_ref()).into_iter().map(Into::into).collect())
}
