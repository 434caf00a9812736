//! Names of arguments that a program does not have.
//!
//! Part of step 3 of an invocation. The command line and strict programs refuse them.

use super::parameter::Parameter;
use crate::error::{Error, InvalidInput, Refusal, Result};
use crate::request::Request;

/// The most unknown arguments that one error names.
const MAX_UNKNOWN: usize = 20;

/// Refuses the named values that belong to none of the `parameters`.
pub(crate) fn check_known(parameters: &[Parameter], request: &Request<'_>) -> Result<()> {
    let is_known = |name: &str| parameters.iter().any(|one| one.takes(name));
    let unknown = request.data.iter().filter(|(name, _)| !is_known(name));
    let names = names(parameters);
    let refused = unknown
        .take(MAX_UNKNOWN)
        .fold(InvalidInput::new(), |refused, (name, value)| {
            unknown_argument(refused, &names, name, value.to_string())
        });
    Ok(refused.into_result()?)
}

/// The error for an unknown `name`. It suggests the nearest of the `names`, or lists all.
pub(crate) fn no_such_argument(names: &[&str], name: &str, value: String) -> Error {
    unknown_argument(InvalidInput::new(), names, name, value).into()
}

fn unknown_argument(
    refused: InvalidInput,
    names: &[&str],
    name: &str,
    value: String,
) -> InvalidInput {
    let message = match nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no such argument; did you mean '{near}'?"),
        None => format!("there is no such argument; {}", takes(names)),
    };
    refused.refuse(name, value, message, Refusal::Unknown)
}

/// The names of `parameters`, in declared order.
pub(crate) fn names(parameters: &[Parameter]) -> Vec<&'static str> {
    parameters.iter().map(|parameter| parameter.name).collect()
}

/// `the program takes 'x' and 'y'`
pub(super) fn takes(fields: &[&str]) -> String {
    match fields {
        [] => "the program takes no arguments".to_owned(),
        _ => format!("the program takes '{}'", fields.join("', '")),
    }
}

/// The name among `names` that is most like `name`, if one is close.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            let length = candidate.chars().count();
            *distance <= length.div_ceil(3) && *distance < length
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
