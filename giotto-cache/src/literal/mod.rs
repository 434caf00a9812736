//! Writes a value as a Python literal: the argument part of a key, `{'x': 12}`.
//!
//! Before a lookup. Equal values have the same text, and different values of one type have different texts, on every machine
//! and in every release. Every literal ends where its first bracket closes. serde does not distinguish a set from a list: a
//! `HashSet` is written in the order of its iteration, so that equal sets have different texts. Use a `BTreeSet`. (`giotto` sorts what a set reads.)
//!
//! | Rust | text |
//! |---|---|
//! | `true`, `12`, `1.5`, `1e16` | `True`, `12`, `1.5`, `1e+16` |
//! | `"it's"`, `'c'` | `'it\'s'`, `'c'` |
//! | `None`, `Some(12)`, `Some(None)` | `None`, `12`, `Some(None)` |
//! | sequence, tuple, `()` | `[1, 2]`, `(1, 2)`, `()` |
//! | struct | `{'x': 12}`, fields in declared order |
//! | map | `{'a': 1, 'b': 2}`, sorted by the text of the key |
//! | `Colour::Red`, `Colour::Grey(50)` | `'Red'`, `{'Grey': 50}` |
//!
//! Numbers and escapes: <https://docs.python.org/3/reference/lexical_analysis.html>.

mod text;

use std::fmt::Write as _;

use serde::ser::{self, Serialize};

use crate::error::{Error, Result};
use crate::literal::text::{float, string};

/// `value` as a literal; an error only if its own `Serialize` implementation returns one.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let mut text = String::with_capacity(96);
    write(&mut text, value).map(|()| text)
}

/// The same behind `text`.
pub(crate) fn write<T: Serialize + ?Sized>(text: &mut String, value: &T) -> Result<()> {
    value.serialize(Literal { text })
}

/// Appends one value to `text`.
struct Literal<'t> {
    text: &'t mut String,
}

/// Appends the parts of a sequence, tuple or struct, then the brackets that are still open.
#[derive(Debug)]
struct Parts<'t> {
    text: &'t mut String,
    close: &'static str,
    written: usize,
}

/// Collects the items of a map, so that they can be sorted.
#[derive(Debug)]
struct Items<'t> {
    text: &'t mut String,
    items: Vec<(String, String)>,
    key: String,
}

impl<'t> Literal<'t> {
    fn parts(self, open: &str, close: &'static str) -> Parts<'t> {
        self.text.push_str(open);
        Parts {
            text: self.text,
            close,
            written: 0,
        }
    }

    /// `{'Variant': ` and then the variant's content.
    fn variant(self, name: &str) -> Self {
        self.text.push('{');
        string(self.text, name);
        self.text.push_str(": ");
        self
    }

    fn number(self, number: impl itoa::Integer) -> Result<()> {
        self.text.push_str(itoa::Buffer::new().format(number));
        Ok(())
    }
}

impl Parts<'_> {
    fn separate(&mut self) {
        if self.written > 0 {
            self.text.push_str(", ");
        }
        self.written += 1;
    }

    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.separate();
        value.serialize(Literal { text: self.text })
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.separate();
        string(self.text, name);
        self.text.push_str(": ");
        value.serialize(Literal { text: self.text })
    }

    fn close(self) -> Result<()> {
        // Python's tuple of one: `(1,)`.
        if self.written == 1 && self.close.starts_with(')') {
            self.text.push(',');
        }
        self.text.push_str(self.close);
        Ok(())
    }
}

/// An integer of any width is written as its digits.
macro_rules! write_integers {
    ($($serialize:ident($integer:ty))*) => {$(
        fn $serialize(self, value: $integer) -> Result<()> {
            self.number(value)
        }
    )*};
}

impl<'t> ser::Serializer for Literal<'t> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'t>;
    type SerializeTuple = Parts<'t>;
    type SerializeTupleStruct = Parts<'t>;
    type SerializeTupleVariant = Parts<'t>;
    type SerializeMap = Items<'t>;
    type SerializeStruct = Parts<'t>;
    type SerializeStructVariant = Parts<'t>;

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.text.push_str(if value { "True" } else { "False" });
        Ok(())
    }

    write_integers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_f32(self, value: f32) -> Result<()> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<()> {
        float(self.text, value).map_err(ser::Error::custom)
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        string(self.text, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.text.push_str("b'");
        for byte in value {
            write!(self.text, "\\x{byte:02x}").map_err(ser::Error::custom)?;
        }
        self.text.push('\'');
        Ok(())
    }

    fn serialize_none(self) -> Result<()> {
        self.text.push_str("None");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        let start = self.text.len();
        value.serialize(Literal {
            text: &mut *self.text,
        })?;
        // An option of an option: `Some(None)` is another value than `None`.
        if &self.text[start..] == "None" || self.text[start..].starts_with("Some(") {
            self.text.insert_str(start, "Some(");
            self.text.push(')');
        }
        Ok(())
    }

    fn serialize_unit(self) -> Result<()> {
        self.text.push_str("()");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let Literal { text } = self.variant(variant);
        value.serialize(Literal { text: &mut *text })?;
        text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'t>> {
        Ok(self.parts("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'t>> {
        Ok(self.parts("(", ")"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'t>> {
        Ok(self.parts("(", ")"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'t>> {
        Ok(self.variant(variant).parts("(", ")}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'t>> {
        Ok(Items {
            text: self.text,
            items: Vec::new(),
            key: String::new(),
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'t>> {
        Ok(self.parts("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'t>> {
        Ok(self.variant(variant).parts("{", "}}"))
    }
}

/// What has parts is written part by part, with the names of its fields if it has any.
macro_rules! write_parts {
    ($($kind:ident: $serialize:ident($($name:ident: &'static str)?) by $write:ident,)*) => {$(
        impl ser::$kind for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn $serialize<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<()> {
                self.$write($($name,)? value)
            }

            fn end(self) -> Result<()> {
                self.close()
            }
        }
    )*};
}

write_parts! {
    SerializeSeq: serialize_element() by part,
    SerializeTuple: serialize_element() by part,
    SerializeTupleStruct: serialize_field() by part,
    SerializeTupleVariant: serialize_field() by part,
    SerializeStruct: serialize_field(name: &'static str) by field,
    SerializeStructVariant: serialize_field(name: &'static str) by field,
}

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = to_string(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.items
            .push((std::mem::take(&mut self.key), to_string(value)?));
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        self.items.sort();
        let items: Vec<_> = self
            .items
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        write!(self.text, "{{{}}}", items.join(", ")).map_err(ser::Error::custom)
    }
}
