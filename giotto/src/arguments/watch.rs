//! Finds the kind of a parameter: what its type asks serde for.
//!
//! Used by `describe` when a program is made.

use std::cell::RefCell;

use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::forward::methods;
use super::parameter::Parameter;
use super::refused::Refused;

/// A deserializer that notes what it is asked for.
pub(super) struct Watch<'s>(pub(super) &'s RefCell<Parameter>);

impl Watch<'_> {
    fn note<T>(self, kind: &str) -> Result<T, Refused> {
        self.0.borrow_mut().kind = kind.to_owned();
        Err(Refused::new("only the type was wanted"))
    }

    fn parts<T>(self) -> Result<T, Refused> {
        self.0.borrow_mut().has_parts = true;
        self.note("JSON object")
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.borrow_mut().is_list = true;
        visitor.visit_seq(SeqDeserializer::new(std::iter::once(self)))
    }
}

impl<'de> Deserializer<'de> for Watch<'_> {
    type Error = Refused;

    methods! {
        self, _visitor => self.note("integer"); for
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        self, _visitor => self.note("number"); for deserialize_f32 deserialize_f64;
        self, _visitor => self.note("character"); for deserialize_char;
        self, _visitor => self.note("text"); for
            deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf;
        self, _visitor => self.parts(); for deserialize_map deserialize_struct;
        self, _visitor => self.note("text or JSON"); for deserialize_any;
        self, _visitor => self.note("value"); for
            deserialize_unit deserialize_unit_struct deserialize_identifier deserialize_ignored_any;
        self, visitor => visitor.visit_newtype_struct(self); for deserialize_newtype_struct;
        self, visitor => self.list(visitor); for
            deserialize_tuple deserialize_tuple_struct;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.0.borrow_mut().is_switch = true;
        self.note("true or false")
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.borrow_mut().is_open = true;
        self.list(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.borrow_mut().required = false;
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        self.0.borrow_mut().variants = variants;
        self.note(&variants.join(", "))
    }
}

impl<'de> IntoDeserializer<'de, Refused> for Watch<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
