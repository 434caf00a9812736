//! Binds the values of a request to the parameters of a model.
//!
//! Step 3 of an invocation. Each parameter, in declared order, takes its named value, or else the next positional
//! segment, or else its default; a parameter without any of them is an error that names it. serde makes typed arguments
//! of the values, and `key` writes their text.

use std::any::type_name;
use std::borrow::Cow;

use giotto_cache::literal;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value as Json;

use super::key::{self, Read};
use super::parameter::Parameter;
use super::parts::{self, Parts};
use super::reading::Reading;
use super::refused::Refused;
use super::retry::{self, Edits};
use super::typed::Typed;
use super::value::{One, Values};
use crate::error::{Error, ErrorKind, InvalidInput, Refusal, Result, quoted};
use crate::request::{Request, Value};

/// Bound arguments: typed, and as text.
pub(crate) struct Arguments {
    pub(crate) typed: Typed,
    /// Their text in the key: `{'x': 12}`.
    pub(crate) canonical: String,
}

/// Binds the `positional` segments and the named values of the `request` to the `parameters` of an `A`.
pub(crate) fn bind<A>(
    parameters: &[Parameter],
    positional: &[Cow<'_, str>],
    request: &Request<'_>,
) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    let given = Given {
        parameters,
        positional,
        data: &request.data,
        is_form: request.is_form,
    };
    let mut reader = Reader::new(given, None);
    match A::deserialize(&mut reader) {
        Ok(typed) => bound(reader, typed),
        Err(refused) => bind_again::<A>(given, refused),
    }
}

/// Binds what was `refused` without edits.
#[cold]
#[inline(never)]
fn bind_again<A>(given: Given<'_>, refused: Refused) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    let edits = retry::refusals(&given, refused, &mut |edits| {
        A::deserialize(&mut Reader::new(given, Some(edits))).map(drop)
    })?;
    let mut reader = Reader::new(given, Some(&edits));
    let typed = A::deserialize(&mut reader).map_err(InvalidInput::from)?;
    bound(reader, typed)
}

/// The arguments, of which `reader` has made `typed`.
fn bound<A>(mut reader: Reader<'_>, typed: A) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    reader.check_positional()?;
    let parameters = reader.given.parameters;
    if key::is_plain(&typed, parameters) {
        return Ok(Arguments {
            canonical: literal::to_string(&typed)?,
            typed: Typed::new(typed),
        });
    }
    reader = Reader::new(reader.given, reader.edits);
    reader.read = Some(Read::new());
    // From here on, the second value counts: a default such as `today()` may differ between two readings.
    let typed = A::deserialize(&mut reader).map_err(InvalidInput::from)?;
    reader.check_positional()?;
    Ok(Arguments {
        canonical: key::text(&typed, parameters, &reader.read.unwrap_or_default())?,
        typed: Typed::new(typed),
    })
}

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

/// The values of a request.
#[derive(Clone, Copy)]
pub(super) struct Given<'g> {
    pub(super) parameters: &'g [Parameter],
    positional: &'g [Cow<'g, str>],
    data: &'g [(Cow<'g, str>, Value<'g>)],
    is_form: bool,
}

impl<'g> Given<'g> {
    /// The parameters that have to be given, and are not, with their places.
    pub(super) fn missing(self) -> impl Iterator<Item = (usize, &'static str)> + use<'g> {
        let mut reader = Reader::new(self, None);
        let parameters = self.parameters.iter().enumerate();
        parameters.filter_map(move |(at, parameter)| {
            let is_given = !matches!(reader.take(parameter), Ok(None));
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

/// The values of a request, as a deserializer of the argument struct.
struct Reader<'g> {
    given: Given<'g>,
    /// What is left of the positional segments.
    positional: std::slice::Iter<'g, Cow<'g, str>>,
    /// What a further try changes.
    edits: Option<&'g Edits>,
    /// What the parameters read, if that is recorded.
    read: Option<Read>,
}

impl<'g> Reader<'g> {
    fn new(given: Given<'g>, edits: Option<&'g Edits>) -> Self {
        Self {
            positional: given.positional.iter(),
            given,
            edits,
            read: None,
        }
    }

    fn check_positional(&self) -> Result<()> {
        let Some(extra) = self.positional.as_slice().first() else {
            return Ok(());
        };
        let message = format!(
            "{} is one positional argument too many; {}",
            quoted(extra),
            takes(&names(self.given.parameters))
        );
        Err(Error::new(ErrorKind::NoProgram, message))
    }

    /// All values given for `parameter`: the named ones, else its parts, else the next positional segment.
    fn take(&mut self, parameter: &Parameter) -> Result<Option<Values<'g>>, Refused> {
        let parts = match parameter.has_parts {
            true => self.parts(parameter)?,
            false => None,
        };
        let data = self.given.data;
        let mut named = data.iter().filter(|(name, _)| parameter.is_called(name));
        let Some((name, first)) = named.next() else {
            if parts.is_some() {
                return Ok(parts);
            }
            let segment = self.positional.next();
            return Ok(match segment {
                Some(segment) => Some(Values::one(One::Text(segment))),
                None => absent(parameter, self.given.is_form),
            });
        };
        if parts.is_some() {
            return Err(parts::twice()
                .of(parameter.name)
                .given(|| first.to_string()));
        }
        let mut rest = Vec::new();
        for (other, value) in named {
            // What middleware sets under one name is never mixed with what a client gives under another.
            if other != name {
                let twice =
                    format!("it is given as '{name}' and as '{other}': give it under one name");
                let refused = Refused::by(Refusal::Repeated, twice).of(parameter.name);
                return Err(refused.given(|| value.to_string()));
            }
            rest.push(One::of(value));
        }
        Ok(Some(match self.edits {
            Some(edits) if rest.is_empty() && edits.is_nothing(parameter.name) => {
                Values::one(One::NOTHING)
            }
            _ => Values::Whole {
                first: One::of(first),
                rest,
            },
        }))
    }

    /// What is given for parts of `parameter`: `address.city`. All of it begins with one of its names.
    #[inline(never)]
    fn parts(&self, parameter: &Parameter) -> Result<Option<Values<'g>>, Refused> {
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
        Ok(parts.map(|(_, parts)| Values::Parts(parts)))
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

fn names(parameters: &[Parameter]) -> Vec<&'static str> {
    parameters.iter().map(|parameter| parameter.name).collect()
}

/// `the program takes 'x' and 'y'`
fn takes(fields: &[&str]) -> String {
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

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_map(Fields {
            remaining: self.given.parameters.iter().enumerate(),
            reader: self,
            current: None,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::new("a model takes one struct with named fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields of the struct that something was given for.
struct Fields<'g, 'de> {
    remaining: std::iter::Enumerate<std::slice::Iter<'de, Parameter>>,
    reader: &'g mut Reader<'de>,
    current: Option<(&'static str, Values<'de>)>,
}

impl<'de> de::MapAccess<'de> for Fields<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        for (at, parameter) in self.remaining.by_ref() {
            let taken = self.reader.take(parameter);
            let edits = self.reader.edits;
            if edits.is_some_and(|edits| edits.leave_out(at, parameter.name)) {
                continue;
            }
            if let Some(values) = taken?.filter(|values| !values.is_empty()) {
                self.current = Some((parameter.name, values));
                let name: StrDeserializer<'_, Refused> = parameter.name.into_deserializer();
                return seed.deserialize(name).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Refused> {
        let (name, values) = self
            .current
            .take()
            .ok_or_else(|| Refused::new("a value without a name"))?;
        let first = values.first();
        let made = match &mut self.reader.read {
            None => seed.deserialize(values),
            Some(read) => noted(read, name, seed, values),
        };
        made.map_err(|refused| {
            let refused = refused.by_type(type_name::<S::Value>());
            match first {
                Some(first) => refused.of(name).given(|| first.to_string()),
                None => refused.within(name),
            }
        })
    }
}

/// Deserializes `values` and records what is read. A function of its own keeps the path of plain arguments small.
#[cold]
#[inline(never)]
fn noted<'de, S: de::DeserializeSeed<'de>>(
    read: &mut Read,
    name: &'static str,
    seed: S,
    values: Values<'de>,
) -> Result<S::Value, Refused> {
    let mut text = String::new();
    let made = seed.deserialize(Reading::new(values, &mut text));
    read.push((name, text));
    made
}
