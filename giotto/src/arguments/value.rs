//! Reads one given value, text or JSON, as the type of a parameter.
//!
//! Part of step 3 of an invocation: `values` asks for each of them.

use std::any::type_name;

use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde_json::Value as Json;

use super::forward::methods;
use super::json::{visit_array, visit_object};
use super::one::One;
use super::refused::Refused;
use crate::error::{Refusal, quoted};

/// Whether a refused integer is one, outside the range of its type.
macro_rules! range {
    ($type:ty) => {
        |is_integer: bool| match is_integer {
            true => Refusal::OutOfRange {
                least: <$type>::MIN as i128,
                most: <$type>::MAX as u128,
            },
            false => Refusal::NotAnInteger,
        }
    };
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers and characters.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $refusal:expr, $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(value) => {
                    let refusal = || $refusal(value.is_i64() || value.is_u64());
                    value.$method(visitor).map_err(|_| Refused::json(value, $expected, refusal()))
                }
                Self::Text(text) => match text.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(Refused::text(text, $expected, $refusal(is_integer(text)))),
                },
            }
        })*
    };
}

/// Types with parts. Those in JSON of their own kind are told by their paths.
macro_rules! structured {
    ($($kind:ident $visit:ident: $($method:ident($($argument:ident: $type:ty),*))*;)*) => {
        $($(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Json(Json::$kind(parts)) => $visit(parts, visitor),
                Self::Json(value) => value.$method($($argument,)* visitor).map_err(Into::into),
                Self::Text(text) => read(text)?.$method($($argument,)* visitor).map_err(Into::into),
            }
        })*)*
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
        deserialize_i8 visit_i8 i8, range!(i8), "an integer from -128 to 127";
        deserialize_i16 visit_i16 i16, range!(i16), "an integer from -32768 to 32767";
        deserialize_i32 visit_i32 i32, range!(i32), "an integer from -2147483648 to 2147483647";
        deserialize_i64 visit_i64 i64, range!(i64), "an integer of 64 bits";
        deserialize_i128 visit_i128 i128, range!(i128), "an integer of 128 bits";
        deserialize_u8 visit_u8 u8, range!(u8), "an integer from 0 to 255";
        deserialize_u16 visit_u16 u16, range!(u16), "an integer from 0 to 65535";
        deserialize_u32 visit_u32 u32, range!(u32), "an integer from 0 to 4294967295";
        deserialize_u64 visit_u64 u64, range!(u64), "a positive integer of 64 bits";
        deserialize_u128 visit_u128 u128, range!(u128), "a positive integer of 128 bits";
        deserialize_f32 visit_f32 f32, |_| Refusal::NotANumber, "a number";
        deserialize_f64 visit_f64 f64, |_| Refusal::NotANumber, "a number";
        deserialize_char visit_char char, |_| Refusal::NotACharacter, "one character";
    }

    textual! {
        deserialize_bytes deserialize_byte_buf deserialize_identifier deserialize_ignored_any
    }

    structured! {
        Object visit_object:
            deserialize_map()
            deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        Array visit_array:
            deserialize_seq()
            deserialize_tuple(length: usize)
            deserialize_tuple_struct(name: &'static str, length: usize);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let text = match self {
            Self::Json(Json::String(text)) => return visit_text(text, visitor),
            Self::Json(value) => return Ok(value.deserialize_any(visitor)?),
            Self::Text(text) => text,
        };
        let takes_all = takes_all::<V::Value>();
        match meant(text).filter(|value| takes_all || value.is_array() || value.is_object()) {
            Some(value) => Ok(value.deserialize_any(visitor)?),
            None => visit_text(text, visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self {
            Self::Text(text) => visit_text(text, visitor),
            Self::Json(Json::String(text)) => visit_text(text, visitor),
            Self::Json(value) => {
                let refused =
                    |_| Refused::json(value, "text, which stands in quotes", Refusal::NotText);
                value.deserialize_str(visitor).map_err(refused)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self {
            Self::Json(value) => {
                let refused = |_| Refused::json(value, "true or false", Refusal::NotTrueOrFalse);
                value.deserialize_bool(visitor).map_err(refused)
            }
            Self::Text("true" | "True" | "1" | "on" | "yes") => visitor.visit_bool(true),
            Self::Text("false" | "False" | "0" | "off" | "no") => visitor.visit_bool(false),
            Self::Text(text) => Err(Refused::text(
                text,
                "true or false",
                Refusal::NotTrueOrFalse,
            )),
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

/// Reads a text as the type of `visitor`. If that refuses it, the type says what is expected.
#[inline]
fn visit_text<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, Refused> {
    let read = visitor.visit_borrowed_str(text);
    read.map_err(|refused: Refused| {
        let refused = refused.by_type(type_name::<V::Value>());
        refused.given(|| text.to_owned())
    })
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
    let name = type_name::<T>();
    name.contains("::Content") || name.ends_with("::Value")
}
