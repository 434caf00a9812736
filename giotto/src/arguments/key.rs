//! The text of the arguments in the key of a page: `{'x': 12}`.
//!
//! It has to tell apart what the model can tell apart. What a type writes need not: a `serialize_with`, an `into` or a
//! `Serialize` by hand may write two values alike. What it *read* does, because the value was made of that. So the text
//! is what is written of [`plain`](super::plain) fields, and what was [read](super::reading) for all others:
//!
//! | field | text |
//! |---|---|
//! | plain | what is written |
//! | read, and written alike or in another order | what was read |
//! | read, and written in another way | `Read('ab', 'AB')`: what was read and what is written |
//! | not given | `Default('AB')`; `None`, `[]` or `{}` of the standard library as it is |
//!
//! What is written stands beside what was read because a function that reads may know more than its input: the day, for
//! `since=yesterday`. The items of lists are sorted there, since a type may have a `HashSet` in it.

use std::any::type_name;
use std::fmt;

use giotto_cache::literal;
use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};

use super::order::sorted;
use super::parameter::Parameter;
use super::plain::{self, Memory, is_of_std, refused, structs_only};
use crate::error::Result;

/// What was read for the parameters that were given, in declared order.
pub(crate) type Read = Vec<(&'static str, String)>;

/// Whether all that the `arguments` read is known from what they write.
pub(crate) fn is_plain<A: Serialize>(arguments: &A, parameters: &[Parameter]) -> bool {
    let mut fields = Fields::new(arguments, parameters, None);
    // A struct without fields is written in many ways.
    parameters.is_empty()
        || arguments.serialize(&mut fields).is_ok() && fields.is_complete() && fields.is_plain
}

/// The text of `arguments` for which this was `read`.
pub(crate) fn text<A: Serialize>(
    arguments: &A,
    parameters: &[Parameter],
    read: &Read,
) -> Result<String> {
    let mut fields = Fields::new(arguments, parameters, Some(read));
    if arguments.serialize(&mut fields).is_ok() && fields.is_complete() {
        return Ok(braces(&fields.items));
    }
    // No fields, or not those that were read.
    let items: Vec<_> = read.iter().map(|(name, read)| field(name, read)).collect();
    Ok(given(&braces(&items), &literal::to_string(arguments)?))
}

/// The text of what was `read` and is `written` like this.
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

/// The fields of the arguments while they are written.
struct Fields<'f> {
    memory: Memory,
    /// Those that have not been written yet.
    parameters: std::slice::Iter<'f, Parameter>,
    /// Without it, the fields are only looked at.
    read: Option<&'f Read>,
    is_plain: bool,
    items: Vec<String>,
}

impl<'f> Fields<'f> {
    fn new<A>(arguments: &A, parameters: &'f [Parameter], read: Option<&'f Read>) -> Self {
        Self {
            memory: Memory::of(arguments),
            parameters: parameters.iter(),
            read,
            is_plain: true,
            items: Vec::new(),
        }
    }

    /// Whether every parameter is a field, and in the order of their declaration.
    fn is_complete(&self) -> bool {
        self.parameters.as_slice().is_empty()
    }

    /// Whether the field `name` is the next parameter.
    fn is_parameter(&mut self, name: &str) -> bool {
        let is_next = |next: &Parameter| next.name == name;
        self.parameters.as_slice().first().is_some_and(is_next) && self.parameters.next().is_some()
    }

    fn read(&self, name: &str) -> Option<&'f str> {
        let mut read = self.read?.iter();
        read.find(|(known, _)| *known == name)
            .map(|(_, read)| &**read)
    }

    fn text<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<String, fmt::Error> {
        let (is_parameter, is_own) = (self.is_parameter(name), self.memory.owns(value));
        // Nobody can give what is no parameter.
        let is_plain = !is_parameter || is_own && plain::is_plain(value);
        self.is_plain &= is_plain;
        if self.read.is_none() {
            return Ok(String::new());
        }
        let written = literal::to_string(value).map_err(|_| fmt::Error)?;
        let is_nothing = matches!(&*written, "None" | "[]" | "{}");
        Ok(match self.read(name) {
            _ if is_plain => written,
            Some(read) => given(read, &written),
            None if is_nothing && is_own && is_of_std(type_name::<T>()) => written,
            None => format!("Default({})", sorted(&written)),
        })
    }
}

impl<'f, 's> Serializer for &'s mut Fields<'f> {
    type SerializeStruct = Self;

    structs_only!();

    refused! {
        serialize_none() -> ();
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

    /// A `skip_serializing_if` leaves it out.
    fn skip_field(&mut self, name: &'static str) -> Result<(), fmt::Error> {
        self.is_plain &= !self.is_parameter(name);
        if let Some(read) = self.read(name) {
            self.items.push(field(name, &format!("Read({read})")));
        }
        Ok(())
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}
