//! Decides which fields of the arguments are plain: what they write determines their value.
//!
//! A field is plain if its type comes from the standard library, whose types write their whole value, and if the struct
//! hands the field itself to serde rather than something that a function made of it. Used by `key`.

use std::any::type_name;
use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use serde::ser::{Impossible, Serialize, Serializer};
use smallvec::SmallVec;

/// The memory of the argument struct.
pub(super) struct Memory {
    range: Range<usize>,
    /// The types of the fields that were written, each with the address of the last one.
    written: SmallVec<[(&'static str, usize); 8]>,
}

impl Memory {
    pub(super) fn of<T>(value: &T) -> Self {
        Self {
            range: range(value),
            written: SmallVec::new(),
        }
    }

    /// Whether `value`, which is being written, is a field of the struct.
    ///
    /// A hand-written `Serialize` may exchange two fields of one type depending on their values. Fields of one type
    /// therefore count only in the order of their addresses, which is the same for all values.
    pub(super) fn owns<T: ?Sized>(&mut self, value: &T) -> bool {
        let Range { start, end } = range(value);
        let is_inside = self.range.start <= start && end <= self.range.end;
        let name = type_name::<T>();
        match self.written.iter_mut().find(|(known, _)| *known == name) {
            _ if !is_inside => false,
            Some((_, last)) => {
                let is_next = *last < start || start == end;
                *last = start.max(*last);
                is_next
            }
            None => {
                self.written.push((name, start));
                true
            }
        }
    }
}

fn range<T: ?Sized>(value: &T) -> Range<usize> {
    let start = std::ptr::from_ref(value).addr();
    start..start + size_of_val(value)
}

/// Whether what `value` writes determines it: its type is plain, or an option or a newtype of a plain type.
pub(super) fn is_plain<T: Serialize + ?Sized>(value: &T) -> bool {
    let name = type_name::<T>();
    let wrapper = Wrapper {
        range: range(value),
        is_option: name.starts_with("core::option::Option<"),
    };
    is_standard(name) || value.serialize(wrapper).is_ok()
}

/// Whether the type `name` and all types in it come from the standard library and write equal values as one text.
pub(super) fn is_standard(name: &str) -> bool {
    match name.strip_prefix("core::option::Option<").unwrap_or(name) {
        "i64" | "alloc::string::String" | "bool" | "f64" => return true,
        "i64>" | "alloc::string::String>" | "bool>" | "f64>" => return true,
        _ => {}
    }
    let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_');
    let mut paths = name.as_bytes().split(|byte| !is_path(byte));
    paths.all(|path| match path {
        b"" | b"bool" | b"char" | b"str" | b"f32" | b"f64" => true,
        b"i8" | b"i16" | b"i32" | b"i64" | b"i128" | b"isize" => true,
        b"u8" | b"u16" | b"u32" | b"u64" | b"u128" | b"usize" => true,
        // The length of an array.
        [b'0'..=b'9', ..] => true,
        // Equal ones are written in any order.
        path if path.ends_with(b"::HashSet") || path.ends_with(b"::BinaryHeap") => false,
        path => is_of_std(path),
    })
}

/// Whether the type `name` comes from the standard library, whatever its parameters are.
pub(super) fn is_of_std(name: &[u8]) -> bool {
    name.starts_with(b"alloc::") || name.starts_with(b"core::") || name.starts_with(b"std::")
}

/// A serializer that accepts an option of a plain value, or a newtype in this memory that one plain value fills.
struct Wrapper {
    range: Range<usize>,
    is_option: bool,
}

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, fmt::Error> {
            Err(fmt::Error)
        })*
    };
}
pub(super) use refused;

/// The methods of a serializer that accepts structs only.
macro_rules! structs_only {
    () => {
        $crate::arguments::plain::refused! {
            serialize_bool(bool) -> ();
            serialize_i8(i8) -> ();
            serialize_i16(i16) -> ();
            serialize_i32(i32) -> ();
            serialize_i64(i64) -> ();
            serialize_u8(u8) -> ();
            serialize_u16(u16) -> ();
            serialize_u32(u32) -> ();
            serialize_u64(u64) -> ();
            serialize_f32(f32) -> ();
            serialize_f64(f64) -> ();
            serialize_char(char) -> ();
            serialize_str(&str) -> ();
            serialize_bytes(&[u8]) -> ();
            serialize_unit() -> ();
            serialize_unit_struct(&'static str) -> ();
            serialize_seq(Option<usize>) -> Self::SerializeSeq;
            serialize_tuple(usize) -> Self::SerializeTuple;
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
            serialize_map(Option<usize>) -> Self::SerializeMap;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
        }

        type Ok = ();
        type Error = fmt::Error;
        type SerializeSeq = Impossible<(), fmt::Error>;
        type SerializeTuple = Impossible<(), fmt::Error>;
        type SerializeTupleStruct = Impossible<(), fmt::Error>;
        type SerializeTupleVariant = Impossible<(), fmt::Error>;
        type SerializeMap = Impossible<(), fmt::Error>;
        type SerializeStructVariant = Impossible<(), fmt::Error>;

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), fmt::Error> {
            Err(fmt::Error)
        }
    };
}
pub(super) use structs_only;

impl Serializer for Wrapper {
    type SerializeStruct = Impossible<(), fmt::Error>;

    structs_only!();

    refused! {
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
    }

    fn serialize_none(self) -> Result<(), fmt::Error> {
        accepted(self.is_option)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        accepted(self.is_option && is_plain(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        accepted(range(value) == self.range && is_plain(value))
    }
}

/// The variant that `value` is, by its place in the enum and its name, if it writes itself as a variant without data.
///
/// The place tells two variants apart that are written under one name. It is that of the type itself: a value of another
/// type that is written as the enum has another name.
pub(super) fn variant<T: Serialize + ?Sized>(value: &T) -> Option<(u32, &'static str)> {
    let found = Cell::new(None);
    let variant = Variant {
        type_name: type_name::<T>(),
        found: &found,
    };
    value.serialize(variant).ok()?;
    found.get()
}

/// A serializer that accepts a variant without data of the type itself.
struct Variant<'v> {
    type_name: &'static str,
    found: &'v Cell<Option<(u32, &'static str)>>,
}

impl Serializer for Variant<'_> {
    type SerializeStruct = Impossible<(), fmt::Error>;

    structs_only!();

    refused! {
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_none() -> ();
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), fmt::Error> {
        let own = self.type_name.rsplit("::").next();
        self.found.set(Some((index, variant)));
        accepted(own == Some(name))
    }
}

const fn accepted(is_plain: bool) -> Result<(), fmt::Error> {
    match is_plain {
        true => Ok(()),
        false => Err(fmt::Error),
    }
}
