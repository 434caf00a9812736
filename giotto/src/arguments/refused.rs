//! A refused argument, on its way through serde to the error of the request.

use std::fmt;

use serde::de;
use serde_json::Value as Json;

use crate::error::{InvalidInput, Refusal, quoted};

/// The message for a field that is given twice.
pub(crate) const TWICE: &str = "it is given twice";

/// What is wrong with an argument. serde finds the message before `bind` adds the name.
///
/// Boxed because a result of serde is moved at every level, and is hardly ever this.
#[derive(Debug)]
pub(crate) struct Refused(Box<Why>);

#[derive(Debug, Default)]
pub(crate) struct Why {
    /// The argument, or the part of it: `address.city`.
    pub(crate) name: String,
    /// The value that was refused, where it is known.
    pub(crate) value: Option<String>,
    pub(crate) message: String,
    pub(crate) refusal: Refusal,
}

impl Refused {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::by(Refusal::Other, message)
    }

    pub(crate) fn by(refusal: Refusal, message: impl Into<String>) -> Self {
        Self(Box::new(Why {
            message: message.into(),
            refusal,
            ..Why::default()
        }))
    }

    /// The same, of the argument `name`.
    pub(crate) fn of(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// The same, of something given as `value`, unless it is known which part of that is refused.
    pub(crate) fn given(mut self, value: impl FnOnce() -> String) -> Self {
        self.0.value.get_or_insert_with(value);
        self
    }

    /// The same, of a part of `whole`.
    pub(crate) fn within(mut self, whole: &str) -> Self {
        let why = &mut self.0;
        why.name = match why.name.as_str() {
            "" => whole.to_owned(),
            part => format!("{whole}.{part}"),
        };
        if why.refusal == Refusal::Missing && why.value.is_none() {
            why.message = missing_message(&why.name);
        }
        self
    }

    /// The same, of a text that the type `name` has refused in words of its own. Those of the types for dates and times are for
    /// developers.
    pub(crate) fn by_type(mut self, name: &str) -> Self {
        if self.0.refusal == Refusal::Other
            && let Some(refusal) = of_date_or_time(name)
        {
            self.0.refusal = refusal;
        }
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is an empty text that is refused.
    pub(crate) fn is_of_nothing(&self) -> bool {
        self.0.value.as_deref() == Some("")
    }

    /// The same, because nothing is given.
    pub(crate) fn missing_instead(mut self) -> Self {
        self.0.refusal = Refusal::Missing;
        self
    }

    pub(crate) fn why(self) -> Why {
        *self.0
    }

    pub(crate) fn is_twice(&self) -> bool {
        self.0.message == TWICE
    }

    /// A refusal of `text`, which is not what is `expected`.
    pub(super) fn text(text: &str, expected: &str, refusal: Refusal) -> Self {
        let message = format!("{} is not {expected}", quoted(text));
        Self::by(refusal, message).given(|| text.to_owned())
    }

    pub(super) fn json(value: &Json, expected: &str, refusal: Refusal) -> Self {
        match value {
            Json::String(text) => Self::text(text, expected, refusal),
            Json::Null => Self::by(Refusal::Missing, format!("null is not {expected}")),
            Json::Array(_) => Self::by(refusal, format!("an array is not {expected}")),
            Json::Object(_) => Self::by(refusal, format!("an object is not {expected}")),
            value => Self::by(refusal, format!("{value} is not {expected}")),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_variant(variant: &str, variants: &'static [&'static str]) -> Self {
        let expected = format!("one of '{}'", variants.join("', '"));
        Self::text(variant, &expected, Refusal::NotOneOf(variants))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::by(Refusal::Repeated, TWICE).of(field)
    }

    fn missing_field(field: &'static str) -> Self {
        missing(field)
    }
}

/// The refusal of a text that is no value of the type `name`, if that is one of those for dates and times.
fn of_date_or_time(name: &str) -> Option<Refusal> {
    let name = name.split('<').next()?;
    let (library, _) = name.split_once("::")?;
    let (_, own) = name.rsplit_once("::")?;
    Some(match (library, own) {
        ("jiff" | "chrono" | "time", "Date" | "NaiveDate") => Refusal::NotADate,
        ("jiff" | "chrono", "Time" | "NaiveTime") => Refusal::NotATime,
        ("jiff", "DateTime") | ("chrono", "NaiveDateTime") => {
            Refusal::NotADateTime { has_zone: false }
        }
        ("jiff", "Timestamp") | ("chrono", "DateTime") => Refusal::NotADateTime { has_zone: true },
        _ => return None,
    })
}

/// The refusal of an argument, or a part of one, for which nothing is given.
pub(super) fn missing(name: &str) -> Refused {
    Refused::by(Refusal::Missing, missing_message(name)).of(name)
}

fn missing_message(name: &str) -> String {
    format!("it is missing: add {name}=VALUE")
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<Refused> for InvalidInput {
    fn from(refused: Refused) -> Self {
        Self::new().and(refused)
    }
}

impl InvalidInput {
    pub(super) fn and(self, refused: Refused) -> Self {
        let Why {
            name,
            value,
            message,
            refusal,
        } = refused.why();
        self.refuse(name, value.unwrap_or_default(), message, refusal)
    }
}
