//! Why a value is refused, by kind: what messages in other words or languages are made of.
//!
//! Step 3 of an invocation finds them; the page of a refused form shows their words.

use std::borrow::Cow;

/// Why a value was refused. [`words`](Self::words) says it to the reader of a page in English;
/// [`App::messages`](crate::App::messages) in other words.
///
/// [`kind`](Self::kind) is its name in JSON and in templates: `missing`, `not_an_integer`, ..
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing is given, or an empty text for something that is not text.
    Missing,
    /// Not an integer.
    NotAnInteger,
    /// An integer that is not in this range.
    OutOfRange {
        /// The least integer that is accepted.
        least: i128,
        /// The greatest integer that is accepted.
        most: u128,
    },
    /// Not a number.
    NotANumber,
    /// Not a date, for the types of `jiff`, `chrono` and `time`.
    NotADate,
    /// Not a time of the day, for the types of `jiff` and `chrono`.
    NotATime,
    /// Not a date and a time, for the types of `jiff` and `chrono`.
    NotADateTime {
        /// Whether it is a point in time, which names its distance from UTC.
        has_zone: bool,
    },
    /// None of these choices.
    NotOneOf(&'static [&'static str]),
    /// Neither true nor false.
    NotTrueOrFalse,
    /// Not exactly one character.
    NotACharacter,
    /// A number or the like where text is expected, or bytes that are not UTF-8.
    NotText,
    /// Given more than once.
    Repeated,
    /// The program has no such argument.
    Unknown,
    /// What the type of the argument or the model says: the [message](crate::Field::message) is its own.
    #[default]
    Other,
}

impl Refusal {
    /// Its name: that of the variant, in lower case and with underscores.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotAnInteger => "not_an_integer",
            Self::OutOfRange { .. } => "out_of_range",
            Self::NotANumber => "not_a_number",
            Self::NotADate => "not_a_date",
            Self::NotATime => "not_a_time",
            Self::NotADateTime { .. } => "not_a_date_time",
            Self::NotOneOf(_) => "not_one_of",
            Self::NotTrueOrFalse => "not_true_or_false",
            Self::NotACharacter => "not_a_character",
            Self::NotText => "not_text",
            Self::Repeated => "repeated",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }

    /// What a reader who fills in a form can do; `None` where the message says it already.
    ///
    /// ```
    /// use giotto::Refusal;
    ///
    /// assert_eq!(Refusal::Missing.words().as_deref(), Some("please fill this in"));
    /// ```
    #[must_use]
    pub fn words(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Missing => "please fill this in".into(),
            Self::NotAnInteger => "enter a whole number".into(),
            Self::OutOfRange { least, most } => {
                format!("enter a whole number from {least} to {most}").into()
            }
            Self::NotANumber => "enter a number".into(),
            Self::NotADate => "enter a date, such as 2026-11-27".into(),
            Self::NotATime => "enter a time, such as 14:30:00".into(),
            Self::NotADateTime { has_zone: false } => {
                "enter a date and a time, such as 2026-11-27T14:30:00".into()
            }
            Self::NotADateTime { has_zone: true } => {
                "enter a date and a time, such as 2026-11-27T14:30:00Z".into()
            }
            Self::NotOneOf(choices) => format!("choose one of: {}", choices.join(", ")).into(),
            Self::NotTrueOrFalse => "choose yes or no".into(),
            Self::NotACharacter => "enter one character".into(),
            Self::NotText => "enter text".into(),
            Self::Repeated => "give this once only".into(),
            Self::Unknown => "there is no such field".into(),
            Self::Other => return None,
        })
    }
}
