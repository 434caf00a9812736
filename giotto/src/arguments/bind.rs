//! Binds the values of a request to the parameters of a model.
//!
//! Step 3 of an invocation. Each parameter, in declared order, takes its named value, or else the next positional
//! segment, or else its default; a parameter without any of them is an error that names it. serde makes typed arguments
//! of the values, and `key` writes their text.

use std::borrow::Cow;

use giotto_cache::literal;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use super::key::{self, Read};
use super::parameter::Parameter;
use super::reading::Reading;
use super::refused::Refused;
use super::typed::Typed;
use super::value::{One, Values};
use crate::error::{Error, ErrorKind, InvalidInput, Result, quoted};
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
    let mut given = Given {
        parameters,
        positional: positional.iter(),
        data: &request.data,
        read: None,
    };
    let typed = given.make::<A>()?;
    if key::is_plain(&typed, parameters) {
        return Ok(Arguments {
            canonical: literal::to_string(&typed)?,
            typed: Typed::new(typed),
        });
    }
    given.positional = positional.iter();
    given.read = Some(Read::new());
    // From here on, the second value counts: a default such as `today()` may differ between two readings.
    let typed = given.make::<A>()?;
    Ok(Arguments {
        canonical: key::text(&typed, parameters, &given.read.unwrap_or_default())?,
        typed: Typed::new(typed),
    })
}

/// Refuses a named value that belongs to none of the `parameters`.
pub(crate) fn check_known(parameters: &[Parameter], request: &Request<'_>) -> Result<()> {
    let is_known = |name: &str| parameters.iter().any(|parameter| parameter.is_called(name));
    let mut given = request.data.iter();
    match given.find(|(name, _)| !is_known(name)) {
        Some((name, value)) => Err(no_such_argument(
            &names(parameters),
            name,
            value.to_string(),
        )),
        None => Ok(()),
    }
}

/// The error for an unknown `name`. It suggests the nearest of the `names`, or lists all.
pub(crate) fn no_such_argument(names: &[&str], name: &str, value: String) -> Error {
    let message = match nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no such argument; did you mean '{near}'?"),
        None => format!("there is no such argument; {}", takes(names)),
    };
    InvalidInput::new().field(name, value, message).into()
}

/// The values of a request, as a deserializer of the argument struct.
struct Given<'g> {
    parameters: &'g [Parameter],
    positional: std::slice::Iter<'g, Cow<'g, str>>,
    data: &'g [(Cow<'g, str>, Value<'g>)],
    /// What the parameters read, if that is recorded.
    read: Option<Read>,
}

impl<'g> Given<'g> {
    fn make<A: DeserializeOwned>(&mut self) -> Result<A> {
        let made = A::deserialize(&mut *self).map_err(InvalidInput::from)?;
        self.check_positional()?;
        Ok(made)
    }

    #[inline]
    fn check_positional(&self) -> Result<()> {
        match self.positional.as_slice().first() {
            None => Ok(()),
            Some(extra) => Err(self.too_many(extra)),
        }
    }

    fn too_many(&self, extra: &str) -> Error {
        let message = format!(
            "{} is one positional argument too many; {}",
            quoted(extra),
            takes(&names(self.parameters))
        );
        Error::new(ErrorKind::NoProgram, message)
    }

    /// All values given for `parameter`: the named ones, else the next positional segment.
    fn take(&mut self, parameter: &Parameter) -> Result<Option<Values<'g>>, Refused> {
        let data = self.data;
        let mut named = data.iter().filter(|(name, _)| parameter.is_called(name));
        let Some((name, first)) = named.next() else {
            let segment = self.positional.next();
            return Ok(segment.map(|segment| Values {
                first: One::Text(segment),
                rest: Vec::new(),
            }));
        };
        let mut rest = Vec::new();
        for (other, value) in named {
            // What middleware sets under one name is never mixed with what a client gives under another.
            if other != name {
                let twice =
                    format!("it is given as '{name}' and as '{other}': give it under one name");
                return Err(Refused::of(parameter.name, value.to_string(), twice));
            }
            rest.push(One::of(value));
        }
        Ok(Some(Values {
            first: One::of(first),
            rest,
        }))
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

impl<'de> Deserializer<'de> for &mut Given<'de> {
    type Error = Refused;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_map(Fields {
            remaining: self.parameters.iter(),
            given: self,
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
    remaining: std::slice::Iter<'de, Parameter>,
    given: &'g mut Given<'de>,
    current: Option<(&'static str, Values<'de>)>,
}

impl<'de> de::MapAccess<'de> for Fields<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        for parameter in self.remaining.by_ref() {
            if let Some(values) = self.given.take(parameter)? {
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
        let first = values.first;
        let refused = match &mut self.given.read {
            None => seed.deserialize(values),
            Some(read) => noted(read, name, seed, values),
        };
        refused.map_err(|refused| Refused::of(name, first.to_string(), refused.message))
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
