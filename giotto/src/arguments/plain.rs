//! Which fields of the arguments say all about themselves when they are written.
//!
//! A field does if its type is of the standard library, whose types write their whole value, and if what is written is
//! the field itself and not something that was made of it.

use std::any::type_name;
use std::fmt;
use std::ops::Range;

use serde::ser::{Impossible, Serialize, Serializer};
use smallvec::SmallVec;

/// The memory of a struct, and what was written of it.
pub(super) struct Memory {
    range: Range<usize>,
    /// The types of the fields that were written, each with the place of the last one.
    written: SmallVec<[(&'static str, usize); 8]>,
}

impl Memory {
    pub(super) fn of<T>(value: &T) -> Self {
        Self {
            range: range(value),
            written: SmallVec::new(),
        }
    }

    /// Whether `value`, which is written now, is a field of the struct and always the same one under its name.
    ///
    /// A `Serialize` by hand could exchange two fields. Those of one type stand in memory in the order in which they
    /// are declared; what is written in another order is not taken for the field.
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

/// Whether what `value` writes tells it from all others of its type: it is of the standard library, or a struct around
/// one thing that is.
pub(super) fn is_plain<T: Serialize + ?Sized>(value: &T) -> bool {
    let name = type_name::<T>();
    let wrapper = Wrapper {
        range: range(value),
        is_option: name.starts_with("core::option::Option<"),
    };
    is_standard(name) || value.serialize(wrapper).is_ok()
}

/// Whether the type `name` and all types in it are of the standard library and write equal values alike.
fn is_standard(name: &str) -> bool {
    const COMMON: [&str; 4] = ["i64", "alloc::string::String", "bool", "f64"];
    if COMMON.contains(&name) {
        return true;
    }
    let is_path = |part: char| part.is_alphanumeric() || matches!(part, ':' | '_');
    let mut paths = name.split(|part: char| !is_path(part));
    paths.all(|path| match path {
        "" | "bool" | "char" | "str" | "f32" | "f64" => true,
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => true,
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => true,
        // The length of an array.
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => true,
        // Their order is not part of their value.
        path if path.ends_with("::HashSet") || path.ends_with("::BinaryHeap") => false,
        path => is_of_std(path),
    })
}

/// Whether the type `name` itself is of the standard library, whatever is in it.
pub(super) fn is_of_std(name: &str) -> bool {
    let mut roots = ["alloc::", "core::", "std::"].into_iter();
    roots.any(|root| name.starts_with(root))
}

/// Accepts an option of a plain value, or a struct at this place in memory that one plain field fills.
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

/// What is said by every serializer that accepts structs alone.
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
            serialize_unit_variant(&'static str, u32, &'static str) -> ();
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

const fn accepted(is_plain: bool) -> Result<(), fmt::Error> {
    match is_plain {
        true => Ok(()),
        false => Err(fmt::Error),
    }
}
