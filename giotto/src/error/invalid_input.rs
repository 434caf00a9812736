//! Input that a model refuses, and what was given with it.
//!
//! Step 3 of an invocation refuses values that it cannot bind; a model refuses values that it does not accept. The page of
//! a refused form shows both, with everything that was typed.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::refusal::Refusal;

/// Input that a model refuses, field by field.
///
/// For an HTTP POST, the response is the page of GET with these errors in it, and with the [values](Self::value) that were
/// given, right and wrong ones, so that nothing has to be typed again.
///
/// ```
/// use giotto::InvalidInput;
///
/// fn check(email: &str, age: u32) -> Result<(), InvalidInput> {
///     InvalidInput::new()
///         .require(email.contains('@'), "email", email, "an address has an @")
///         .require(age >= 18, "age", age.to_string(), "you must be 18")
///         .into_result()
/// }
/// assert!(check("ada@example.org", 36).is_ok());
/// assert_eq!(check("ada", 7).unwrap_err().fields().len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidInput {
    fields: Vec<Field>,
    kept: Vec<Kept>,
}

/// One refused field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: String,
    value: String,
    message: String,
    refusal: Refusal,
}

/// What was given under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
    /// Whether it may be given several times.
    pub(crate) is_list: bool,
}

impl InvalidInput {
    /// No field refused yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses field `name`, which was given as `value`, because of `message`.
    #[must_use]
    pub fn field(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        self.refuse(name, value, message, Refusal::Other)
    }

    /// Refuses field `name` unless `is_right`.
    #[must_use]
    pub fn require(
        self,
        is_right: bool,
        name: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        match is_right {
            true => self,
            false => self.field(name, value, message),
        }
    }

    pub(crate) fn refuse(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
        refusal: Refusal,
    ) -> Self {
        self.fields.push(Field {
            name: name.into(),
            value: value.into(),
            message: message.into(),
            refusal,
        });
        self
    }

    /// `Ok` if no field was refused.
    ///
    /// # Errors
    ///
    /// This, if a field was refused.
    pub fn into_result(self) -> Result<(), Self> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }

    /// Whether no field was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The refused fields, in the order of the refusals.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Why field `name` was refused; `None` if it was not.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        Some(&field.message)
    }

    /// What was given for `name`, whether it is right or wrong; of several values the last. `None` before a form is posted,
    /// if nothing was given, or if the field is [secret](crate::Program::secret).
    ///
    /// ```
    /// use giotto::{InvalidInput, view::escape_html};
    ///
    /// fn input(book_title: &str, refused: &InvalidInput) -> String {
    ///     let title = escape_html(refused.value("title").unwrap_or(book_title));
    ///     format!(r#"<input name="title" value="{title}">"#)
    /// }
    /// ```
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last().map(String::as_str)
    }

    /// All values that were given for `name`, in their order.
    #[must_use]
    pub fn values(&self, name: &str) -> &[String] {
        let mut kept = self.kept.iter();
        kept.find(|kept| kept.name == name)
            .map_or(&[], |kept| &kept.values)
    }

    /// What serialises as `{"email": {"value": "x", "message": "an address has an @", "kind": "other"}}`. Of two refusals of
    /// one field it has the first.
    // Not `Serialize` itself: then `Result<T, InvalidInput>` would be both a value and an error of a model.
    pub fn by_name(&self) -> impl Serialize + '_ {
        ByName(&self.fields)
    }

    /// What was given, as what serialises as `{"email": "x", "tags": ["a", "b"]}`: text for each argument, and a list for each
    /// that may be given several times.
    pub fn form(&self) -> impl Serialize + '_ {
        Form(&self.kept)
    }

    /// The same with what was given.
    pub(crate) fn keep(self, kept: Vec<Kept>) -> Self {
        Self { kept, ..self }
    }

    /// The same with other messages where `words` has some.
    pub(crate) fn in_words(mut self, words: impl Fn(&Field) -> Option<String>) -> Self {
        for field in &mut self.fields {
            if let Some(words) = words(field) {
                field.message = words;
            }
        }
        self
    }

    /// The same without the values of the fields that are secret.
    pub(crate) fn without(mut self, is_secret: impl Fn(&str) -> bool) -> Self {
        self.kept.retain(|kept| !is_secret(&kept.name));
        for field in &mut self.fields {
            if is_secret(&field.name) {
                field.value.clear();
            }
        }
        self
    }
}

impl Field {
    /// The name of the argument; `address.city` for a part of one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that was given; empty if there was none, or if it is [secret](crate::Program::secret).
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Why it was refused, and what would be accepted: over HTTP, in words for the reader of the page.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why it was refused, by kind.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}argument '{}': {}", field.name, field.message)?;
        }
        Ok(())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("kind", self.refusal.kind())?;
        map.end()
    }
}

/// Refused fields by name.
struct ByName<'i>(&'i [Field]);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, field) in self.0.iter().enumerate() {
            if self.0[..at].iter().all(|other| other.name != field.name) {
                map.serialize_entry(&field.name, field)?;
            }
        }
        map.end()
    }
}

/// What was given, by name.
struct Form<'i>(&'i [Kept]);

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for Kept {
            name,
            values,
            is_list,
        } in self.0
        {
            match is_list {
                true => map.serialize_entry(name, values)?,
                false => map.serialize_entry(name, &values.last())?,
            }
        }
        map.end()
    }
}
