//! The argument `lang` of a page, which is its language.
//!
//! Step 6 of an invocation, for programs that have such a parameter.

use serde::Serialize;

use super::bind::Typed;

/// The name of the parameter.
pub(crate) const NAME: &str = "lang";

/// The argument `lang` of an `A`; `None` if it is not given or no text.
pub(crate) fn language<A: Serialize + 'static>(typed: &Typed) -> Option<String> {
    let arguments = serde_json::to_value(typed.as_ref::<A>()).ok()?;
    arguments.get(NAME)?.as_str().map(str::to_owned)
}
