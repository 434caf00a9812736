//! What a template sees of one page: `data`, `errors`, `form`, `lang`, and the functions that depend on the page.
//!
//! Step 6 of an invocation. Nothing of the reader is here, because the page may be stored.

use std::fmt;
use std::sync::Arc;

use minijinja::State;
use minijinja::filters::default;
use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Value};

use super::functions::Function;

/// The variables of a page.
#[derive(Debug)]
pub(super) struct Variables {
    pub(super) data: Value,
    pub(super) errors: Value,
    pub(super) form: Value,
    pub(super) page: Arc<super::functions::Page>,
}

/// The names of [`Variables`].
pub(super) const NAMES: [&str; 13] = [
    "data",
    "errors",
    "form",
    "lang",
    "url_for",
    "absolute_url_for",
    "url",
    "absolute_url",
    "asset",
    "csrf",
    "flashes",
    "t",
    "cache",
];

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "data" => Some(self.data.clone()),
            "errors" => Some(self.errors.clone()),
            "form" => Some(self.form.clone()),
            "lang" => Some(self.page.language().map_or(Value::from(()), Value::from)),
            name => {
                let function = Function::named(name)?;
                let page = Arc::clone(&self.page);
                Some(Value::from_object(Bound { function, page }))
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&NAMES)
    }
}

/// A function of a page.
#[derive(Debug)]
struct Bound {
    function: Function,
    page: Arc<super::functions::Page>,
}

impl Object for Bound {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        arguments: &[Value],
    ) -> Result<Value, minijinja::Error> {
        self.function.call(&self.page, state, arguments)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.function.name())
    }
}

/// The refused fields of a form by name. A field that is not refused has an empty message and an empty value, and counts as
/// undefined.
#[derive(Debug)]
pub(super) struct Errors(pub(super) Value);

impl Object for Errors {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.0.get_item(key).ok();
        let found = found.filter(|value| !value.is_undefined());
        Some(found.unwrap_or_else(|| Value::from_object(Absent)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.0.try_iter() {
            Ok(names) => Enumerator::Values(names.collect()),
            Err(_) => Enumerator::Empty,
        }
    }
}

/// What a form does not have: a field that is not refused.
#[derive(Debug)]
struct Absent;

impl Object for Absent {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        matches!(key.as_str(), Some("kind" | "message" | "value")).then(|| Value::from(""))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// The filter `default`.
pub(super) fn or_default(
    state: &State<'_, '_>,
    value: &Value,
    arguments: Rest<Value>,
) -> Result<Value, minijinja::Error> {
    match is_defined(value) {
        true => default(state, value, arguments),
        false => default(state, &Value::UNDEFINED, arguments),
    }
}

/// The test `is defined`.
pub(super) fn is_defined(value: &Value) -> bool {
    !value.is_undefined() && value.downcast_object_ref::<Absent>().is_none()
}
