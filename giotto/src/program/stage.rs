//! What may be said about a program at which of its stages: mistakes in the order are compile errors that name the remedy.
//!
//! Before the first request; see [`Program`].

use std::sync::Arc;

use super::definition::{Bare, Program, Ready};

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
