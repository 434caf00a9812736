//! Reads one given value, text or JSON, as the type of a parameter.
//!
//! Part of step 3 of an invocation: `bind` asks for each parameter.

use std::fmt;

use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde_json::Value as Json;

use super::forward::{forward, methods};
use super::refused::Refused;
use crate::error::quoted;
use crate::request::{Given, Value};

/// One or more values given for one parameter.
pub(crate) struct Values<'de> {
    pub(crate) first: One<'de>,
    pub(crate) rest: Vec<One<'de>>,
}

/// One value as it was given. A type with parts reads text as JSON: `{"a":1}`, `[1,2]`.
#[derive(Clone, Copy)]
pub(crate) enum One<'de> {
    Text(&'de str),
    Json(&'de Json),
}

impl<'de> One<'de> {
    pub(crate) fn of(value: &'de Value<'de>) -> Self {
        match &value.0 {
            Given::Text(text) => Self::Text(text),
            Given::Json(value) => Self::Json(value),
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

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = Refused;

    forward! {
        self, visitor => self.only()?, visitor; for
            deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
            deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
            deserialize_byte_buf deserialize_unit deserialize_unit_struct deserialize_map deserialize_struct
            deserialize_enum deserialize_identifier deserialize_ignored_any;
    }

    methods! {
        self, visitor => visitor.visit_newtype_struct(self); for deserialize_newtype_struct;
        self, visitor => self.deserialize_seq(visitor); for deserialize_tuple deserialize_tuple_struct;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.first {
            One::Json(Json::Null) if self.rest.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match (self.first, self.rest.is_empty()) {
            (One::Json(array @ Json::Array(_)), true) => {
                return Ok(array.deserialize_seq(visitor)?);
            }
            (One::Text(text), true) if text.trim_start().starts_with('[') => {
                if let Ok(array @ Json::Array(_)) = serde_json::from_str(text) {
                    return Ok(array.deserialize_seq(visitor)?);
                }
            }
            _ => {}
        }
        let values = std::iter::once(self.first).chain(self.rest);
        let mut values = SeqDeserializer::new(values);
        let list = visitor.visit_seq(&mut values)?;
        // A tuple does not read surplus items.
        values.end()?;
        Ok(list)
    }
}

impl<'de> IntoDeserializer<'de, Refused> for One<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Numbers and characters.
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

/// Types with parts.
macro_rules! structured {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(value) => value.$method($($argument,)* visitor).map_err(Into::into),
                Self::Text(text) => read(text)?.$method($($argument,)* visitor).map_err(Into::into),
            }
        })*
    };
}

/// All other types that read text.
macro_rules! textual {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(value) => value.$method(visitor).map_err(Into::into),
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
            Self::Json(value) => return Ok(value.deserialize_any(visitor)?),
            Self::Text(text) => text,
        };
        let takes_all = takes_all::<V::Value>();
        match meant(text).filter(|value| takes_all || value.is_array() || value.is_object()) {
            Some(value) => Ok(value.deserialize_any(visitor)?),
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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match self {
            Self::Json(value) => Ok(value.deserialize_enum(name, variants, visitor)?),
            // The type decides whether the text is a variant: it may have one for all others (`#[serde(other)]`).
            Self::Text(text) if !text.starts_with('{') => {
                visitor.visit_enum(text.into_deserializer())
            }
            Self::Text(text) => Ok(read(text)?.deserialize_enum(name, variants, visitor)?),
        }
    }

    methods! {
        self, visitor => self.deserialize_str(visitor); for deserialize_string;
        self, visitor => visitor.visit_newtype_struct(self); for deserialize_newtype_struct;
        self, _visitor => Err(Refused::new("the parameter takes no value: leave it out"));
            for deserialize_unit deserialize_unit_struct;
    }
}

fn read(text: &str) -> Result<Json, Refused> {
    serde_json::from_str(text).map_err(|error| {
        Refused::new(format!(
            "{} is not JSON ({error}): write it as JSON, such as {{\"a\":1}} or [1,2], because it has parts",
            quoted(text)
        ))
    })
}

/// What `text` means to a type that accepts several kinds of values: JSON, unless it is no JSON, or a number with more
/// digits than a float can hold.
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

/// Whether a `T` accepts a value of any kind: it is serde's buffer for enums, or `serde_json::Value` or the like. Any
/// other type that leaves the kind to the format reads text, as from a URL.
fn takes_all<T>() -> bool {
    let name = std::any::type_name::<T>();
    name.contains("::Content") || name.ends_with("::Value")
}
