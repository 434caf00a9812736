//! The deserializer of the settings in `[app]`: it asks the variables and the tables for each field of a struct.
//!
//! Before the application is made.

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use toml::Value;

use super::place::{At, Read, expected};
use super::problem::Problem;
use super::variant::Variant;
use crate::config::setting::Setting;

/// Methods for numbers, which are written as such or as texts.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.scalar(|setting| match &setting.value {
                Value::Integer(number) => visitor.visit_i64(*number),
                Value::String(text) if setting.is_text() => match text.trim().parse() {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => Err(expected("a whole number")),
                },
                _ => Err(expected("a whole number")),
            })
        }
    )*};
}

macro_rules! floats {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.scalar(|setting| match &setting.value {
                Value::Float(number) => visitor.visit_f64(*number),
                Value::Integer(number) => visitor.visit_f64(*number as f64),
                Value::String(text) if setting.is_text() => match text.trim().parse() {
                    Ok(number) => visitor.visit_f64(number),
                    Err(_) => Err(expected("a number")),
                },
                _ => Err(expected("a number")),
            })
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.scalar(|setting| match &setting.value {
                Value::String(text) => visitor.visit_str(text),
                _ => Err(expected("a text in quotes")),
            })
        }
    )*};
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Problem;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }
    floats! { deserialize_f32 deserialize_f64 }
    texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.scalar(|setting| match &setting.value {
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::String(text) if setting.is_text() => match text.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ => Err(expected("true or false")),
            },
            _ => Err(expected("true or false")),
        })
    }

    /// It is only asked for what there is.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        // Dates are structs with a name of their own.
        if name.starts_with('$') {
            let (setting, value) = self.value()?;
            let value = value.deserialize_struct(name, fields, visitor);
            return value.map_err(|error| {
                self.place(
                    setting.as_ref(),
                    Problem::Custom(error.message().to_owned()),
                )
            });
        }
        let table = self.table()?;
        let names = table.present(fields)?;
        read_table(&table, names, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let table = self.table()?;
        let names = table.members();
        read_table(&table, names, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.scalar(|setting| {
            let items = items(setting).ok_or_else(|| expected("an array"))?;
            let items = items.into_iter().map(|value| self.item(setting, value));
            visitor.visit_seq(Items(items))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let (setting, value) = self.value()?;
        let read = match value {
            Value::String(text) => visitor.visit_enum(Variant(text)),
            value => value
                .deserialize_enum(name, variants, visitor)
                .map_err(|error| Problem::Custom(error.message().to_owned())),
        };
        read.map_err(|problem| self.place(setting.as_ref(), problem))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let (setting, value) = self.value()?;
        value.deserialize_any(visitor).map_err(|error| {
            self.place(
                setting.as_ref(),
                Problem::Custom(error.message().to_owned()),
            )
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.setting()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct }
}

/// Reads the members `names` of `table`.
fn read_table<'de, V: Visitor<'de>>(
    table: &At<'_>,
    names: Vec<String>,
    visitor: V,
) -> Read<V::Value> {
    let members = Members {
        names: names.into_iter(),
        at: table,
        next: String::new(),
    };
    let read = visitor.visit_map(members);
    read.map_err(|problem| table.complete(problem))
}

/// The members of a table that are there.
struct Members<'a, 't> {
    names: std::vec::IntoIter<String>,
    at: &'t At<'a>,
    next: String,
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let Some(name) = self.names.next() else {
            return Ok(None);
        };
        self.next = name.clone();
        let name: StringDeserializer<Problem> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        let member = self.at.member(&self.next);
        seed.deserialize(member.clone()).map_err(|problem| {
            let setting = member.setting().ok().flatten();
            member.place(setting.as_ref(), problem)
        })
    }
}

/// The items of `setting`: an array, or a text with one, or a text with commas.
fn items(setting: &Setting) -> Option<Vec<Value>> {
    match &setting.value {
        Value::Array(items) => Some(items.clone()),
        Value::String(text) if setting.is_text() => {
            let array = format!("value = {text}").parse::<toml::Table>().ok();
            match array.and_then(|mut table| table.remove("value")) {
                Some(Value::Array(items)) => Some(items),
                _ => {
                    let items = text.split(',').map(str::trim);
                    Some(items.map(|item| Value::String(item.to_owned())).collect())
                }
            }
        }
        _ => None,
    }
}

/// The items of an array.
struct Items<I>(I);

impl<'a, 'de, I: Iterator<Item = At<'a>>> SeqAccess<'de> for Items<I> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}
