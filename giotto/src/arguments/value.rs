//! Reads one given value, text or JSON, as the type of a parameter.
//!
//! Part of step 3 of an invocation: `args` asks for every parameter in turn.

use std::fmt;

use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde_json::Value as Json;

use crate::error::{InvalidInput, quoted};
use crate::request::Value;

/// One or more values given for one parameter.
pub(crate) struct Values<'de> {
    pub(crate) first: One<'de>,
    pub(crate) rest: Vec<One<'de>>,
}

/// One value as it was given. Text that stands for something with parts is JSON: `{"a":1}`, `[1,2]`.
#[derive(Clone, Copy)]
pub(crate) enum One<'de> {
    Text(&'de str),
    Json(&'de Json),
}

impl<'de> One<'de> {
    pub(crate) fn of(value: &'de Value<'de>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Json(value) => Self::Json(value),
        }
    }
}

impl fmt::Display for One<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Json(value) => write!(f, "{value}"),
        }
    }
}

impl<'de> Values<'de> {
    fn only(self) -> Result<One<'de>, Refused> {
        match self.rest.len() {
            0 => Ok(self.first),
            more => Err(Refused::new(format!(
                "it is given {} times: give it once",
                more + 1
            ))),
        }
    }
}

/// What a parameter of a simple type makes of its only value.
macro_rules! only {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            self.only()?.$method(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = Refused;

    only! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.first {
            One::Json(Json::Null) if self.rest.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match (self.first, self.rest.is_empty()) {
            (One::Json(array @ Json::Array(_)), true) => {
                return array.deserialize_seq(visitor).map_err(de::Error::custom);
            }
            (One::Text(text), true) if text.trim_start().starts_with('[') => {
                if let Ok(array @ Json::Array(_)) = serde_json::from_str(text) {
                    return array.deserialize_seq(visitor).map_err(de::Error::custom);
                }
            }
            _ => {}
        }
        let values = std::iter::once(self.first).chain(self.rest);
        let mut values = de::value::SeqDeserializer::new(values);
        let list = visitor.visit_seq(&mut values)?;
        // A tuple leaves what is too much for it.
        values.end()?;
        Ok(list)
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
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.only()?.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }
}

impl<'de> IntoDeserializer<'de, Refused> for One<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// What a parameter of a number type makes of a text.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(value) => {
                    value.$method(visitor).map_err(|_| Refused::json(value, $expected))
                }
                Self::Text(text) => match text.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(Refused::text(text, $expected)),
                },
            }
        })*
    };
}

/// What a parameter with parts makes of a text.
macro_rules! structured {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(value) => value.$method($($argument,)* visitor).map_err(de::Error::custom),
                Self::Text(text) => {
                    read(text)?.$method($($argument,)* visitor).map_err(de::Error::custom)
                }
            }
        })*
    };
}

/// What a parameter of any other type makes of a text.
macro_rules! textual {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(value) => value.$method(visitor).map_err(de::Error::custom),
                Self::Text(text) => visitor.visit_borrowed_str(text),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for One<'de> {
    type Error = Refused;

    parsed! {
        deserialize_i8 visit_i8 i8, "an integer from -128 to 127";
        deserialize_i16 visit_i16 i16, "an integer from -32768 to 32767";
        deserialize_i32 visit_i32 i32, "an integer from -2147483648 to 2147483647";
        deserialize_i64 visit_i64 i64, "an integer of 64 bits";
        deserialize_i128 visit_i128 i128, "an integer of 128 bits";
        deserialize_u8 visit_u8 u8, "an integer from 0 to 255";
        deserialize_u16 visit_u16 u16, "an integer from 0 to 65535";
        deserialize_u32 visit_u32 u32, "an integer from 0 to 4294967295";
        deserialize_u64 visit_u64 u64, "a positive integer of 64 bits";
        deserialize_u128 visit_u128 u128, "a positive integer of 128 bits";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
        deserialize_char visit_char char, "one character";
    }

    textual! {
        deserialize_bytes deserialize_byte_buf deserialize_identifier deserialize_ignored_any
    }

    structured! {
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let text = match self {
            Self::Json(value) => return value.deserialize_any(visitor).map_err(de::Error::custom),
            Self::Text(text) => text,
        };
        let takes_all = takes_all::<V::Value>();
        match meant(text).filter(|value| takes_all || value.is_array() || value.is_object()) {
            Some(value) => value.deserialize_any(visitor).map_err(de::Error::custom),
            None => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self {
            Self::Json(value) => {
                let refused = |_| Refused::json(value, "text, which stands in quotes");
                value.deserialize_str(visitor).map_err(refused)
            }
            Self::Text(text) => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self {
            Self::Json(value) => {
                let refused = |_| Refused::json(value, "true or false");
                value.deserialize_bool(visitor).map_err(refused)
            }
            Self::Text("true" | "True" | "1" | "on" | "yes") => visitor.visit_bool(true),
            Self::Text("false" | "False" | "0" | "off" | "no") => visitor.visit_bool(false),
            Self::Text(text) => Err(Refused::text(text, "true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self {
            Self::Json(Json::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match self {
            Self::Json(value) => value
                .deserialize_enum(name, variants, visitor)
                .map_err(de::Error::custom),
            // Whether a text is one of the variants is for the type to say: it may have one for all others.
            Self::Text(text) if !text.starts_with('{') => {
                visitor.visit_enum(text.into_deserializer())
            }
            Self::Text(text) => read(text)?
                .deserialize_enum(name, variants, visitor)
                .map_err(de::Error::custom),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::new("the parameter takes no value: leave it out"))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }
}

fn read(text: &str) -> Result<Json, Refused> {
    serde_json::from_str(text).map_err(|error| {
        Refused::new(format!(
            "{} is not JSON ({error}): it has parts, and is written as JSON, such as {{\"a\":1}} or [1,2]",
            quoted(text)
        ))
    })
}

/// What `text` means to a type that takes several: what it is as JSON, unless it is none, or a number with more digits
/// than one can hold.
fn meant(text: &str) -> Option<Json> {
    let value: Json = serde_json::from_str(text).ok()?;
    match &value {
        Json::Array(_) | Json::Object(_) => Some(value),
        _ if text.trim() != text => None,
        Json::Number(number) if number.is_f64() => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            (digits <= f64::DIGITS as usize).then_some(value)
        }
        _ => Some(value),
    }
}

/// Whether a value of any type makes a `T`: it is what serde keeps of one while it tries the variants of an enum, or a
/// value of JSON or the like. Any other type that leaves the choice to the format reads text, as it does from a URL.
fn takes_all<T>() -> bool {
    let name = std::any::type_name::<T>();
    name.contains("::Content") || name.ends_with("::Value")
}

/// What serde says of a field that it gets a second time.
pub(crate) const TWICE: &str = "it is given twice";

/// A refusal on its way through serde, which knows the message before the name of the field.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            value: String::new(),
            message: message.into(),
        }
    }

    /// Of the argument `name`, which was given as `value`.
    pub(crate) fn of(name: &str, value: String, message: String) -> Self {
        Self {
            name: name.to_owned(),
            value,
            message,
        }
    }

    fn text(text: &str, expected: &str) -> Self {
        Self::new(format!("{} is not {expected}", quoted(text)))
    }

    fn json(value: &Json, expected: &str) -> Self {
        match value {
            Json::String(text) => Self::text(text, expected),
            Json::Array(_) => Self::new(format!("an array is not {expected}")),
            Json::Object(_) => Self::new(format!("an object is not {expected}")),
            value => Self::new(format!("{value} is not {expected}")),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_variant(variant: &str, variants: &'static [&'static str]) -> Self {
        Self::text(variant, &format!("one of '{}'", variants.join("', '")))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(field, String::new(), TWICE.to_owned())
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("it is missing: add {field}=VALUE");
        Self {
            name: field.to_owned(),
            ..Self::new(message)
        }
    }
}

impl From<Refused> for InvalidInput {
    fn from(refused: Refused) -> Self {
        Self::new().field(refused.name, refused.value, refused.message)
    }
}
