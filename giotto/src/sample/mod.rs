//! Makes samples of the struct that a model takes, to see what becomes of its arguments before anyone gives one.
//!
//! Used once, when a program is made: `parameter.rs` finds defaults by it, `keyed.rs` what a key leaves out. serde asks for
//! every value in turn (`value.rs`, `parts.rs`), and gets one from a table (`tables.rs`); `written.rs` looks at the other
//! direction. A value that a type asks for
//! itself is a *leaf*; one of them can be varied while all others stay.

pub(crate) mod learned;
mod parts;
mod tables;
mod value;
pub(crate) mod written;

use std::any::type_name;
use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value as Json;

use crate::parameter::Parameter;
use crate::value::{Refused, TWICE};
use tables::CHOICES;
pub(crate) use tables::LISTS;
use value::Sample;

/// So many samples are made to see all variants.
const MOST_VARIANTS: usize = 256;

/// Values for the parameters of a struct.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// The parameters that are given, each with the place of its values in the tables.
    given: Vec<(&'static str, usize)>,
    /// The leaf whose value stands in another place.
    varied: Option<(usize, usize)>,
    /// The variants of enums, as leaves and choices, in their order.
    pins: Vec<(usize, usize)>,
    /// The value of a free leaf.
    value: Option<(usize, Json)>,
    /// Values for free leaves that take none of the table: the parameter and the place among its leaves.
    free: Vec<(&'static str, usize, Json)>,
    /// The parameter whose lists have many items.
    long: Option<&'static str>,
    /// Whether the items of the long lists run backwards.
    is_reversed: bool,
    notes: RefCell<Notes>,
}

/// What was seen while a sample was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) leaves: Vec<Leaf>,
    /// The parameters that are, or have in them, a list.
    pub(crate) lists: Vec<&'static str>,
    /// Those that have a type called `HashSet` in them, of any crate.
    pub(crate) unordered: Vec<&'static str>,
    /// What tells the varied choice from others, if two names may stand for one.
    pub(crate) choice: Option<u64>,
    /// Second names of fields.
    second: Vec<&'static str>,
}

/// A value that a type asked for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    pub(crate) parameter: &'static str,
    /// How many values there are for it.
    pub(crate) choices: usize,
    /// Whether two values of it are two values of the struct, because nothing but serde reads them.
    pub(crate) is_plain: bool,
    /// Whether the type that asks for it keeps nothing.
    pub(crate) is_empty: bool,
    /// Whether the choice is that of an `Option`, to be there or not.
    pub(crate) is_option: bool,
    /// Whether the type leaves it to the format what it is made of.
    pub(crate) is_free: bool,
    /// The type and the variant of an enum.
    pub(crate) variant: Option<(&'static str, usize)>,
    /// The leaf after the last one within a variant.
    pub(crate) end: usize,
}

impl Leaf {
    fn new(choices: usize) -> Self {
        Self {
            parameter: "",
            choices,
            is_plain: false,
            is_empty: false,
            is_option: false,
            is_free: false,
            variant: None,
            end: 0,
        }
    }
}

/// Samples for the required parameters of an `A`.
pub(crate) fn required<A: DeserializeOwned>(parameters: &[Parameter]) -> Option<Samples> {
    Samples::default().mended::<A>(parameters)
}

/// Samples for all parameters of an `A` that take one.
pub(crate) fn all<A: DeserializeOwned>(parameters: &[Parameter]) -> Option<Samples> {
    let given = parameters.iter().map(|parameter| (parameter.name, 0));
    let samples = Samples {
        given: given.collect(),
        ..Samples::default()
    };
    samples.mended::<A>(parameters)
}

/// Which of the `names` of one field is its own: serde tells when it is given twice.
pub(crate) fn own_name<A: DeserializeOwned>(names: &[&'static str]) -> Option<&'static str> {
    (0..CHOICES).find_map(|choice| {
        let samples = Samples {
            given: vec![(names[0], choice); 2],
            ..Samples::default()
        };
        let refused = samples.make::<A>().err()?;
        let is_own = |name: &&&str| **name == refused.name && refused.message == TWICE;
        names.iter().find(is_own).copied()
    })
}

/// What tells `key`, a field or a variant, from the others of a type that `derive` has made; two of its names have the
/// same. `None` for other types.
pub(crate) fn identity<K>(key: &K) -> Option<u64> {
    type_name::<K>().contains("__Field").then(|| {
        let mut hasher = DefaultHasher::new();
        discriminant(key).hash(&mut hasher);
        hasher.finish()
    })
}

impl Samples {
    /// The `parameter` alone.
    pub(crate) fn of(parameter: &'static str) -> Self {
        Self {
            given: vec![(parameter, 0)],
            ..Self::default()
        }
    }

    /// The same with many items in the lists of `parameter`.
    pub(crate) fn long(&self, parameter: &'static str) -> Self {
        Self {
            long: Some(parameter),
            ..self.clone()
        }
    }

    /// The same with the items of the long lists in the other order.
    pub(crate) fn reversed(&self) -> Self {
        Self {
            is_reversed: true,
            ..self.clone()
        }
    }

    /// The same with another value for one of the leaves.
    pub(crate) fn varied(&self, leaf: usize, choice: usize) -> Self {
        Self {
            varied: Some((leaf, choice)),
            ..self.clone()
        }
    }

    /// The same with a value of JSON for one of the free leaves.
    pub(crate) fn with(&self, leaf: usize, value: Json) -> Self {
        Self {
            value: Some((leaf, value)),
            ..self.clone()
        }
    }

    /// The same once for every variant of every enum in it, the others of which stay; with each, the leaves that are new.
    pub(crate) fn variants<A: DeserializeOwned>(&self) -> Vec<(Self, Range<usize>)> {
        let mut all = vec![(self.clone(), 0..usize::MAX, Vec::new())];
        let mut next = 0;
        while next < all.len() && all.len() < MOST_VARIANTS {
            let (samples, within, types) = all[next].clone();
            next += 1;
            if samples.make::<A>().is_err() {
                continue;
            }
            let leaves = samples.notes().leaves;
            for (at, leaf) in leaves.iter().enumerate() {
                let Some((name, first)) = leaf.variant else {
                    continue;
                };
                // A type within itself has had its turn.
                if !within.contains(&at) || types.contains(&name) {
                    continue;
                }
                let before = leaves.iter().take(at).enumerate();
                let before = before.filter_map(|(at, leaf)| Some((at, leaf.variant?.1)));
                let before: Vec<_> = before.collect();
                for choice in (0..leaf.choices).filter(|choice| *choice != first) {
                    let mut pins = before.clone();
                    pins.push((at, choice));
                    let pinned = Self {
                        pins,
                        ..samples.clone()
                    };
                    let Some((pinned, end)) = pinned.accepted::<A>(leaf.parameter, at) else {
                        continue;
                    };
                    let types = types.iter().copied().chain([name]).collect();
                    all.push((pinned, at + 1..end, types));
                }
            }
        }
        all.truncate(MOST_VARIANTS);
        let all = all.into_iter();
        all.map(|(samples, within, _)| (samples, within)).collect()
    }

    /// The same with values of `parameter` of which a sample can be made, and the end of the enum `leaf`.
    fn accepted<A: DeserializeOwned>(
        mut self,
        parameter: &'static str,
        leaf: usize,
    ) -> Option<(Self, usize)> {
        let place = self.given.iter().position(|(name, _)| *name == parameter)?;
        let first = self.given[place].1;
        (first..CHOICES)
            .chain(0..first)
            .find_map(|choice| {
                self.given[place].1 = choice;
                self.make::<A>().ok()?;
                let end = self.notes().leaves.get(leaf)?.end;
                Some((self.clone(), end))
            })
            .or_else(|| {
                self.given[place].1 = first;
                let grown = self.grow::<A>(parameter)?;
                grown.make::<A>().ok()?;
                let end = grown.notes().leaves.get(leaf)?.end;
                Some((grown, end))
            })
    }

    /// The place of a leaf among those of its parameter.
    fn offset(&self, leaf: usize) -> Option<usize> {
        let notes = self.notes.borrow();
        let parameter = notes.leaves.get(leaf)?.parameter;
        let first = notes
            .leaves
            .iter()
            .position(|leaf| leaf.parameter == parameter)?;
        Some(leaf - first)
    }

    /// The same with a value that the last free leaf of `parameter` takes, which takes none of the table.
    fn grow<A: DeserializeOwned>(&self, parameter: &'static str) -> Option<Self> {
        let _ = self.make::<A>();
        let leaves = self.notes().leaves;
        let is_it = |leaf: &Leaf| leaf.parameter == parameter && leaf.is_free;
        let leaf = leaves.iter().rposition(is_it)?;
        let offset = self.offset(leaf)?;
        let grown = learned::grown_with::<A>(self, leaf, |_| Vec::new());
        let value = grown.into_iter().next()?.value;
        let mut this = self.clone();
        this.free.push((parameter, offset, value));
        Some(this)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    pub(crate) fn make<A: DeserializeOwned>(&self) -> Result<A, Refused> {
        loop {
            let second = std::mem::take(&mut *self.notes.borrow_mut()).second;
            let known = second.len();
            self.notes.borrow_mut().second = second;
            let made = survived(|| A::deserialize(self).map_err(Some))
                .map_err(|refused| refused.unwrap_or_else(no_sample));
            if made.is_ok() || self.notes.borrow().second.len() == known {
                return made;
            }
        }
    }

    /// What was seen when the last sample was made.
    pub(crate) fn notes(&self) -> Notes {
        self.notes.borrow().clone()
    }

    /// The same, changed until a sample can be made: a value that is missing is added, one that is refused is replaced
    /// by the next of its table, and left out if there is none.
    fn mended<A: DeserializeOwned>(mut self, parameters: &[Parameter]) -> Option<Self> {
        let mut hopeless = Vec::new();
        loop {
            let Err(refused) = self.make::<A>() else {
                return Some(self);
            };
            let is_it = |name: &&'static str| *name == refused.name;
            let name = parameters.iter().map(|one| one.name).find(is_it)?;
            match self.given.iter_mut().find(|(given, _)| *given == name) {
                Some((_, choice)) if *choice < CHOICES => *choice += 1,
                Some((_, choice)) if self.free.iter().all(|(free, ..)| *free != name) => {
                    *choice = 0;
                    match self.grow::<A>(name) {
                        Some(grown) => self = grown,
                        None => {
                            self.given.retain(|(given, _)| *given != name);
                            hopeless.push(name);
                        }
                    }
                }
                Some(_) => {
                    self.given.retain(|(given, _)| *given != name);
                    hopeless.push(name);
                }
                None if hopeless.contains(&name) => return None,
                None => self.given.push((name, 0)),
            }
        }
    }
}

impl<'de> Deserializer<'de> for &Samples {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Arguments {
            samples: self,
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
    samples: &'s Samples,
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
        let sample = Sample {
            samples: self.samples,
            parameter: name,
            choice,
            is_item: false,
            expected: Some(type_name::<S::Value>()),
            is_plain: true,
            is_empty: size_of::<S::Value>() == 0,
            lists: 0,
            depth: 0,
        };
        let refused = seed.deserialize(sample);
        refused.map_err(|refused| Refused::of(name, String::new(), refused.0))
    }
}

/// What `run`, code of the application, returns; the default error if it panics, which a request then finds out.
pub(crate) fn survived<T, E: Default>(run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(E::default()))
}

fn no_sample<E: de::Error>() -> E {
    E::custom("there is no such sample")
}

fn named<E: de::Error>(name: &str) -> StrDeserializer<'_, E> {
    name.into_deserializer()
}
