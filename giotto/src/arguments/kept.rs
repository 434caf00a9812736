//! What was given: kept for the page of a form that is refused, and left out where it cannot be bound.
//!
//! After step 3 of an invocation, and only of one that is refused.

use std::borrow::Cow;

use super::parameter::Parameter;
use crate::error::{Field, InvalidInput, Kept};
use crate::request::Request;

/// What the `request` gives for the `parameters`, by their names and those of their parts. What belongs to none of them is
/// not kept.
pub(crate) fn kept(
    parameters: &[Parameter],
    positional: &[Cow<'_, str>],
    request: &Request<'_>,
) -> Vec<Kept> {
    let mut positional = positional.iter();
    let mut all = Vec::new();
    for parameter in parameters {
        let first = all.len();
        for (name, value) in &request.data {
            if let Some(name) = parameter.own_name(name) {
                keep(&mut all, first, name, value.to_string(), parameter.is_list);
            }
        }
        if all.len() == first
            && let Some(segment) = positional.next()
        {
            let name = parameter.name.to_owned();
            keep(
                &mut all,
                first,
                name,
                segment.to_string(),
                parameter.is_list,
            );
        }
    }
    all
}

/// Leaves out of `request` what was `refused`.
pub(crate) fn leave_out(
    parameters: &[Parameter],
    refused: &InvalidInput,
    request: &mut Request<'_>,
) {
    let is_refused = |name: &str| {
        let mut own = parameters.iter().filter_map(|one| one.own_name(name));
        own.any(|own| {
            let mut refused = refused.fields().iter().map(Field::name);
            refused.any(|refused| {
                let rest = own.strip_prefix(refused);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    };
    request.data.retain(|(name, _)| !is_refused(name));
}

/// Keeps one value, beside the other values of its name, which stand at `first` or after it.
fn keep(all: &mut Vec<Kept>, first: usize, name: String, value: String, is_list: bool) {
    let mut known = all[first..].iter_mut();
    match known.find(|kept| kept.name == name) {
        Some(kept) => kept.values.push(value),
        None => all.push(Kept {
            name,
            values: vec![value],
            is_list,
        }),
    }
}
