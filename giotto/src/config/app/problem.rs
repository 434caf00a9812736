//! Why settings cannot be read into the struct of the application.
//!
//! Before the application is made.

use std::fmt;

use serde::de;

use crate::error::{Error, listed};

/// The most names that an error lists.
const MAX_LISTED: usize = 20;

/// Why a value is refused. It shows no value, which may be a secret.
#[derive(Debug)]
pub(super) enum Problem {
    /// Its setting is not known yet.
    Refused(String),
    /// In the words of a type of the application, which may have the value in them.
    Custom(String),
    /// A field of the struct that is read.
    Missing(&'static str),
    /// Complete.
    Placed(Error),
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::Custom(problem.to_string())
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Refused(format!("expected {expected}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Refused(format!("expected {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let expected = expected.iter().map(|name| format!("{name:?}"));
        Self::Refused(format!("expected one of {}", listed(expected, MAX_LISTED)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) | Self::Custom(problem) => f.write_str(problem),
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::Placed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}
