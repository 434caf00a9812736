//! One made-up value for a parameter of any type.
//!
//! Used by `samples` when a program is made.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde_json::Value as Json;

use super::forward::methods;
use super::refused::Refused;

const TEXTS: [&str; 10] = [
    "a",
    "1",
    "true",
    "2020-01-02",
    "2020-01-02T03:04:05Z",
    "127.0.0.1",
    "::1",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "https://example.org/a",
    "1.0.0",
];
const INTEGERS: [u32; 5] = [1, 0, 2, 10, 100];
const NUMBERS: [f64; 3] = [1.5, 0.0, 1.0];
/// For types that accept several kinds of values.
const VALUES: [&str; 9] = [
    "\"a\"",
    "1",
    "1.5",
    "true",
    "{\"a\":1}",
    "{\"a\":\"b\"}",
    "null",
    "[1]",
    "[\"a\"]",
];
/// A parameter that refuses this number of values has no sample.
pub(super) const CHOICES: usize = TEXTS.len();
/// The depth at which recursive types end.
const DEEP: u8 = 4;

pub(super) fn no_sample() -> Refused {
    Refused::new("there is no such sample")
}

pub(super) fn named(name: &str) -> StrDeserializer<'_, Refused> {
    name.into_deserializer()
}

/// One value for any type.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    /// The place of the value in the tables.
    choice: usize,
    depth: u8,
}

impl Sample {
    pub(super) const fn new(choice: usize) -> Self {
        Self { choice, depth: 0 }
    }

    fn of<T: Copy>(self, table: &[T]) -> Result<T, Refused> {
        table.get(self.choice).copied().ok_or_else(no_sample)
    }

    const fn part(self) -> Self {
        Self {
            choice: self.choice,
            depth: self.depth + 1,
        }
    }

    fn items(self, count: usize) -> Items {
        Items {
            part: self.part(),
            left: if self.depth > DEEP { 0 } else { count },
        }
    }
}

impl<'de> Deserializer<'de> for Sample {
    type Error = Refused;

    methods! {
        self, visitor => visitor.visit_bool(self.of(&[true, false])?); for deserialize_bool;
        self, visitor => visitor.visit_i64(self.of(&INTEGERS)?.into()); for
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128;
        self, visitor => visitor.visit_u64(self.of(&INTEGERS)?.into()); for
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        self, visitor => visitor.visit_f64(self.of(&NUMBERS)?); for deserialize_f32 deserialize_f64;
        self, visitor => visitor.visit_char(self.of(&['a', '0', ' '])?); for deserialize_char;
        self, visitor => visitor.visit_str(self.of(&TEXTS)?); for
            deserialize_str deserialize_string deserialize_identifier;
        self, visitor => visitor.visit_bytes(self.of(&TEXTS)?.as_bytes()); for
            deserialize_bytes deserialize_byte_buf;
        self, visitor => visitor.visit_unit(); for
            deserialize_unit deserialize_unit_struct deserialize_ignored_any;
        self, visitor => visitor.visit_newtype_struct(self.part()); for deserialize_newtype_struct;
        self, visitor => visitor.visit_seq(self.items(1)); for deserialize_seq;
        self, visitor => visitor.visit_map(self.items(1)); for deserialize_map;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let value: Json = self.of(&VALUES)?.parse()?;
        Ok(value.deserialize_any(visitor)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.depth > DEEP {
            true => visitor.visit_none(),
            false => visitor.visit_some(self.part()),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.items(length))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.items(length))
    }

    /// By position. By name, a field with aliases would be given twice.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.items(fields.len()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let name = variants.get(self.choice % variants.len().max(1));
        visitor.visit_enum(Variant {
            name: name.ok_or_else(no_sample)?,
            part: self.part(),
        })
    }
}

/// The items of a list, a map or a tuple.
struct Items {
    part: Sample,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Items {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.part).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for Items {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self.part)
    }
}

/// A variant of an enum with its content.
struct Variant {
    name: &'static str,
    part: Sample,
}

impl<'de> de::EnumAccess<'de> for Variant {
    type Error = Refused;
    type Variant = Sample;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Sample), Refused> {
        Ok((seed.deserialize(named(self.name))?, self.part))
    }
}

impl<'de> de::VariantAccess<'de> for Sample {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.items(length))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.items(fields.len()))
    }
}
