//! What a type says that it misses, and values of JSON that answer it.
//!
//! A type that leaves its form to the format, as an enum with `tag` or `untagged` does, is not seen from the side of the
//! format; its errors are, also those that it swallows.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::{Map, Value as Json};

use super::Samples;
use super::tables::{INTEGERS, NUMBERS, TEXTS};
use super::written::functions_within;

thread_local! {
    static LESSONS: RefCell<Vec<Lesson>> = const { RefCell::new(Vec::new()) };
}

/// No type is asked more often.
const MOST: usize = 400;
/// A text that is no variant.
const UNKNOWN: &str = "~";

#[derive(Clone, Copy, Debug)]
enum Lesson {
    Missing(&'static str),
    Variants(&'static [&'static str]),
}

/// An error that is remembered.
#[derive(Debug)]
pub(super) struct Learned(pub(super) String);

impl Learned {
    fn of(lesson: Lesson) -> Self {
        LESSONS.with_borrow_mut(|lessons| lessons.push(lesson));
        Self(String::new())
    }
}

impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Learned {}

impl de::Error for Learned {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(Lesson::Missing(field))
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::of(Lesson::Variants(variants))
    }
}

/// A value of JSON.
pub(super) struct Free<'v>(pub(super) &'v Json);

impl<'de> Deserializer<'de> for Free<'_> {
    type Error = Learned;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        match self.0 {
            Json::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Free))),
            Json::Object(members) => {
                let members = members.iter().map(|(name, value)| (&**name, Free(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::String(text) => visitor.visit_str(text),
            Json::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Learned> {
        match self.0 {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Learned> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Learned> {
        let value = self.0.clone().deserialize_enum(name, variants, visitor);
        value.map_err(de::Error::custom)
    }
}

impl<'v> IntoDeserializer<'_, Learned> for Free<'v> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A value that a type takes, and which of its members may be varied.
pub(crate) struct Grown {
    pub(crate) value: Json,
    /// The names of members, or the numbers of items.
    pub(crate) members: Vec<String>,
    /// Those that a function of the application writes.
    pub(crate) functions: Vec<String>,
}

/// Values of every kind for one member.
fn kinds() -> Vec<Json> {
    let letters = || {
        Json::from(
            ["a", "b", "c", "d", "e", "f", "g", "h"]
                .map(Json::from)
                .to_vec(),
        )
    };
    let numbers: Vec<Json> = (1..=10).map(Json::from).collect();
    let mut map = Map::new();
    map.insert("a".to_owned(), "a".into());
    vec![
        UNKNOWN.into(),
        1.into(),
        1.5.into(),
        true.into(),
        letters(),
        numbers.into(),
        Json::Object(Map::new()),
        Json::Object(map),
        Json::Null,
    ]
}

/// Short lists, for tuples.
fn lists() -> Vec<Json> {
    let few: [Json; 3] = ["a".into(), 1.into(), true.into()];
    let mut lists = Vec::new();
    for one in &few {
        lists.push(Json::from(vec![one.clone()]));
        for two in &few {
            lists.push(Json::from(vec![one.clone(), two.clone()]));
            let three = |three: &Json| Json::from(vec![one.clone(), two.clone(), three.clone()]);
            lists.extend(few.iter().map(three));
        }
    }
    lists
}

/// The objects and lists that the free leaf of a type takes, as far as its errors lead to them.
pub(crate) fn grown<A: DeserializeOwned + Serialize>(samples: &Samples, leaf: usize) -> Vec<Grown> {
    grown_with(samples, leaf, functions_within::<A>)
}

/// The same for a type of which it is not known how it is written.
pub(super) fn grown_with<A: DeserializeOwned>(
    samples: &Samples,
    leaf: usize,
    within: impl Fn(&A) -> Vec<String>,
) -> Vec<Grown> {
    let _ = samples.make::<A>();
    let Some(parameter) = samples.notes().leaves.get(leaf).map(|leaf| leaf.parameter) else {
        return Vec::new();
    };
    let mut queue: VecDeque<(Json, Option<String>)> = VecDeque::new();
    queue.push_back((Json::Object(Map::new()), None));
    let mut tags: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut grown = Vec::new();
    let mut has_lists = false;
    loop {
        let Some((value, last)) = queue.pop_front() else {
            // A type with a tag takes a list too, which is the same once more.
            if has_lists || !tags.is_empty() {
                break;
            }
            has_lists = true;
            queue.extend(lists().into_iter().map(|list| (list, None)));
            continue;
        };
        if seen.len() == MOST {
            break;
        }
        let is_odd = |tag: &String| value.get(tag).is_some_and(|value| !value.is_string());
        if tags.iter().any(is_odd) || !seen.insert(value.to_string()) {
            continue;
        }
        LESSONS.with_borrow_mut(Vec::clear);
        let made = samples.with(leaf, value.clone()).make::<A>();
        let mut missing: Vec<String> = Vec::new();
        for lesson in LESSONS.take() {
            match (lesson, &last) {
                (Lesson::Missing(name), _) => missing.push(name.to_owned()),
                (Lesson::Variants(names), Some(last)) if value[last] == UNKNOWN => {
                    tags.insert(last.clone());
                    for name in names {
                        let mut value = value.clone();
                        value[last] = (*name).into();
                        queue.push_back((value, Some(last.clone())));
                    }
                }
                (Lesson::Variants(_), _) => {}
            }
        }
        let mut functions = Vec::new();
        if let Ok(made) = &made {
            functions = within(made);
            missing.extend(functions.iter().cloned());
        }
        if let Json::Object(members) = &value {
            for name in missing.iter().filter(|name| !members.contains_key(*name)) {
                for kind in kinds() {
                    let mut members = members.clone();
                    members.insert(name.clone(), kind);
                    queue.push_back((members.into(), Some(name.clone())));
                }
            }
        }
        // What is missing beside it is none of its faults.
        if made.err().is_none_or(|refused| refused.name != parameter) {
            let members = match &value {
                Json::Object(members) => members.keys().cloned().collect(),
                Json::Array(items) => (0..items.len()).map(|item| item.to_string()).collect(),
                _ => Vec::new(),
            };
            grown.push(Grown {
                value,
                members,
                functions,
            });
        }
    }
    for one in &mut grown {
        one.members.retain(|member| !tags.contains(member));
    }
    grown
}

/// The `value` with others of the same kind for one of its members.
pub(crate) fn others(value: &Json, member: &str) -> Vec<Json> {
    let place = |value: &mut Json, other: Json| match value {
        Json::Array(items) => {
            let item = member.parse().ok().and_then(|at: usize| items.get_mut(at));
            item.map(|item| *item = other)
        }
        value => value.get_mut(member).map(|value| *value = other),
    };
    let others: Vec<Json> = match value {
        Json::Array(items) => {
            let item = member.parse().ok().and_then(|at: usize| items.get(at));
            of_kind(item)
        }
        value => of_kind(value.get(member)),
    };
    let others = others.into_iter().filter_map(|other| {
        let mut value = value.clone();
        place(&mut value, other).map(|()| value)
    });
    others.collect()
}

/// The object `value` without one of its members.
pub(crate) fn without(value: &Json, member: &str) -> Option<Json> {
    let mut members = value.as_object()?.clone();
    members.remove(member);
    Some(members.into())
}

fn of_kind(value: Option<&Json>) -> Vec<Json> {
    match value {
        Some(Json::String(_)) => TEXTS.iter().map(|text| (*text).into()).collect(),
        Some(Json::Bool(_)) => vec![false.into(), true.into()],
        Some(Json::Number(number)) if number.is_f64() => {
            NUMBERS.iter().map(|number| (*number).into()).collect()
        }
        Some(Json::Number(_)) => {
            let numbers = INTEGERS.iter().copied();
            let numbers = numbers.filter_map(|number| i64::try_from(number).ok());
            numbers.map(Json::from).collect()
        }
        _ => Vec::new(),
    }
}
