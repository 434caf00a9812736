//! What the models here have in common: arguments, their documentation, and how results are shown.
//!
//! Part of every program under `mgt/`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::context::{Context, Needs};
use crate::controller::cmd::HEADER;
use crate::error::{Error, InvalidInput, Result};
use crate::mime::TEXT_CMD;
use crate::program::model::{Call, Documentation, Model};
use crate::view::{BasicView, View};

/// The parameter of the programs that take the words of another invocation.
pub(super) const INVOCATION: &str = "invocation";
pub(super) const WORDS: (&str, &str) = (
    INVOCATION,
    "A program and its arguments, as on the command line itself: squared.html x=12, squared/12, or 'squared?x=12'. \
     Without a format it is what the command line shows.",
);

pub(super) const FIELDS: (&str, &str) = (
    HEADER,
    "A header field that the middleware of the program reads, such as 'accept-language: de'; a name alone is a field that \
     the request does not have.",
);

/// The arguments of a program that takes none.
#[derive(Serialize, Deserialize)]
pub(super) struct Nothing {}

/// The arguments of a program that takes another invocation, its words and its header fields, and nothing else.
#[derive(Serialize, Deserialize)]
pub(super) struct Words {
    #[serde(default)]
    pub(super) invocation: Vec<String>,
    #[serde(default)]
    pub(super) header: Vec<String>,
}

/// A model with the documentation of its parameters, which `#[model]` would find in the source.
pub(super) struct Documented<F> {
    pub(super) model: F,
    pub(super) parameters: &'static [(&'static str, &'static str)],
}

impl<F: Model<M>, M> Model<M> for Documented<F> {
    type Arguments = F::Arguments;
    type Output = F::Output;

    fn call(&self, arguments: F::Arguments, context: &Context) -> Result<Call<F::Output>> {
        self.model.call(arguments, context)
    }

    fn needs(&self) -> Needs {
        self.model.needs()
    }

    fn documentation(&self) -> Documentation {
        Documentation {
            model: "",
            parameters: self.parameters,
        }
    }
}

/// A view of whole lines of text.
pub(super) fn shown<T: Serialize + fmt::Display + 'static>() -> View<T> {
    let view = BasicView::new().text(T::to_string);
    view.shows(TEXT_CMD, T::to_string)
}

/// Refuses the parameter `name`, which was given as `given`.
pub(super) fn refused(name: &str, given: impl Into<String>, message: impl Into<String>) -> Error {
    InvalidInput::new().field(name, given, message).into()
}
