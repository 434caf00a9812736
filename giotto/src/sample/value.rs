//! One value of a sample, whatever type asks for it.
//!
//! Notes what it is asked for, and whether what is made of it can be anything but the value itself.

use std::any::type_name;
use std::borrow::Cow;

use serde::de::{self, Deserializer, Visitor};
use serde_json::Value as Json;

use super::learned::{Free, Learned};
use super::parts::{Items, Members, Variant};
use super::tables::{CHARACTERS, CHOICES, INTEGERS, LONG, NUMBERS, TEXTS, VALUES};
use super::{Leaf, Samples, no_sample};

/// Types that contain themselves end here.
const DEEP: u8 = 4;
const TOO_DEEP: u8 = 24;
const MOST_LEAVES: usize = 2_000;

/// One value.
#[derive(Clone, Copy)]
pub(super) struct Sample<'s> {
    pub(super) samples: &'s Samples,
    pub(super) parameter: &'static str,
    /// The place in the tables, or the number of an item of a long list.
    pub(super) choice: usize,
    pub(super) is_item: bool,
    /// The type that is to be made, where it is known.
    pub(super) expected: Option<&'static str>,
    pub(super) is_plain: bool,
    pub(super) is_empty: bool,
    /// How many lists it is in.
    pub(super) lists: u8,
    pub(super) depth: u8,
}

/// Whether `T` is of the standard library, which reads a value as it stands.
fn is_standard<T>() -> bool {
    let name = type_name::<T>();
    let path = name.split('<').next().unwrap_or(name);
    let is_path = |root| path.starts_with(root);
    !path.contains("::") || ["alloc::", "core::", "std::"].into_iter().any(is_path)
}

/// What the type `name` holds, if it is one that `wrappers` name.
fn inner(name: &'static str, wrappers: &[&str]) -> Option<&'static str> {
    let mut wrappers = wrappers.iter();
    let inner = wrappers.find_map(|wrapper| name.strip_prefix(*wrapper))?;
    inner.strip_suffix('>')
}

fn choice_of(variants: &[&str], choice: usize) -> usize {
    choice % variants.len().max(1)
}

impl Sample<'_> {
    /// Whether what makes a `T` is what the field is declared as, and not a function that makes something else of it.
    fn is_plain_for<T>(&self) -> bool {
        const BOXES: [&str; 3] = ["alloc::boxed::Box<", "alloc::sync::Arc<", "alloc::rc::Rc<"];
        let mut expected = self.expected;
        while let Some(boxed) = expected.and_then(|name| inner(name, &BOXES)) {
            expected = Some(boxed);
        }
        self.is_plain && expected.is_none_or(|name| name == type_name::<T>())
    }

    /// Notes a leaf from which a `T` is made: the place of its value among `choices`, and whether that is the number of
    /// an item.
    fn leaf<T>(&self, choices: usize) -> Result<(usize, bool), Learned> {
        let is_plain = self.is_plain_for::<T>() && is_standard::<T>();
        self.note(Leaf {
            is_plain,
            ..Leaf::new(choices)
        })
    }

    fn note(&self, leaf: Leaf) -> Result<(usize, bool), Learned> {
        let mut notes = self.samples.notes.borrow_mut();
        let at = notes.leaves.len();
        if at == MOST_LEAVES || self.depth > TOO_DEEP {
            return Err(no_sample());
        }
        notes.leaves.push(Leaf {
            parameter: self.parameter,
            is_empty: self.is_empty,
            ..leaf
        });
        if let Some((_, choice)) = self.samples.varied.filter(|(leaf, _)| *leaf == at) {
            return Ok((choice, false));
        }
        let mut pins = self.samples.pins.iter();
        Ok(match pins.find(|(leaf, _)| *leaf == at) {
            Some((_, choice)) => (*choice, false),
            None => (self.choice, self.is_item),
        })
    }

    /// What is read for a part of a `T`; the part is an `S`, if that is known.
    fn part<T>(&self, expected: Option<&'static str>) -> Self {
        Self {
            expected,
            is_plain: self.is_plain_for::<T>(),
            depth: self.depth + 1,
            ..*self
        }
    }

    /// The parts of a list or a map that makes a `T`.
    fn items<T>(&self) -> Items<'_> {
        // Before a variant that is pinned, the leaves keep their places.
        let pinned = self.samples.pins.last().map(|(leaf, _)| *leaf);
        let leaves = self.samples.notes.borrow().leaves.len();
        let is_long = self.samples.long == Some(self.parameter)
            && pinned.is_none_or(|pinned| leaves > pinned);
        let count = match (self.depth > DEEP, is_long, self.lists) {
            (true, ..) => 0,
            (_, false, _) => 1,
            (_, true, 0) => 40,
            (_, true, _) => 3,
        };
        let mut notes = self.samples.notes.borrow_mut();
        notes.lists.push(self.parameter);
        let name = type_name::<T>();
        if name
            .split('<')
            .next()
            .is_some_and(|name| name.ends_with("HashSet"))
        {
            notes.unordered.push(self.parameter);
        }
        Items {
            part: Sample {
                is_item: is_long || self.is_item,
                lists: self.lists + 1,
                is_plain: self.is_plain_for::<T>() && is_standard::<T>(),
                ..self.part::<T>(None)
            },
            is_list: is_long,
            next: 0,
            count,
        }
    }

    /// The parts of a tuple that makes a `T`.
    fn elements<T>(&self, count: usize) -> Items<'_> {
        Items {
            part: self.part::<T>(None),
            is_list: false,
            next: 0,
            count,
        }
    }

    fn integer<T>(&self) -> Result<i128, Learned> {
        match self.leaf::<T>(INTEGERS.len())? {
            (number, true) => Ok(number as i128),
            (choice, false) => INTEGERS.get(choice).copied().ok_or_else(no_sample),
        }
    }

    fn number<T>(&self) -> Result<f64, Learned> {
        match self.leaf::<T>(NUMBERS.len())? {
            (number, true) => Ok(number as f64 + 0.5),
            (choice, false) => NUMBERS.get(choice).copied().ok_or_else(no_sample),
        }
    }

    fn text<T>(&self) -> Result<Cow<'static, str>, Learned> {
        match self.leaf::<T>(CHOICES)? {
            (number, true) => Ok(format!("t{number}").into()),
            (choice, false) => match TEXTS.get(choice) {
                Some(text) => Ok((*text).into()),
                None if choice < CHOICES => Ok(format!("{}{choice}", "x".repeat(LONG)).into()),
                None => Err(no_sample()),
            },
        }
    }
}

/// Leaves that are numbers.
macro_rules! numbers {
    ($($method:ident $visit:ident $number:ident $type:ty;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
            let number = self.$number::<V::Value>()?;
            visitor.$visit(<$type>::try_from(number).map_err(|_| no_sample())?)
        })*
    };
}

impl<'de> Deserializer<'de> for Sample<'_> {
    type Error = Learned;

    numbers! {
        deserialize_i8 visit_i8 integer i8;
        deserialize_i16 visit_i16 integer i16;
        deserialize_i32 visit_i32 integer i32;
        deserialize_i64 visit_i64 integer i64;
        deserialize_i128 visit_i128 integer i128;
        deserialize_u8 visit_u8 integer u8;
        deserialize_u16 visit_u16 integer u16;
        deserialize_u32 visit_u32 integer u32;
        deserialize_u64 visit_u64 integer u64;
        deserialize_u128 visit_u128 integer u128;
        deserialize_f64 visit_f64 number f64;
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "what two numbers have in common in 32 bits, they have in a key"
    )]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        // The two that are one number in 32 bits are no two values.
        match self.number::<V::Value>()? {
            number if number > 1e9 => Err(no_sample()),
            number => visitor.visit_f32(number as f32),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        let (choice, _) = self.leaf::<V::Value>(2)?;
        visitor.visit_bool(choice % 2 == 1)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        let character = match self.leaf::<V::Value>(CHARACTERS.len())? {
            (number, true) => u32::try_from(number)
                .ok()
                .and_then(|n| char::from_u32(97 + n)),
            (choice, false) => CHARACTERS.get(choice).copied(),
        };
        visitor.visit_char(character.ok_or_else(no_sample)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        visitor.visit_str(&self.text::<V::Value>()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        visitor.visit_bytes(self.text::<V::Value>()?.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        let (choice, _) = self.note(Leaf {
            is_free: true,
            ..Leaf::new(VALUES.len())
        })?;
        let leaf = self.samples.notes.borrow().leaves.len() - 1;
        if let Some((_, value)) = self.samples.value.as_ref().filter(|(at, _)| *at == leaf) {
            return Free(value).deserialize_any(visitor);
        }
        let offset = self.samples.offset(leaf);
        let mut free = self.samples.free.iter();
        let is_varied = self.samples.varied.is_some_and(|(at, _)| at == leaf);
        let is_it = |(name, at, _): &&(&str, usize, Json)| {
            !is_varied && *name == self.parameter && Some(*at) == offset
        };
        if let Some((_, _, value)) = free.find(is_it) {
            return Free(value).deserialize_any(visitor);
        }
        let text = VALUES.get(choice).ok_or_else(no_sample)?;
        let value: Json = text.parse().map_err(de::Error::custom)?;
        Free(&value).deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        if self.depth > DEEP {
            return visitor.visit_none();
        }
        let name = type_name::<V::Value>();
        let part = self.part::<V::Value>(inner(name, &["core::option::Option<"]));
        self.note(Leaf {
            is_plain: part.is_plain,
            is_option: true,
            ..Leaf::new(2)
        })?;
        let this = self.samples.notes.borrow().leaves.len() - 1;
        match self.samples.varied == Some((this, 1)) {
            true => visitor.visit_none(),
            false => visitor.visit_some(part),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Learned> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        visitor.visit_unit()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Learned> {
        visitor.visit_newtype_struct(self.part::<V::Value>(None))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        visitor.visit_seq(self.items::<V::Value>())
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        visitor.visit_map(self.items::<V::Value>())
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Learned> {
        visitor.visit_seq(self.elements::<V::Value>(length))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Learned> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Learned> {
        let first = self.samples.notes.borrow().leaves.len();
        let made = visitor.visit_map(Members {
            part: self.part::<V::Value>(None),
            remaining: fields.iter(),
            last: None,
        });
        // The content of a variant whose tag stands beside it.
        let mut notes = self.samples.notes.borrow_mut();
        let end = notes.leaves.len();
        if let Some(leaf) = notes.leaves.get_mut(first)
            && leaf.end == first + 1
        {
            leaf.end = end;
        }
        drop(notes);
        made
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Learned> {
        let part = self.part::<V::Value>(None);
        let (choice, _) = self.note(Leaf {
            is_plain: part.is_plain,
            variant: Some((type_name::<V::Value>(), choice_of(variants, self.choice))),
            ..Leaf::new(variants.len())
        })?;
        let choice = choice_of(variants, choice);
        let leaf = self.samples.notes.borrow().leaves.len() - 1;
        let made = visitor.visit_enum(Variant {
            part,
            leaf,
            name: variants.get(choice).ok_or_else(no_sample)?,
        });
        let mut notes = self.samples.notes.borrow_mut();
        let end = notes.leaves.len();
        if let Some(leaf) = notes.leaves.get_mut(leaf) {
            leaf.end = end;
            leaf.variant = leaf.variant.map(|(name, _)| (name, choice));
        }
        drop(notes);
        made
    }
}
