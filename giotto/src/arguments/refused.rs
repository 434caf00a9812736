//! A refused argument, on its way through serde to the error of the request.

use std::fmt;

use serde::de;
use serde_json::Value as Json;

use crate::error::{InvalidInput, quoted};

/// The message for a field that is given twice.
pub(crate) const TWICE: &str = "it is given twice";

/// What is wrong with an argument. serde finds the message before `bind` adds the name.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            value: String::new(),
            message: message.into(),
        }
    }

    /// The refusal of the argument `name`, which was given as `value`.
    pub(crate) fn of(name: &str, value: String, message: String) -> Self {
        Self {
            name: name.to_owned(),
            value,
            message,
        }
    }

    pub(super) fn text(text: &str, expected: &str) -> Self {
        Self::new(format!("{} is not {expected}", quoted(text)))
    }

    pub(super) fn json(value: &Json, expected: &str) -> Self {
        match value {
            Json::String(text) => Self::text(text, expected),
            Json::Array(_) => Self::new(format!("an array is not {expected}")),
            Json::Object(_) => Self::new(format!("an object is not {expected}")),
            value => Self::new(format!("{value} is not {expected}")),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_variant(variant: &str, variants: &'static [&'static str]) -> Self {
        Self::text(variant, &format!("one of '{}'", variants.join("', '")))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(field, String::new(), TWICE.to_owned())
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("it is missing: add {field}=VALUE");
        Self {
            name: field.to_owned(),
            ..Self::new(message)
        }
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<Refused> for InvalidInput {
    fn from(refused: Refused) -> Self {
        Self::new().field(refused.name, refused.value, refused.message)
    }
}
