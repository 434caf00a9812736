//! What a program takes, for `--help`, the list of programs and error messages.
//!
//! Worked out once, when a program is made, by offering its argument struct to serde and watching what it
//! asks for.

use std::cell::RefCell;

use giotto_cache::literal;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use crate::error::{Error, Result};
use crate::value::{One, Refused, Values};

/// One parameter of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in a word or two: `integer`, `number`, `text`, `true or false`, a list of choices.
    pub kind: String,
    /// Whether it may be given several times.
    pub is_list: bool,
    /// Whether an invocation has to give it.
    pub required: bool,
    /// The value that it has when it is not given, as JSON; not known for every type.
    pub default: Option<String>,
    /// Its documentation.
    pub doc: &'static str,
}

/// The parameters of a model that takes an `A`, in declared order; `docs` are their documentations by name.
pub(crate) fn parameters<A>(docs: &[(&str, &'static str)]) -> Result<Vec<Parameter>>
where
    A: DeserializeOwned + Serialize,
{
    let mut parameters: Vec<_> = names::<A>()?
        .iter()
        .map(|name| kind_of::<A>(name))
        .collect();
    for parameter in &mut parameters {
        let doc = docs.iter().find(|(name, _)| *name == parameter.name);
        parameter.doc = doc.map_or("", |(_, doc)| doc);
    }
    find_defaults::<A>(&mut parameters);
    Ok(parameters)
}

fn names<A: DeserializeOwned>() -> Result<&'static [&'static str]> {
    let names = RefCell::new(None);
    match (A::deserialize(Names(&names)), names.into_inner()) {
        (_, Some(names)) => Ok(names),
        (Ok(_), None) => Ok(&[]),
        (Err(_), None) => {
            let type_name = std::any::type_name::<A>();
            let message = format!("a model takes one struct with named fields, not {type_name}");
            Err(Error::configuration(message))
        }
    }
}

fn kind_of<A: DeserializeOwned>(name: &'static str) -> Parameter {
    let seen = RefCell::new(Parameter {
        name,
        kind: "value".to_owned(),
        is_list: false,
        required: true,
        default: None,
        doc: "",
    });
    // Always an error: what counts is what was asked for on the way.
    let _ = A::deserialize(OneField {
        name,
        value: Some(Watch(&seen)),
    });
    seen.into_inner()
}

/// The first parameter of which two values have the same key, as far as can be seen.
pub(crate) fn left_out<A>(parameters: &[Parameter]) -> Option<&'static str>
where
    A: DeserializeOwned + Serialize,
{
    let (_, given) = sampled::<A>(parameters)?;
    let mut parameters = parameters.iter();
    let left_out = parameters.find(|parameter| !is_in_key::<A>(parameter, &given));
    left_out.map(|parameter| parameter.name)
}

/// What a struct made of samples for the required parameters holds for the others are their defaults.
fn find_defaults<A: DeserializeOwned + Serialize>(parameters: &mut [Parameter]) {
    if let Some((sample, given)) = sampled::<A>(parameters) {
        read_defaults(&sample, parameters, &given);
    }
}

/// Gives the required parameters a sample value until the struct can be made: the struct, and what was given.
fn sampled<A>(parameters: &[Parameter]) -> Option<(A, Vec<(&'static str, String)>)>
where
    A: DeserializeOwned,
{
    let mut given: Vec<(&'static str, String)> = Vec::new();
    for _ in 0..=parameters.len() {
        match A::deserialize(Samples(&given)) {
            Ok(sample) => return Some((sample, given)),
            Err(refused) => match parameters.iter().find(|p| p.name == refused.name) {
                Some(missing) if !given.iter().any(|(name, _)| *name == missing.name) => {
                    given.push((missing.name, sample(&missing.kind).to_owned()));
                }
                _ => return None, // a type that refuses the sample: its defaults stay unknown
            },
        }
    }
    None
}

fn read_defaults<A: Serialize>(sample: &A, parameters: &mut [Parameter], given: &[(&str, String)]) {
    let Ok(values) = serde_json::to_value(sample) else {
        return;
    };
    for parameter in parameters {
        parameter.required = given.iter().any(|(name, _)| *name == parameter.name);
        let default = values
            .get(parameter.name)
            .filter(|value| !parameter.required && !value.is_null());
        parameter.default = default.map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        });
    }
}

/// Whether a struct that has one of two values of `parameter` besides the `given` ones serializes to two literals, or
/// at least serializes its field.
fn is_in_key<A>(parameter: &Parameter, given: &[(&'static str, String)]) -> bool
where
    A: DeserializeOwned + Serialize,
{
    let with = |value: &str| {
        let others = given.iter().filter(|(name, _)| *name != parameter.name);
        let this = (parameter.name, value.to_owned());
        let given: Vec<_> = others.cloned().chain([this]).collect();
        let sample = A::deserialize(Samples(&given)).ok()?;
        let is_written = serde_json::to_value(&sample)
            .ok()?
            .get(parameter.name)
            .is_some();
        Some((literal::to_string(&sample).ok()?, is_written))
    };
    let [one, other] = match parameter.kind.as_str() {
        "true or false" => ["false", "true"],
        "text" => ["a", "b"],
        choices => match choices.split_once(", ") {
            Some((first, rest)) => [first, rest.split(", ").next().unwrap_or_default()],
            None => ["1", "2"],
        },
    };
    match (with(one), with(other)) {
        (Some((one, is_written)), Some((other, _))) => is_written || one != other,
        _ => true,
    }
}

fn sample(kind: &str) -> &str {
    match kind {
        "true or false" => "false",
        "text" => "",
        "integer" | "number" | "character" | "value" => "0",
        choices => choices.split(", ").next().unwrap_or_default(),
    }
}

/// Notes the names of the fields that a struct asks for.
struct Names<'s>(&'s RefCell<Option<&'static [&'static str]>>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Refused;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        self.0.replace(Some(fields));
        Err(Refused::new("only the names were wanted"))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::new("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Offers a struct a single field.
struct OneField<'s> {
    name: &'static str,
    value: Option<Watch<'s>>,
}

impl<'de> Deserializer<'de> for OneField<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> de::MapAccess<'de> for OneField<'_> {
    type Error = Refused;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        let name: StrDeserializer<'_, Refused> = self.name.into_deserializer();
        self.value
            .is_some()
            .then(|| seed.deserialize(name))
            .transpose()
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Refused> {
        let value = self
            .value
            .take()
            .ok_or_else(|| Refused::new("only one field was offered"))?;
        seed.deserialize(value)
    }
}

/// Notes which type a field asks for.
struct Watch<'s>(&'s RefCell<Parameter>);

/// What a field is called that asks for one of these types.
macro_rules! called {
    ($($name:literal: $($method:ident)*;)*) => {
        $($(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
            self.note($name)
        })*)*
    };
}

impl Watch<'_> {
    fn note<T>(self, kind: &str) -> Result<T, Refused> {
        self.0.borrow_mut().kind = kind.to_owned();
        Err(Refused::new("only the type was wanted"))
    }
}

impl<'de> Deserializer<'de> for Watch<'_> {
    type Error = Refused;

    called! {
        "integer": deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        "number": deserialize_f32 deserialize_f64;
        "true or false": deserialize_bool;
        "character": deserialize_char;
        "text": deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf;
        "value": deserialize_any deserialize_unit deserialize_map deserialize_identifier
            deserialize_ignored_any;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.borrow_mut().required = false;
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.borrow_mut().is_list = true;
        visitor.visit_seq(de::value::SeqDeserializer::new(std::iter::once(self)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Refused> {
        self.note("value")
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        self.note("value")
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        self.note(&variants.join(", "))
    }
}

impl<'de> IntoDeserializer<'de, Refused> for Watch<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Offers a struct the given sample values.
struct Samples<'s>(&'s [(&'static str, String)]);

impl<'de> Deserializer<'de> for Samples<'de> {
    type Error = Refused;

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let fields = self.0.iter().map(|(name, value)| {
            (
                *name,
                Values {
                    first: One::Text(value),
                    rest: Vec::new(),
                },
            )
        });
        visitor.visit_map(de::value::MapDeserializer::new(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Refused> for Values<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
