//! The variant of an enum that a text names: `style = "fancy"`.
//!
//! Before the application is made.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};

use super::place::{Read, expected};
use super::problem::Problem;

/// The variant of an enum that a text names.
pub(super) struct Variant(pub(super) String);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Read<(V::Value, Self)> {
        let name: StrDeserializer<'_, Problem> = self.0.as_str().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Problem;

    fn unit_variant(self) -> Read<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Read<T::Value> {
        Err(expected(&format!("a table {{ {} = .. }}", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Read<V::Value> {
        Err(expected(&format!("a table {{ {} = [..] }}", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Read<V::Value> {
        Err(expected(&format!("a table {{ {} = {{ .. }} }}", self.0)))
    }
}
