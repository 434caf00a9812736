//! The text of the arguments in the key of a page: `{'x': 12}`.
//!
//! Two values that a model can tell apart need two texts. What a type *writes* is not enough: a `serialize_with`, an
//! `into` or a hand-written `Serialize` may write two values as one text. What a type *reads* is enough, because the value
//! is made of it. The text therefore has what is written of [`plain`] fields, and what was
//! [read](super::reading) for all others:
//!
//! | field | text |
//! |---|---|
//! | plain, or an enum without data | what is written |
//! | read, and written with the same content in any order | what was read |
//! | read, and written with other content | `Read('ab', 'AB')`: what was read and what is written |
//! | not given | `Default('AB')`; an empty option, list or map of the standard library as it is written |
//!
//! What is written stands beside what was read because a value may depend on more than its input: `since=yesterday`
//! depends on the day. Lists are sorted there, because a `HashSet` inside another type has no order.

use std::any::type_name;
use std::fmt;

use giotto_cache::literal;
use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};

use super::order::sorted;
use super::parameter::Parameter;
use super::plain::{self, Memory, is_of_std, refused, structs_only};
use crate::error::Result;

/// What was read for each parameter that was given, in declared order.
pub(crate) type Read = Vec<(&'static str, String)>;

/// Whether what the `arguments` write determines them.
pub(crate) fn is_plain<A: Serialize>(arguments: &A, parameters: &[Parameter]) -> bool {
    // This includes a type without parameters, such as `()`, which is not written as a struct.
    if parameters.iter().all(|parameter| parameter.is_plain) {
        return true;
    }
    let mut fields = Fields::new(arguments, parameters, None);
    arguments.serialize(&mut fields).is_ok() && fields.is_complete() && fields.is_plain
}

/// The variant that the field `name` of the `arguments` is, if it is one without data.
pub(super) fn variant<A: Serialize>(
    arguments: &A,
    parameters: &[Parameter],
    name: &'static str,
) -> Option<(u32, &'static str)> {
    let mut fields = Fields::new(arguments, parameters, None);
    fields.wanted = Some(name);
    arguments.serialize(&mut fields).ok()?;
    fields.variant
}

/// The text of the `arguments` that were made of what was `read`.
pub(crate) fn text<A: Serialize>(
    arguments: &A,
    parameters: &[Parameter],
    read: &Read,
) -> Result<String> {
    let mut fields = Fields::new(arguments, parameters, Some(read));
    if arguments.serialize(&mut fields).is_ok() && fields.is_complete() {
        return Ok(braces(&fields.items));
    }
    // The type does not write its parameters as fields: all of them are compared at once.
    let items: Vec<_> = read.iter().map(|(name, read)| field(name, read)).collect();
    Ok(given(&braces(&items), &literal::to_string(arguments)?))
}

/// The text of a value from what was `read` and what is `written`.
fn given(read: &str, written: &str) -> String {
    if read == written {
        return read.to_owned();
    }
    let written = sorted(written);
    match sorted(read) == written {
        true => read.to_owned(),
        false => format!("Read({read}, {written})"),
    }
}

fn field(name: &str, text: &str) -> String {
    let name = literal::to_string(name).unwrap_or_default();
    format!("{name}: {text}")
}

fn braces(items: &[String]) -> String {
    format!("{{{}}}", items.join(", "))
}

/// A serializer for the argument struct that looks at each field.
struct Fields<'f> {
    memory: Memory,
    /// The parameters that are still to come.
    parameters: std::slice::Iter<'f, Parameter>,
    /// `None` = only `is_plain` is wanted.
    read: Option<&'f Read>,
    is_plain: bool,
    /// The field whose variant is wanted.
    wanted: Option<&'static str>,
    variant: Option<(u32, &'static str)>,
    items: Vec<String>,
}

impl<'f> Fields<'f> {
    fn new<A>(arguments: &A, parameters: &'f [Parameter], read: Option<&'f Read>) -> Self {
        Self {
            memory: Memory::of(arguments),
            parameters: parameters.iter(),
            read,
            is_plain: true,
            wanted: None,
            variant: None,
            items: Vec::new(),
        }
    }

    /// Whether all parameters were fields, in declared order.
    fn is_complete(&self) -> bool {
        self.parameters.as_slice().is_empty()
    }

    /// The next parameter, if the field `name` is it.
    fn parameter(&mut self, name: &str) -> Option<&'f Parameter> {
        let next = self.parameters.as_slice().first()?;
        (next.name == name).then(|| self.parameters.next())?
    }

    fn read(&self, name: &str) -> Option<&'f str> {
        let mut read = self.read?.iter();
        read.find(|(known, _)| *known == name)
            .map(|(_, read)| &**read)
    }

    fn text<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<String, fmt::Error> {
        let (parameter, is_own) = (self.parameter(name), self.memory.owns(value));
        if self.wanted == Some(name) && is_own {
            self.variant = plain::variant(value);
        }
        // A request cannot change a field that is not a parameter.
        let is_plain = parameter.is_none_or(|parameter| {
            let is_choice = || parameter.is_choice && plain::variant(value).is_some();
            is_own && (plain::is_plain(value) || is_choice())
        });
        self.is_plain &= is_plain;
        if self.read.is_none() {
            return Ok(String::new());
        }
        let written = literal::to_string(value).map_err(|_| fmt::Error)?;
        let is_nothing = matches!(&*written, "None" | "[]" | "{}");
        Ok(match self.read(name) {
            _ if is_plain => written,
            Some(read) => given(read, &written),
            None if is_nothing && is_own && is_of_std(type_name::<T>().as_bytes()) => written,
            None => format!("Default({})", sorted(&written)),
        })
    }
}

impl<'f, 's> Serializer for &'s mut Fields<'f> {
    type SerializeStruct = Self;

    structs_only!();

    refused! {
        serialize_none() -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }
}

impl SerializeStruct for &mut Fields<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        let text = self.text(name, value)?;
        if self.read.is_some() {
            self.items.push(field(name, &text));
        }
        Ok(())
    }

    /// Called for a field that `skip_serializing_if` leaves out.
    fn skip_field(&mut self, name: &'static str) -> Result<(), fmt::Error> {
        self.is_plain &= self.parameter(name).is_none();
        if let Some(read) = self.read(name) {
            self.items.push(field(name, &format!("Read({read})")));
        }
        Ok(())
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}
