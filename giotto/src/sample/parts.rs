//! The parts of a value of a sample: the items of a list, the fields of a struct, a variant.

use std::any::type_name;

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

use super::learned::Learned;
use super::value::Sample;
use super::{identity, named, no_sample};

/// The items of a list, a map or a tuple.
pub(super) struct Items<'s> {
    pub(super) part: Sample<'s>,
    pub(super) is_list: bool,
    pub(super) next: usize,
    pub(super) count: usize,
}

impl<'s> Items<'s> {
    fn part<S>(&self, number: usize) -> Sample<'s> {
        let number = match self.part.samples.is_reversed {
            true => self.count + 1 - number,
            false => number,
        };
        Sample {
            expected: Some(type_name::<S>()),
            choice: if self.is_list {
                number
            } else {
                self.part.choice
            },
            ..self.part
        }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Learned;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Learned> {
        if self.next == self.count {
            return Ok(None);
        }
        self.next += 1;
        seed.deserialize(self.part::<S::Value>(self.next)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count - self.next)
    }
}

impl<'de> de::MapAccess<'de> for Items<'_> {
    type Error = Learned;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Learned> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Learned> {
        seed.deserialize(self.part::<S::Value>(self.next))
    }
}

/// The fields of a struct within an argument.
pub(super) struct Members<'s> {
    pub(super) part: Sample<'s>,
    pub(super) remaining: std::slice::Iter<'static, &'static str>,
    pub(super) last: Option<u64>,
}

impl<'de> de::MapAccess<'de> for Members<'_> {
    type Error = Learned;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Learned> {
        let second = self.part.samples.notes.borrow().second.clone();
        let is_second = |name: &str| second.iter().any(|second| std::ptr::eq(*second, name));
        let Some(name) = self.remaining.by_ref().find(|name| !is_second(name)) else {
            return Ok(None);
        };
        let key = seed.deserialize(named(name))?;
        let this = identity(&key);
        if this.is_some() && this == self.last {
            // It is known the next time, when the struct is made once more.
            self.part.samples.notes.borrow_mut().second.push(name);
            return Err(no_sample());
        }
        self.last = this;
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Learned> {
        seed.deserialize(Sample {
            expected: Some(type_name::<S::Value>()),
            is_empty: self.part.is_empty || size_of::<S::Value>() == 0,
            ..self.part
        })
    }
}

/// The variant of an enum, and what is in it.
pub(super) struct Variant<'s> {
    pub(super) part: Sample<'s>,
    pub(super) leaf: usize,
    pub(super) name: &'static str,
}

impl<'de, 's> de::EnumAccess<'de> for Variant<'s> {
    type Error = Learned;
    type Variant = Sample<'s>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Sample<'s>), Learned> {
        let variant = seed.deserialize(named(self.name))?;
        let samples = self.part.samples;
        if samples.varied.is_some_and(|(leaf, _)| leaf == self.leaf) {
            samples.notes.borrow_mut().choice = identity(&variant);
        }
        Ok((variant, self.part))
    }
}

impl<'de> de::VariantAccess<'de> for Sample<'_> {
    type Error = Learned;

    fn unit_variant(self) -> Result<(), Learned> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Learned> {
        seed.deserialize(Self {
            expected: Some(type_name::<S::Value>()),
            ..self
        })
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Learned> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Learned> {
        self.deserialize_struct("", fields, visitor)
    }
}
