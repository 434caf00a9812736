//! Makes a struct of arguments from made-up values, to see what it holds for those that nobody gave.
//!
//! Used once, when a program is made: `parameter.rs` finds defaults and aliases by it. serde asks for every value in turn
//! and gets one from a table; what refuses it gets the next.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value as Json;

use super::parameter::Parameter;
use super::value::{Refused, TWICE};

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
const INTEGERS: [i8; 5] = [1, 0, 2, 10, 100];
const NUMBERS: [f32; 3] = [1.5, 0.0, 1.0];
/// For types that leave it to the format what they are made of.
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
/// A parameter that takes none of so many values takes none at all.
const CHOICES: usize = TEXTS.len();
/// Types that contain themselves end here.
const DEEP: u8 = 4;

/// Values for the parameters of a struct.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// The parameters that are given, each with the place of its values in the tables.
    given: Vec<(&'static str, usize)>,
}

/// Samples for the required parameters of an `A`.
pub(crate) fn required<A: DeserializeOwned>(parameters: &[Parameter]) -> Option<Samples> {
    Samples::default().mended::<A>(parameters)
}

/// Which of the `names` of one field is its own: serde tells when it is given twice.
pub(crate) fn own_name<A: DeserializeOwned>(names: &[&'static str]) -> Option<&'static str> {
    (0..CHOICES).find_map(|choice| {
        let samples = Samples {
            given: vec![(names[0], choice); 2],
        };
        let refused = samples.make::<A>().err()?;
        let is_own = |name: &&&str| **name == refused.name && refused.message == TWICE;
        names.iter().find(is_own).copied()
    })
}

impl Samples {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// A panic of the application's code is found out by a request.
    pub(crate) fn make<A: DeserializeOwned>(&self) -> Result<A, Refused> {
        let made = catch_unwind(AssertUnwindSafe(|| A::deserialize(self)));
        made.unwrap_or_else(|_| Err(no_sample()))
    }

    /// The same, changed until a struct can be made: a value that is missing is added, one that is refused is replaced by
    /// the next of its table.
    fn mended<A: DeserializeOwned>(mut self, parameters: &[Parameter]) -> Option<Self> {
        loop {
            let Err(refused) = self.make::<A>() else {
                return Some(self);
            };
            let is_it = |name: &&'static str| *name == refused.name;
            let name = parameters.iter().map(|one| one.name).find(is_it)?;
            match self.given.iter_mut().find(|(given, _)| *given == name) {
                Some((_, choice)) if *choice + 1 < CHOICES => *choice += 1,
                Some(_) => return None,
                None => self.given.push((name, 0)),
            }
        }
    }
}

impl<'de> Deserializer<'de> for &Samples {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Arguments {
            remaining: self.given.iter(),
            current: None,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The fields of the argument struct.
struct Arguments<'s> {
    remaining: std::slice::Iter<'s, (&'static str, usize)>,
    current: Option<(&'static str, usize)>,
}

impl<'de> de::MapAccess<'de> for Arguments<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.current = self.remaining.next().copied();
        let key = self.current.map(|(name, _)| seed.deserialize(named(name)));
        key.transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let (name, choice) = self.current.ok_or_else(no_sample)?;
        let refused = seed.deserialize(Sample { choice, depth: 0 });
        refused.map_err(|refused| Refused::of(name, String::new(), refused.message))
    }
}

fn no_sample<E: de::Error>() -> E {
    E::custom("there is no such sample")
}

fn named(name: &str) -> StrDeserializer<'_, Refused> {
    name.into_deserializer()
}

/// One value, whatever type asks for it.
#[derive(Clone, Copy)]
struct Sample {
    /// Its place in the tables.
    choice: usize,
    depth: u8,
}

impl Sample {
    fn of<T: Copy>(self, table: &[T]) -> Result<T, Refused> {
        table.get(self.choice).copied().ok_or_else(no_sample)
    }

    fn integer<T: TryFrom<i8>>(self) -> Result<T, Refused> {
        self.of(&INTEGERS)?.try_into().map_err(|_| no_sample())
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

/// Values without parts.
macro_rules! simple {
    ($($method:ident $visit:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.$visit($value(self)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Sample {
    type Error = Refused;

    simple! {
        deserialize_bool visit_bool |this: Self| this.of(&[true, false]);
        deserialize_i8 visit_i8 Self::integer;
        deserialize_i16 visit_i16 Self::integer;
        deserialize_i32 visit_i32 Self::integer;
        deserialize_i64 visit_i64 Self::integer;
        deserialize_i128 visit_i128 Self::integer;
        deserialize_u8 visit_u8 Self::integer;
        deserialize_u16 visit_u16 Self::integer;
        deserialize_u32 visit_u32 Self::integer;
        deserialize_u64 visit_u64 Self::integer;
        deserialize_u128 visit_u128 Self::integer;
        deserialize_f32 visit_f32 |this: Self| this.of(&NUMBERS);
        deserialize_f64 visit_f64 |this: Self| this.of(&NUMBERS).map(f64::from);
        deserialize_char visit_char |this: Self| this.of(&['a', '0', ' ']);
        deserialize_str visit_str |this: Self| this.of(&TEXTS);
        deserialize_string visit_str |this: Self| this.of(&TEXTS);
        deserialize_identifier visit_str |this: Self| this.of(&TEXTS);
        deserialize_bytes visit_bytes |this: Self| this.of(&TEXTS).map(str::as_bytes);
        deserialize_byte_buf visit_bytes |this: Self| this.of(&TEXTS).map(str::as_bytes);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let value: Json = self.of(&VALUES)?.parse().map_err(de::Error::custom)?;
        value.deserialize_any(visitor).map_err(de::Error::custom)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.depth > DEEP {
            true => visitor.visit_none(),
            false => visitor.visit_some(self.part()),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self.part())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(self.items(1))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(self.items(1))
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

    /// In declared order: by name, a field with aliases would be given twice.
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

/// The variant of an enum, and what is in it.
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
