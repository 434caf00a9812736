//! Finds the parameters of a model, for `--help`, the list of programs and error messages.
//!
//! Runs once, when a program is made: it offers values to the argument struct and watches what the struct asks serde for.

use std::any::type_name;
use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::mem::discriminant;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use super::key;
use super::language::language;
use super::parameter::{Parameter, Parameters};
use super::plain::is_standard;
use super::refused::Refused;
use super::samples::{self, Samples};
use super::watch::Watch;
use crate::error::{Error, Result};

/// The parameters of a model that takes an `A`; `docs` has their documentation by name.
pub(crate) fn parameters<A>(docs: &[(&str, &'static str)]) -> Result<Parameters>
where
    A: DeserializeOwned + Serialize + 'static,
{
    let mut all = fields::<A>(names::<A>()?);
    for parameter in &mut all {
        watch::<A>(parameter);
        parameter.is_plain &= is_written_plainly::<A>();
        let doc = docs.iter().find(|(name, _)| *name == parameter.name);
        parameter.doc = doc.map_or("", |(_, doc)| doc);
    }
    if let Some(samples) = samples::required::<A>(&all) {
        read_defaults::<A>(&samples, &mut all);
        for at in 0..all.len() {
            all[at].is_choice = is_choice::<A>(&all[at], &all, &samples);
            all[at].is_plain |= all[at].is_choice && is_written_plainly::<A>();
        }
    }
    Ok(Parameters {
        // No field has this name.
        language: language::<A>(&all),
        denies_unknown: !all.is_empty() && matches!(field::<A>("\0"), Field::Refused),
        all,
    })
}

/// Whether `A` is a struct of `#[model]`, which has no attributes that change what a field writes.
fn is_written_plainly<A>() -> bool {
    type_name::<A>().ends_with("::__GiottoArguments")
}

/// The names by which serde knows the fields: the name of each field, next to its aliases.
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

/// The fields with these `names`. The names of one field are neighbours, in alphabetical order.
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
            _ => samples::own_name::<A>(&names).unwrap_or(names[0]),
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
    // The result is always an error. Only `found` counts.
    let _ = A::deserialize(OneField {
        name,
        found: &found,
        value: None,
    });
    found.into_inner()
}

/// Notes what the type of the `parameter` asks serde for.
fn watch<A: DeserializeOwned>(parameter: &mut Parameter) {
    let seen = RefCell::new(parameter.clone());
    // The result is always an error. Only `seen` counts.
    let _ = A::deserialize(OneField {
        name: parameter.name,
        found: &RefCell::new(Field::Refused),
        value: Some(Watch(&seen)),
    });
    *parameter = seen.into_inner();
}

/// Sets the defaults: what a struct made of `samples` for the required parameters holds for the others.
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
        parameter.must_be_given = parameter.required;
        let default = values
            .get(parameter.name)
            .filter(|value| !parameter.required && !value.is_null());
        parameter.default = default.map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        });
    }
}

/// Whether `parameter` is an enum without data whose variants are all written as variants of their own: then what is written
/// determines the value. An enum with an alias is none: two names that are written alike may as well be two values.
fn is_choice<A>(parameter: &Parameter, all: &[Parameter], samples: &Samples) -> bool
where
    A: DeserializeOwned + Serialize,
{
    let written = |samples: &Samples| {
        let made = samples.make::<A>().ok()?;
        key::variant(&made, all, parameter.name)
    };
    let Parameter { name, variants, .. } = parameter;
    let each: Option<Vec<_>> = (0..variants.len())
        .map(|choice| written(&samples.with(name, choice)))
        .collect();
    let Some(each) = each.filter(|_| !variants.is_empty() && !parameter.is_list) else {
        return false;
    };
    let is_own = |(at, (index, name)): (usize, &(u32, &str))| {
        let mut others = each.iter().skip(at + 1);
        others.all(|(other, known)| other != index && known != name)
    };
    let default = (!parameter.required).then(|| written(samples)).flatten();
    let is_known = default.is_none_or(|default| each.contains(&default));
    is_known && each.iter().enumerate().all(is_own)
}

/// What the argument type asked serde for.
enum Asked {
    /// A struct with these names.
    Struct(&'static [&'static str]),
    /// A struct with flattened fields.
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

/// What serde understands by a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// A field, or the placeholder for ignored names.
    Known(u64),
    /// The type does not derive `Deserialize`.
    Other,
    /// The name is refused.
    Refused,
}

impl Field {
    /// `derive` makes an enum of the fields of a struct: two names of one field are one variant of it.
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
        let value = value.ok_or_else(|| Refused::new("only the name was offered"))?;
        value.0.borrow_mut().is_plain = is_standard(type_name::<S::Value>());
        seed.deserialize(value)
    }
}
