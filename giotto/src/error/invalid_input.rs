//! Input that a model refuses.
//!
//! Step 3 of an invocation refuses values that it cannot bind; a model refuses values that it does not accept.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Input that a model refuses, field by field.
///
/// For an HTTP POST, the response is the page of GET with these errors in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidInput {
    fields: Vec<Field>,
}

/// One refused field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    #[serde(skip)]
    name: String,
    value: String,
    message: String,
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
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let field = Field {
            name: name.into(),
            value: value.into(),
            message: message.into(),
        };
        self.fields.push(field);
        self
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

    /// What serialises as `{"email": {"value": "x", "message": "has no @"}}`.
    // Not `Serialize` itself: then `Result<T, InvalidInput>` would be both a value and an error of a model.
    pub fn by_name(&self) -> impl Serialize + '_ {
        ByName(self)
    }
}

impl Field {
    /// The name of the argument.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that was given; empty if there was none.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Why it was refused, and what would be accepted.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
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

/// The refused fields of an [`InvalidInput`] by name.
struct ByName<'i>(&'i InvalidInput);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.fields();
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for field in fields {
            map.serialize_entry(&field.name, field)?;
        }
        map.end()
    }
}
