//! One given value: text, or JSON.
//!
//! Part of step 3 of an invocation: `value` reads it as the type of a parameter.

use std::fmt;

use serde::de::IntoDeserializer;
use serde_json::Value as Json;

use super::refused::Refused;
use crate::request::{Given, Value};

static NULL: Json = Json::Null;

/// One value as it was given. A type with parts reads text as JSON: `{"a":1}`, `[1,2]`.
#[derive(Clone, Copy)]
pub(crate) enum One<'de> {
    Text(&'de str),
    Json(&'de Json),
}

impl<'de> One<'de> {
    /// What an empty text is for a type that refuses it.
    pub(crate) const NOTHING: One<'static> = One::Json(&NULL);

    pub(crate) fn of(value: &'de Value<'de>) -> Self {
        match &value.0 {
            Given::Text(text) => Self::Text(text),
            Given::Json(value) => Self::Json(value),
        }
    }
}

impl fmt::Display for One<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Json(value) => write!(f, "{value}"),
        }
    }
}

impl<'de> IntoDeserializer<'de, Refused> for One<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
