//! What is given for one parameter: one value, several, or its parts, each under a name of its own:
//! `address.city=Rome&address.street=..`
//!
//! Part of step 3 of an invocation: `given` collects them, and the type of the parameter reads them. The items of a list have
//! their numbers as names: `items.0.name=..&items.1.name=..`

use std::collections::BTreeMap;

use serde::de::value::{MapAccessDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, Visitor};
use serde_json::Value as Json;

use super::forward::{forward, methods};
use super::one::One;
use super::refused::Refused;
use crate::error::Refusal;

/// What is given for one parameter, or for a part of one.
pub(crate) enum Values<'de> {
    /// One or more values.
    Whole {
        first: One<'de>,
        rest: Vec<One<'de>>,
    },
    /// `address.city=Rome&address.street=..`
    Parts(Parts<'de>),
}

impl<'de> Values<'de> {
    pub(crate) const fn one(first: One<'de>) -> Self {
        let rest = Vec::new();
        Self::Whole { first, rest }
    }

    fn only(self) -> Result<One<'de>, Refused> {
        match self {
            Self::Whole { first, rest } if rest.is_empty() => Ok(first),
            Self::Whole { rest, .. } => {
                let message = format!("it is given {} times: give it once", rest.len() + 1);
                Err(Refused::by(Refusal::Repeated, message))
            }
            Self::Parts(parts) => Err(parts.refused()),
        }
    }

    /// The first value, for the error that refuses it.
    pub(crate) const fn first(&self) -> Option<One<'de>> {
        match self {
            Self::Whole { first, .. } => Some(*first),
            Self::Parts(_) => None,
        }
    }
}

/// Types with parts, and those that read anything.
macro_rules! in_parts {
    ($($method:ident($($argument:ident: $type:ty),*) $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Refused> {
            match self {
                Self::Parts(parts) => parts.$visit(visitor),
                whole @ Self::Whole { .. } => whole.only()?.$method($($argument,)* visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = Refused;

    forward! {
        self, visitor => self.only()?, visitor; for
            deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
            deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
            deserialize_byte_buf deserialize_unit deserialize_unit_struct deserialize_identifier;
    }

    in_parts! {
        deserialize_any() visit_map;
        deserialize_map() visit_map;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) visit_map;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) visit_enum;
        deserialize_ignored_any() visit_map;
    }

    methods! {
        self, visitor => visitor.visit_newtype_struct(self); for deserialize_newtype_struct;
        self, visitor => self.deserialize_seq(visitor); for deserialize_tuple deserialize_tuple_struct;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match &self {
            Self::Whole {
                first: One::Json(Json::Null),
                rest,
            } if rest.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let (first, rest) = match self {
            Self::Whole { first, rest } => (first, rest),
            Self::Parts(parts) => return parts.visit_seq(visitor),
        };
        match (first, rest.is_empty()) {
            (array @ One::Json(Json::Array(_)), true) => {
                return array.deserialize_seq(visitor);
            }
            (One::Text(text), true) if text.trim_start().starts_with('[') => {
                if let Ok(array @ Json::Array(_)) = serde_json::from_str(text) {
                    return Ok(array.deserialize_seq(visitor)?);
                }
            }
            _ => {}
        }
        let mut values = SeqDeserializer::new(std::iter::once(first).chain(rest));
        let list = visitor.visit_seq(&mut values)?;
        // A tuple does not read surplus items.
        values.end()?;
        Ok(list)
    }
}

/// How deep parts may be in each other. Each level is one on the stack.
const MAX_DEPTH: usize = 16;

/// The parts of a value, in the order given.
#[derive(Default)]
pub(crate) struct Parts<'de> {
    members: Vec<(&'de str, Values<'de>)>,
    /// Where they are, so that many of them take no long search.
    places: BTreeMap<&'de str, usize>,
}

impl<'de> Parts<'de> {
    /// Adds what is given for the part at `path`: `city`, or `home.city`.
    pub(crate) fn add(&mut self, path: &'de str, value: One<'de>) -> Result<(), Refused> {
        match path.split('.').count() > MAX_DEPTH {
            true => {
                let message = format!("it has parts within parts: {MAX_DEPTH} levels at most");
                Err(Refused::new(message))
            }
            false => self.place(path, value),
        }
    }

    fn place(&mut self, path: &'de str, value: One<'de>) -> Result<(), Refused> {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let place = *self.places.entry(name).or_insert(self.members.len());
        let known = self.members.get_mut(place).map(|(_, values)| values);
        match (known, rest) {
            (None, None) => self.members.push((name, Values::one(value))),
            (None, Some(rest)) => {
                let mut parts = Self::default();
                parts.place(rest, value)?;
                self.members.push((name, Values::Parts(parts)));
            }
            (Some(Values::Whole { rest, .. }), None) => rest.push(value),
            (Some(Values::Parts(parts)), Some(rest)) => {
                return parts
                    .place(rest, value)
                    .map_err(|refused| refused.within(name));
            }
            _ => return Err(twice().of(name)),
        }
        Ok(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Why they are no value without parts.
    pub(crate) fn refused(&self) -> Refused {
        let part = self.members.first().map_or("", |(name, _)| name);
        let message = format!("it is given in parts, such as '{part}': give it as one value");
        Refused::new(message)
    }

    pub(super) fn visit_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Members::new(self.members))
    }

    /// A variant by its name, with its content: `shape.circle.radius=1`.
    pub(super) fn visit_enum<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let members = MapAccessDeserializer::new(Members::new(self.members));
        members.deserialize_enum("", &[], visitor)
    }

    /// The items of a list, by their numbers.
    pub(super) fn visit_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let mut items = Vec::with_capacity(self.members.len());
        for (name, values) in self.members {
            let Ok(number) = name.parse::<u32>() else {
                let message = format!("the items of a list have numbers as names, not '{name}'");
                return Err(Refused::new(message));
            };
            items.push((number, (name, values)));
        }
        items.sort_by_key(|(number, _)| *number);
        let mut items = Members::new(items.into_iter().map(|(_, item)| item).collect());
        let list = visitor.visit_seq(&mut items)?;
        match items.remaining.next() {
            None => Ok(list),
            Some((name, _)) => Err(Refused::new("there is no room for this item").of(name)),
        }
    }
}

/// The refusal of something that is given both as a whole and in parts.
pub(super) fn twice() -> Refused {
    let message = "it is given as one value and in parts: give it once";
    Refused::by(Refusal::Repeated, message)
}

/// Parts, one after the other. A refusal gets the name of the part.
struct Members<'de> {
    remaining: std::vec::IntoIter<(&'de str, Values<'de>)>,
    current: Option<(&'de str, Values<'de>)>,
}

impl<'de> Members<'de> {
    fn new(members: Vec<(&'de str, Values<'de>)>) -> Self {
        Self {
            remaining: members.into_iter(),
            current: None,
        }
    }

    fn read<S: DeserializeSeed<'de>>(
        seed: S,
        (name, values): (&'de str, Values<'de>),
    ) -> Result<S::Value, Refused> {
        let first = values.first();
        seed.deserialize(values).map_err(|refused: Refused| {
            let refused = refused.within(name);
            match first {
                Some(first) => refused.given(|| first.to_string()),
                None => refused,
            }
        })
    }
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.current = self.remaining.next();
        let name = self.current.as_ref().map(|(name, _)| One::Text(name));
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let current = self.current.take();
        Self::read(
            seed,
            current.ok_or_else(|| Refused::new("a value without a name"))?,
        )
    }
}

impl<'de> de::SeqAccess<'de> for Members<'de> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        let item = self.remaining.next();
        item.map(|item| Self::read(seed, item)).transpose()
    }
}
