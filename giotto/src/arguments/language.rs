//! The argument `lang` of a page, which is its language.
//!
//! Step 6 of an invocation, for programs that have such a parameter.

use serde::Serialize;

use super::parameter::Parameter;
use super::typed::Typed;

/// The name of the parameter.
pub(crate) const LANGUAGE: &str = "lang";

/// Finds the language of a page in its arguments, if one of the `parameters` of an `A` is the language.
pub(crate) fn language<A: Serialize + 'static>(
    parameters: &[Parameter],
) -> Option<fn(&Typed) -> Option<String>> {
    let mut parameters = parameters.iter();
    parameters.find(|parameter| parameter.name == LANGUAGE)?;
    Some(given::<A>)
}

/// The argument `lang` of an `A`; `None` if it is not given or no text.
fn given<A: Serialize + 'static>(typed: &Typed) -> Option<String> {
    let arguments = serde_json::to_value(typed.as_ref::<A>()).ok()?;
    arguments.get(LANGUAGE)?.as_str().map(str::to_owned)
}
