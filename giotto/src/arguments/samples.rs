//! Makes an argument struct from made-up values, to find the defaults of its other fields.
//!
//! Used by `describe` when a program is made. If a parameter refuses a value, it gets the next one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::parameter::Parameter;
use super::refused::Refused;
use super::sample::{CHOICES, Sample, named, no_sample};

/// Values for the parameters of a struct.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// The given parameters, each with the place of its value in the tables.
    given: Vec<(&'static str, usize)>,
}

/// Samples for the required parameters of an `A`.
pub(crate) fn required<A: DeserializeOwned>(parameters: &[Parameter]) -> Option<Samples> {
    Samples::default().mended::<A>(parameters)
}

/// The one of the `names` of a field that is not an alias: serde's error for a field given twice has it.
pub(crate) fn own_name<A: DeserializeOwned>(names: &[&'static str]) -> Option<&'static str> {
    (0..CHOICES).find_map(|choice| {
        let samples = Samples {
            given: vec![(names[0], choice); 2],
        };
        let refused = samples.make::<A>().err()?;
        let is_own = |name: &&&str| **name == refused.name() && refused.is_twice();
        names.iter().find(is_own).copied()
    })
}

impl Samples {
    /// The same with the sample of the parameter `name` that stands at `choice` in the tables.
    pub(super) fn with(&self, name: &'static str, choice: usize) -> Self {
        let others = self.given.iter().filter(|(given, _)| *given != name);
        Self {
            given: others.copied().chain([(name, choice)]).collect(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// Makes the struct. A panic in code of the application counts as a refusal.
    pub(crate) fn make<A: DeserializeOwned>(&self) -> Result<A, Refused> {
        let made = catch_unwind(AssertUnwindSafe(|| A::deserialize(self)));
        made.unwrap_or_else(|_| Err(no_sample()))
    }

    /// Adds missing values and replaces refused ones until a struct can be made.
    fn mended<A: DeserializeOwned>(mut self, parameters: &[Parameter]) -> Option<Self> {
        loop {
            let Err(refused) = self.make::<A>() else {
                return Some(self);
            };
            let is_it = |name: &&'static str| *name == refused.name();
            let name = parameters.iter().map(|one| one.name).find(is_it)?;
            match self.given.iter_mut().find(|(given, _)| *given == name) {
                Some((_, choice)) if *choice + 1 < CHOICES => *choice += 1,
                Some(_) => return None,
                None => self.given.push((name, 0)),
            }
        }
    }
}

impl<'de> Deserializer<'de> for &Samples {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Arguments {
            remaining: self.given.iter(),
            current: None,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The fields of the argument struct.
struct Arguments<'s> {
    remaining: std::slice::Iter<'s, (&'static str, usize)>,
    current: Option<(&'static str, usize)>,
}

impl<'de> de::MapAccess<'de> for Arguments<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.current = self.remaining.next().copied();
        let key = self.current.map(|(name, _)| seed.deserialize(named(name)));
        key.transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let (name, choice) = self.current.ok_or_else(no_sample)?;
        let refused = seed.deserialize(Sample::new(choice));
        refused.map_err(|refused| refused.of(name))
    }
}
