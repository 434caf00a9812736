//! What sets the error of an invocation apart from all other errors, for the compiler alone.
//!
//! Part of no step.

use std::marker::PhantomData;

/// Makes [`Error`](super::Error) not `Unpin`, which every other error is.
///
/// An `Error` converts into a box, as all types do of which the implementation of [`From`] in `boxed.rs` speaks. But it already
/// converts into itself. The compiler accepts both because `Unpin` sets it apart.
#[derive(Clone)]
pub(super) struct NotUnpin<T = ()>(PhantomData<T>);

trait Never {}

impl<T: Never> Unpin for NotUnpin<T> {}

impl NotUnpin {
    pub(super) const NEW: Self = Self(PhantomData);
}
