//! The value of a named argument of a request.
//!
//! Made by a controller or by middleware, read by step 3 of an invocation.

use std::borrow::Cow;
use std::fmt;

/// The value of a named argument, as it was given: text of a query, a form or the command line, or a member of a JSON
/// body. It displays as that text or JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Value<'r>(pub(crate) Given<'r>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<'r> {
    Text(Cow<'r, str>),
    Json(Box<serde_json::Value>),
}

impl<'r> Value<'r> {
    pub(crate) fn text(text: impl Into<Cow<'r, str>>) -> Self {
        Self(Given::Text(text.into()))
    }

    pub(crate) fn json(value: serde_json::Value) -> Self {
        Self(Given::Json(Box::new(value)))
    }

    /// The text; `None` for a member of a JSON body that is not a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Given::Text(text) => Some(text),
            Given::Json(value) => value.as_str(),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Given::Text(text) => f.write_str(text),
            Given::Json(value) => write!(f, "{value}"),
        }
    }
}
