//! Binds what was given to what a model takes, and tells what it takes.
//!
//! Step 3 of an invocation. For each parameter in declared order: the named value if there is one, else
//! the next positional segment, else the parameter's default, else an error that names it. What serde
//! makes of that is typed; written back as a literal, it is the argument part of the key.

use std::any::Any;
use std::borrow::Cow;

use giotto_cache::literal;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use crate::error::{Error, ErrorKind, InvalidInput, Result, quoted};
use crate::parameter::Parameter;
use crate::request::{CMD, Request, Value};
use crate::value::{One, Refused, Values};

/// Bound arguments: typed, and as the text that stands in the key.
pub(crate) struct Arguments {
    pub(crate) typed: Typed,
    /// `{'x': 12}`
    pub(crate) canonical: String,
}

/// Arguments of the one model that they were bound for.
pub(crate) struct Typed(Box<dyn Any + Send>);

impl Typed {
    pub(crate) fn downcast<A: 'static>(self) -> A {
        *self
            .0
            .downcast()
            .expect("arguments are bound and used by the same program")
    }

    pub(crate) fn as_ref<A: 'static>(&self) -> &A {
        self.0
            .downcast_ref()
            .expect("arguments are bound and used by the same program")
    }
}

/// Binds `positional` segments and the request's named values to an `A`.
pub(crate) fn bind<A>(positional: &[Cow<'_, str>], request: &Request<'_>) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    let mut given = Given {
        positional: positional.iter(),
        data: &request.data,
        fields: &[],
    };
    let typed = A::deserialize(&mut given);
    let typed = typed.map_err(InvalidInput::from)?;
    given.check_positional()?;
    let canonical = literal::to_string(&typed)?;
    Ok(Arguments {
        typed: Typed(Box::new(typed)),
        canonical,
    })
}

/// On the command line a name that is not known is a mistake of the hand; over HTTP it is ignored.
pub(crate) fn check_names(parameters: &[Parameter], request: &Request<'_>) -> Result<()> {
    match request.controller {
        CMD => check_known(parameters, request),
        _ => Ok(()),
    }
}

/// Refuses a name that is not known, whoever gives it.
pub(crate) fn check_known(parameters: &[Parameter], request: &Request<'_>) -> Result<()> {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let mut given = request.data.iter();
    match given.find(|(name, _)| !names.contains(&name.as_ref())) {
        Some((name, value)) => Err(no_such_argument(&names, name, value.to_string())),
        None => Ok(()),
    }
}

/// Says what the program takes, which are the `names`, instead of `name`.
pub(crate) fn no_such_argument(names: &[&str], name: &str, value: String) -> Error {
    let message = match nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no such argument; did you mean '{near}'?"),
        None => format!("there is no such argument; {}", takes(names)),
    };
    InvalidInput::new().field(name, value, message).into()
}

/// What was given, on its way into a struct.
struct Given<'g> {
    positional: std::slice::Iter<'g, Cow<'g, str>>,
    data: &'g [(Cow<'g, str>, Value<'g>)],
    fields: &'static [&'static str],
}

impl<'g> Given<'g> {
    fn check_positional(&self) -> Result<()> {
        let Some(extra) = self.positional.as_slice().first() else {
            return Ok(());
        };
        let message = format!(
            "{} is one positional argument too many; {}",
            quoted(extra),
            takes(self.fields)
        );
        Err(Error::new(ErrorKind::NoProgram, message))
    }

    /// All values given for `name`: the named ones, else the next positional segment.
    fn take(&mut self, name: &str) -> Option<Values<'g>> {
        let data = self.data;
        let mut named =
            data.iter()
                .filter(|(given, _)| given == name)
                .map(|(_, value)| match value {
                    Value::Text(text) => One::Text(text),
                    Value::Json(value) => One::Json(value),
                });
        match named.next() {
            Some(first) => Some(Values {
                first,
                rest: named.collect(),
            }),
            None => {
                let first = One::Text(self.positional.next()?);
                Some(Values {
                    first,
                    rest: Vec::new(),
                })
            }
        }
    }
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
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.fields = fields;
        visitor.visit_map(Fields {
            remaining: fields.iter(),
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
    remaining: std::slice::Iter<'static, &'static str>,
    given: &'g mut Given<'de>,
    current: Option<(&'static str, Values<'de>)>,
}

impl<'de> de::MapAccess<'de> for Fields<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        for name in self.remaining.by_ref() {
            if let Some(values) = self.given.take(name) {
                self.current = Some((name, values));
                let name: StrDeserializer<'_, Refused> = name.into_deserializer();
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
        seed.deserialize(values).map_err(|refused| Refused {
            name: name.to_owned(),
            value: first.to_string(),
            ..refused
        })
    }
}
