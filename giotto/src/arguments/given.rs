//! What a request gives for each parameter.
//!
//! Part of step 3 of an invocation: `bind` takes it parameter by parameter, and so does `retry` to find what is missing.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::edits::Edits;
use super::one::One;
use super::parameter::Parameter;
use super::refused::Refused;
use super::values::{Parts, Values, twice};
use crate::error::Refusal;
use crate::request::Value;

/// The values of a request.
#[derive(Clone, Copy)]
pub(super) struct Given<'g> {
    pub(super) parameters: &'g [Parameter],
    pub(super) positional: &'g [Cow<'g, str>],
    pub(super) data: &'g [(Cow<'g, str>, Value<'g>)],
    pub(super) is_form: bool,
}

impl<'g> Given<'g> {
    /// The parameters that have to be given, and are not, with their places.
    pub(super) fn missing(self) -> impl Iterator<Item = (usize, &'static str)> + use<'g> {
        let mut taken = Taken::new(self, None);
        let parameters = self.parameters.iter().enumerate();
        parameters.filter_map(move |(at, parameter)| {
            let is_given = !matches!(taken.take(parameter), Ok(None));
            (parameter.must_be_given && !is_given).then_some((at, parameter.name))
        })
    }

    /// About the bytes of what is given.
    pub(super) fn size(&self) -> usize {
        let size = |value: &Value<'_>| match value.as_str() {
            Some(text) => text.len(),
            None => value.to_string().len(),
        };
        let data = self.data.iter();
        data.map(|(name, value)| name.len() + size(value)).sum()
    }
}

/// What is taken of it, parameter by parameter.
pub(super) struct Taken<'g> {
    pub(super) given: Given<'g>,
    /// What is left of the positional segments.
    positional: std::slice::Iter<'g, Cow<'g, str>>,
    /// What a further try changes.
    pub(super) edits: Option<&'g Edits>,
}

impl<'g> Taken<'g> {
    pub(super) fn new(given: Given<'g>, edits: Option<&'g Edits>) -> Self {
        let positional = given.positional.iter();
        Self {
            given,
            positional,
            edits,
        }
    }

    /// The next positional segment, if one is left.
    pub(super) fn positional(&self) -> Option<&'g str> {
        self.positional.as_slice().first().map(AsRef::as_ref)
    }

    /// All values given for `parameter`: the named ones, else its parts, else the next positional segment.
    pub(super) fn take(&mut self, parameter: &Parameter) -> Result<Option<Values<'g>>, Refused> {
        let data = self.given.data;
        let mut named = data.iter().filter(|(name, _)| parameter.is_called(name));
        let first = named.next();
        if parameter.has_parts
            && let Some(parts) = self.parts(parameter)?
        {
            return match first {
                Some((_, first)) => {
                    let refused = twice().of(parameter.name);
                    Err(refused.given(|| first.to_string()))
                }
                // All of them may be left out.
                None => Ok((!parts.is_empty()).then_some(Values::Parts(parts))),
            };
        }
        match first {
            Some((name, first)) => self.named(parameter, name, first, named).map(Some),
            None => Ok(match self.positional.next() {
                Some(segment) => Some(Values::one(One::Text(segment))),
                None => absent(parameter, self.given.is_form),
            }),
        }
    }

    /// The `first` value under `name`, and the `others`.
    #[inline]
    fn named(
        &self,
        parameter: &Parameter,
        name: &str,
        first: &'g Value<'g>,
        others: impl Iterator<Item = &'g (Cow<'g, str>, Value<'g>)>,
    ) -> Result<Values<'g>, Refused> {
        let mut rest = Vec::new();
        for (other, value) in others {
            // What middleware sets under one name is never mixed with what a client gives under another.
            if other != name {
                let twice =
                    format!("it is given as '{name}' and as '{other}': give it under one name");
                let refused = Refused::by(Refusal::Repeated, twice).of(parameter.name);
                return Err(refused.given(|| value.to_string()));
            }
            rest.push(One::of(value));
        }
        Ok(match self.edits {
            Some(edits) if rest.is_empty() && edits.is_nothing(parameter.name) => {
                Values::one(One::NOTHING)
            }
            _ => Values::Whole {
                first: One::of(first),
                rest,
            },
        })
    }

    /// What is given for parts of `parameter`: `address.city`. All of it begins with one of its names.
    #[inline(never)]
    fn parts(&self, parameter: &Parameter) -> Result<Option<Parts<'g>>, Refused> {
        let mut parts: Option<(&str, Parts<'g>)> = None;
        let is_other = |name: &str| {
            let mut parameters = self.given.parameters.iter();
            parameters.any(|other| other.is_called(name))
        };
        for (name, value) in self.given.data {
            let Some((own, part)) = parameter.part(name).filter(|_| !is_other(name)) else {
                continue;
            };
            let (known, parts) = parts.get_or_insert_with(|| (own, Parts::default()));
            if own != *known {
                let twice =
                    format!("it is given as '{known}.' and as '{own}.': give it under one name");
                return Err(Refused::by(Refusal::Repeated, twice).of(parameter.name));
            }
            let value = match self
                .edits
                .map(|edits| (edits, format!("{}.{part}", parameter.name)))
            {
                Some((edits, path)) if edits.leave_out_part(&path) => continue,
                Some((edits, path)) if edits.is_nothing(&path) => One::NOTHING,
                _ => One::of(value),
            };
            let refused =
                |refused: Refused| refused.within(parameter.name).given(|| value.to_string());
            parts.add(part, value).map_err(refused)?;
        }
        Ok(parts.map(|(_, parts)| parts))
    }
}

/// What is meant where a form has nothing: a form does not send the check boxes that are not ticked.
fn absent(parameter: &Parameter, is_form: bool) -> Option<Values<'static>> {
    static NO_ITEMS: Json = Json::Array(Vec::new());
    match () {
        () if !is_form || !parameter.must_be_given => None,
        () if parameter.is_open => Some(Values::one(One::Json(&NO_ITEMS))),
        () if parameter.is_switch => Some(Values::one(One::Text("false"))),
        () => None,
    }
}
