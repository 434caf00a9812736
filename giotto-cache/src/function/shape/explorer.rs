//! A deserializer without data: it lets a type ask for its parts, and notes what it asks for.
//!
//! Part of `shape/`. Aloud it notes one part and stops. Quietly it gives any value of a part, to get to the parts behind it: a
//! tuple is read in its order, while the fields of a struct are given by their names, one in each run.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::probe::{DEEPEST, Probe, Stop, short};

pub(super) struct Explorer<'p> {
    probe: &'p mut Probe,
    /// Whether it gives values instead of noting parts.
    is_quiet: bool,
    depth: usize,
}

/// The elements of a sequence: quiet ones, and then the one that is explored.
struct Elements<'p> {
    explorer: Explorer<'p>,
    quiet: usize,
}

/// One field of a struct.
struct Field<'p> {
    explorer: Explorer<'p>,
    name: Option<&'static str>,
}

/// The key of a map, or its value behind a quiet key.
struct Pair<'p> {
    explorer: Explorer<'p>,
    is_of_value: bool,
}

/// One variant of an enum.
struct Variant<'p> {
    explorer: Explorer<'p>,
    name: &'static str,
}

impl<'p> Explorer<'p> {
    pub(super) const fn new(probe: &'p mut Probe) -> Self {
        Self {
            probe,
            is_quiet: false,
            depth: 0,
        }
    }

    /// The same for a part of what this one explores.
    const fn within(&mut self, is_quiet: bool) -> Explorer<'_> {
        Explorer {
            is_quiet: self.is_quiet || is_quiet,
            depth: self.depth,
            probe: self.probe,
        }
    }

    /// What has no parts: aloud, it is noted, and the run ends.
    fn leaf<V>(&mut self, kind: &str) -> Result<(), Stop> {
        self.note(format_args!("{kind}:{}", short::<V>()));
        if self.is_quiet { Ok(()) } else { Err(Stop) }
    }

    fn note(&mut self, part: impl Display) {
        if !self.is_quiet {
            self.probe.note(part);
        }
    }

    /// Goes into what has parts, unless it is too deep or was seen before.
    fn enter<V>(&mut self, name: Option<&str>, part: impl Display) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.note("cut");
            return Err(Stop);
        }
        match (self.is_quiet, name) {
            (true, _) => {}
            (false, Some(name)) => self.probe.enter::<V>(format_args!("{part} {name}"))?,
            (false, None) => self.note(format_args!("{part}:{}", short::<V>())),
        }
        Ok(())
    }

    /// The parts of a tuple: quietly all, aloud one.
    fn tuple<'de, V: Visitor<'de>>(mut self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        self.note(format_args!("tuple {length}"));
        let quiet = match self.is_quiet {
            true => length,
            false => self.probe.fork(length)?,
        };
        let explorer = self;
        visitor.visit_seq(Elements { explorer, quiet })
    }

    /// The fields of a struct: quietly all, aloud one.
    fn fields<'de, V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let (explorer, quiet) = (self, names.len());
        if explorer.is_quiet {
            return visitor.visit_seq(Elements { explorer, quiet });
        }
        let name = Some(names[explorer.probe.fork(names.len())?]);
        visitor.visit_map(Field { explorer, name })
    }
}

macro_rules! leaves {
    ($($deserialize:ident $kind:literal $visit:ident($value:expr))*) => {$(
        fn $deserialize<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
            self.leaf::<V::Value>($kind)?;
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Explorer<'_> {
    type Error = Stop;

    leaves! {
        deserialize_bool "bool" visit_bool(false)
        deserialize_i8 "i8" visit_i8(1) deserialize_i16 "i16" visit_i16(1) deserialize_i32 "i32" visit_i32(1)
        deserialize_i64 "i64" visit_i64(1) deserialize_i128 "i128" visit_i128(1)
        deserialize_u8 "u8" visit_u8(1) deserialize_u16 "u16" visit_u16(1) deserialize_u32 "u32" visit_u32(1)
        deserialize_u64 "u64" visit_u64(1) deserialize_u128 "u128" visit_u128(1)
        deserialize_f32 "f32" visit_f32(1.0) deserialize_f64 "f64" visit_f64(1.0)
        deserialize_char "char" visit_char('1')
        deserialize_str "str" visit_str("1") deserialize_string "string" visit_str("1")
        deserialize_bytes "bytes" visit_bytes(&[]) deserialize_byte_buf "byte_buf" visit_bytes(&[])
        deserialize_any "any" visit_str("1") deserialize_identifier "identifier" visit_str("1")
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.leaf::<V::Value>("unit")?;
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.enter::<V::Value>(None, "option")?;
        match self.is_quiet {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.enter::<V::Value>(Some(name), "newtype")?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.enter::<V::Value>(None, "seq")?;
        let (explorer, quiet) = (self, 0);
        visitor.visit_seq(Elements { explorer, quiet })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.enter::<V::Value>(None, "of")?;
        self.tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.enter::<V::Value>(Some(name), "struct")?;
        self.tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.enter::<V::Value>(None, "map")?;
        let is_of_value = !self.is_quiet && self.probe.fork(2)? == 1;
        let explorer = self;
        visitor.visit_map(Pair {
            explorer,
            is_of_value,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let name = format!("{name} {{{}}}", fields.join(","));
        self.enter::<V::Value>(Some(&name), "struct")?;
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let all = format!("{name} {{{}}}", variants.join(","));
        self.enter::<V::Value>(Some(&all), "enum")?;
        let turn = match self.is_quiet {
            true => 0,
            false => self.probe.fork(variants.len())?,
        };
        let name = variants.get(turn).ok_or(Stop)?;
        let explorer = self;
        visitor.visit_enum(Variant { explorer, name })
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        match (self.quiet, self.explorer.is_quiet) {
            (0, true) => Ok(None),
            (0, false) => seed.deserialize(self.explorer.within(false)).map(Some),
            _ => {
                self.quiet -= 1;
                seed.deserialize(self.explorer.within(true)).map(Some)
            }
        }
    }
}

impl<'de> MapAccess<'de> for Field<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        // Behind the field the run ends, although it may not have stopped it.
        let name = self.name.take().ok_or(Stop)?;
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(self.explorer.within(false))
    }
}

impl<'de> MapAccess<'de> for Pair<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        match (self.explorer.is_quiet, self.is_of_value) {
            (true, _) => Ok(None),
            (false, is_quiet) => seed.deserialize(self.explorer.within(is_quiet)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(self.explorer.within(false))
    }
}

impl<'de, 'p> EnumAccess<'de> for Variant<'p> {
    type Error = Stop;
    type Variant = Explorer<'p>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Stop> {
        let variant = seed.deserialize(StrDeserializer::new(self.name))?;
        Ok((variant, self.explorer))
    }
}

impl<'de> VariantAccess<'de> for Explorer<'_> {
    type Error = Stop;

    fn unit_variant(mut self) -> Result<(), Stop> {
        self.leaf::<()>("unit")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        self.tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note(format_args!("fields {{{}}}", fields.join(",")));
        self.fields(fields, visitor)
    }
}
