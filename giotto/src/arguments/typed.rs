//! Bound arguments whose type is erased.
//!
//! Step 3 of an invocation makes them, step 6 gives them to the model.

use std::any::Any;

/// The struct of arguments of one model, its type erased.
pub(crate) struct Typed(Box<dyn Any + Send>);

impl Typed {
    pub(crate) fn new<A: Send + 'static>(arguments: A) -> Self {
        Self(Box::new(arguments))
    }

    pub(crate) fn downcast<A: 'static>(self) -> A {
        *self
            .0
            .downcast()
            .expect("arguments are bound and used by the same program")
    }

    pub(crate) fn as_ref<A: 'static>(&self) -> &A {
        self.0
            .downcast_ref()
            .expect("arguments are bound and used by the same program")
    }
}
