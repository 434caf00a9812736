//! Which fields of a struct a function writes, as `serialize_with` and `with` name one, instead of their type.

use std::any::type_name;
use std::fmt;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::survived;

/// The names of those fields. serde's `derive` gives each to the serializer in a wrapper of this name.
pub(crate) fn by_functions<A: Serialize>(sample: &A) -> Vec<String> {
    names(sample).top
}

/// The names of those within the fields; the items of a tuple have numbers.
pub(crate) fn functions_within<A: Serialize>(sample: &A) -> Vec<String> {
    names(sample).within
}

fn names<A: Serialize>(sample: &A) -> Names {
    let mut names = Names::default();
    // What an application's code refuses or panics over ends the search.
    let _ = survived(|| sample.serialize(&mut names).map_err(|_| ()));
    names
}

#[derive(Default)]
struct Names {
    top: Vec<String>,
    within: Vec<String>,
    depth: usize,
    item: usize,
}

impl Names {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), fmt::Error> {
        if type_name::<T>().contains("__SerializeWith") {
            match self.depth {
                0 => self.top.push(name.to_owned()),
                _ => self.within.push(name.to_owned()),
            }
            return Ok(());
        }
        self.inside(value)
    }

    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        let item = std::mem::take(&mut self.item);
        self.depth += 1;
        let written = value.serialize(&mut *self);
        self.depth -= 1;
        self.item = item;
        written
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        let name = self.item.to_string();
        self.item += 1;
        self.field(&name, value)
    }
}

/// The items of lists and tuples.
macro_rules! items {
    ($($trait:ident $method:ident;)*) => {
        $(impl ser::$trait for &mut Names {
            type Ok = ();
            type Error = fmt::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        })*
    };
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

/// The fields of structs.
macro_rules! fields {
    ($($trait:ident)*) => {
        $(impl ser::$trait for &mut Names {
            type Ok = ();
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), fmt::Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for &mut Names {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        self.inside(value)
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}

/// What has no parts.
macro_rules! plain {
    ($($method:ident($($type:ty),*);)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<(), fmt::Error> {
            Ok(())
        })*
    };
}

/// What has some.
macro_rules! parts {
    ($($method:ident($($type:ty),*);)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<Self, fmt::Error> {
            self.item = 0;
            Ok(self)
        })*
    };
}

impl Serializer for &mut Names {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    parts! {
        serialize_seq(Option<usize>);
        serialize_tuple(usize);
        serialize_tuple_struct(&'static str, usize);
        serialize_tuple_variant(&'static str, u32, &'static str, usize);
        serialize_map(Option<usize>);
        serialize_struct(&'static str, usize);
        serialize_struct_variant(&'static str, u32, &'static str, usize);
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }
}
