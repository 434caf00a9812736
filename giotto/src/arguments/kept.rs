//! Keeps what was given, for the page of a form that is refused.
//!
//! After step 3 of an invocation, and only of one that is refused.

use std::borrow::Cow;

use super::parameter::Parameter;
use crate::error::Kept;
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
            let name = match parameter.part(name).filter(|_| parameter.has_parts) {
                Some((_, part)) => format!("{}.{part}", parameter.name),
                None if parameter.is_called(name) => parameter.name.to_owned(),
                None => continue,
            };
            keep(&mut all, first, name, value.to_string(), parameter.is_list);
        }
        if all.len() == first
            && let Some(segment) = positional.next()
        {
            let name = parameter.name.to_owned();
            keep(&mut all, first, name, segment.to_string(), parameter.is_list);
        }
    }
    all
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
