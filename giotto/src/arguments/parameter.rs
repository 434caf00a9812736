//! What a program takes, for `--help`, the list of programs and error messages.
//!
//! Worked out once, when a program is made, by offering its argument struct to serde and watching what it
//! asks for.

use std::any::type_name;
use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::mem::discriminant;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use super::sample::{self, Samples};
use super::value::Refused;
use crate::error::{Error, Result};

/// One parameter of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Other names that it may be given under: serde's `alias`.
    pub aliases: Vec<&'static str>,
    /// What it takes, in a word or two: `integer`, `number`, `text`, `true or false`, `JSON object`, a list of choices.
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

impl Parameter {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            kind: "value".to_owned(),
            is_list: false,
            required: true,
            default: None,
            doc: "",
        }
    }

    /// Whether `name` is its name, or another that it may be given under.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// What a model takes: the fields of its argument struct.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// In declared order.
    pub(crate) all: Vec<Parameter>,
    /// Whether its struct refuses names that it does not know: serde's `deny_unknown_fields`.
    pub(crate) denies_unknown: bool,
}

/// The parameters of a model that takes an `A`; `docs` are their documentations by name.
pub(crate) fn parameters<A>(docs: &[(&str, &'static str)]) -> Result<Parameters>
where
    A: DeserializeOwned + Serialize,
{
    let mut all = fields::<A>(names::<A>()?);
    for parameter in &mut all {
        watch::<A>(parameter);
        let doc = docs.iter().find(|(name, _)| *name == parameter.name);
        parameter.doc = doc.map_or("", |(_, doc)| doc);
    }
    if let Some(samples) = sample::required::<A>(&all) {
        read_defaults::<A>(&samples, &mut all);
    }
    Ok(Parameters {
        // No field is called like this.
        denies_unknown: !all.is_empty() && matches!(field::<A>("\0"), Field::Refused),
        all,
    })
}

/// The names that serde knows fields by: each field's own and, beside it, its aliases.
fn names<A: DeserializeOwned>() -> Result<&'static [&'static str]> {
    let asked = RefCell::new(Asked::Other);
    let is_made = A::deserialize(Names(&asked)).is_ok();
    let message = match asked.into_inner() {
        Asked::Struct(names) => return Ok(names),
        Asked::Other if is_made => return Ok(&[]),
        Asked::Flattened => {
            "#[serde(flatten)] hides the names of a model's parameters: write the fields that it flattens into the \
             struct of the arguments itself, or take them as one argument, written as JSON"
                .to_owned()
        }
        Asked::Other => format!(
            "a model takes one struct with named fields, not {}",
            type_name::<A>()
        ),
    };
    Err(Error::configuration(message))
}

/// The fields that have these `names`. Those of one field are neighbours, sorted by the alphabet.
fn fields<A: DeserializeOwned>(names: &[&'static str]) -> Vec<Parameter> {
    let mut fields: Vec<(Field, Vec<&'static str>)> = Vec::new();
    for name in names {
        let field = field::<A>(name);
        match fields.last_mut() {
            Some((last, names)) if *last == field && matches!(field, Field::Known(_)) => {
                names.push(name);
            }
            _ => fields.push((field, vec![name])),
        }
    }
    let named = |names: Vec<&'static str>| {
        let own = match names.as_slice() {
            [own] => own,
            _ => sample::own_name::<A>(&names).unwrap_or(names[0]),
        };
        let mut parameter = Parameter::new(own);
        parameter
            .aliases
            .extend(names.iter().filter(|name| **name != own));
        parameter
    };
    fields.into_iter().map(|(_, names)| named(names)).collect()
}

/// Which field of an `A` serde understands by `name`.
fn field<A: DeserializeOwned>(name: &'static str) -> Field {
    let found = RefCell::new(Field::Refused);
    // Always an error: what counts is what became of the name.
    let _ = A::deserialize(OneField {
        name,
        found: &found,
        value: None,
    });
    found.into_inner()
}

/// Notes what the parameter's type asks for.
fn watch<A: DeserializeOwned>(parameter: &mut Parameter) {
    let seen = RefCell::new(parameter.clone());
    // Always an error: what counts is what was asked for on the way.
    let _ = A::deserialize(OneField {
        name: parameter.name,
        found: &RefCell::new(Field::Refused),
        value: Some(Watch(&seen)),
    });
    *parameter = seen.into_inner();
}

/// What a struct made of `samples` for the required parameters holds for the others are their defaults.
fn read_defaults<A>(samples: &Samples, parameters: &mut [Parameter])
where
    A: DeserializeOwned + Serialize,
{
    let made = samples.make::<A>();
    let Some(values) = made.ok().and_then(|made| serde_json::to_value(made).ok()) else {
        return;
    };
    for parameter in parameters {
        parameter.required = samples.has(parameter.name);
        let default = values
            .get(parameter.name)
            .filter(|value| !parameter.required && !value.is_null());
        parameter.default = default.map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        });
    }
}

/// What a type asked for that was to be a struct.
enum Asked {
    /// One with these names.
    Struct(&'static [&'static str]),
    /// A struct that has taken in the fields of another.
    Flattened,
    Other,
}

/// Notes the names of the fields that a struct asks for.
struct Names<'s>(&'s RefCell<Asked>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Refused;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        self.0.replace(Asked::Struct(fields));
        Err(Refused::new("only the names were wanted"))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let found = RefCell::new(Field::Refused);
        let made = visitor.visit_map(OneField {
            name: "\0",
            found: &found,
            value: None,
        });
        if matches!(found.into_inner(), Field::Known(_)) {
            self.0.replace(Asked::Flattened);
        }
        made.and(Err(Refused::new("not a struct with known names")))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::new("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct enum identifier ignored_any
    }
}

/// What serde makes of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// One of the fields, or the one for names that are ignored.
    Known(u64),
    /// The type has no fields that `derive` has made.
    Other,
    /// The name is refused.
    Refused,
}

impl Field {
    /// Two names of one field are the same variant of an enum that `derive` has made for the struct.
    fn of<K>(key: &K) -> Self {
        match type_name::<K>().contains("__Field") {
            true => Self::Known(
                BuildHasherDefault::<DefaultHasher>::default().hash_one(discriminant(key)),
            ),
            false => Self::Other,
        }
    }
}

/// Offers a struct a single field.
struct OneField<'s> {
    name: &'static str,
    found: &'s RefCell<Field>,
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
        let key = seed.deserialize(name)?;
        self.found.replace(Field::of(&key));
        Ok(Some(key))
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Refused> {
        let value = self.value.take();
        seed.deserialize(value.ok_or_else(|| Refused::new("only the name was offered"))?)
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
        "JSON object": deserialize_map;
        "text or JSON": deserialize_any;
        "value": deserialize_unit deserialize_identifier deserialize_ignored_any;
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
        self.note("JSON object")
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
