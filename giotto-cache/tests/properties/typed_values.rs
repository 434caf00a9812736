//! Values of every type, and a reader that knows only their types.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer};

use crate::{strings, text};

#[derive(Clone, Debug)]
pub(crate) enum Type {
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Unit,
    Option(Box<Self>),
    Seq(Box<Self>),
    Map(Box<Self>, Box<Self>),
    Tuple(Vec<Self>),
    Struct(Vec<Self>),
    Enum(Vec<Self>),
}

/// A value of a [`Type`]. A `Struct` has the fields of [`NAMES`], an `Enum` the variants of it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) enum Value {
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    Unit,
    Option(Option<Box<Self>>),
    Seq(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tuple(Vec<Self>),
    Struct(Vec<Self>),
    Variant(usize, Box<Self>),
}

pub(crate) const NAMES: [&str; 4] = ["x", "x'", "None", "x': 1, 'y"];

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i128(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::Unit => serializer.serialize_unit(),
            Self::Option(None) => serializer.serialize_none(),
            Self::Option(Some(value)) => serializer.serialize_some(value),
            Self::Seq(values) => values.serialize(serializer),
            Self::Map(items) => {
                let mut map = serializer.serialize_map(Some(items.len()))?;
                for (key, value) in items {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Tuple(values) => {
                let mut tuple = serializer.serialize_tuple(values.len())?;
                for value in values {
                    tuple.serialize_element(value)?;
                }
                tuple.end()
            }
            Self::Struct(values) => {
                let mut fields = serializer.serialize_struct("Struct", values.len())?;
                for (name, value) in NAMES.iter().zip(values) {
                    fields.serialize_field(name, value)?;
                }
                fields.end()
            }
            Self::Variant(number, value) => match **value {
                Self::Unit => serializer.serialize_unit_variant("Enum", 0, NAMES[*number]),
                _ => serializer.serialize_newtype_variant("Enum", 0, NAMES[*number], value),
            },
        }
    }
}

/// Reads one value of a known type from the front of a text. What it cannot read is a panic: a failed test.
pub(crate) struct Reader<'t>(pub(crate) &'t str);

impl Reader<'_> {
    fn skip(&mut self, expected: &str) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn need(&mut self, expected: &str) {
        assert!(
            self.skip(expected),
            "{expected:?} is missing before {:?}",
            self.0
        );
    }

    pub(crate) fn read(&mut self, of: &Type) -> Value {
        match of {
            Type::Bool if self.skip("True") => Value::Bool(true),
            Type::Bool => {
                self.need("False");
                Value::Bool(false)
            }
            Type::Int => Value::Int(self.number().parse().unwrap()),
            Type::Float => Value::Float(self.number().parse().unwrap()),
            Type::Str => Value::Str(self.string()),
            Type::Bytes => {
                self.need("b");
                Value::Bytes(self.string().chars().map(|byte| byte as u8).collect())
            }
            Type::Unit => {
                self.need("()");
                Value::Unit
            }
            Type::Option(_) if self.skip("None") => Value::Option(None),
            Type::Option(of) => Value::Option(Some(Box::new(match self.skip("Some(") {
                true => {
                    let value = self.read(of);
                    self.need(")");
                    value
                }
                false => self.read(of),
            }))),
            Type::Seq(of) => Value::Seq(self.list("[", "]", |reader, _| reader.read(of))),
            Type::Map(key, value) => Value::Map(self.list("{", "}", |reader, _| {
                let key = reader.read(key);
                reader.need(": ");
                (key, reader.read(value))
            })),
            Type::Tuple(of) => Value::Tuple(self.list("(", ")", |reader, at| reader.read(&of[at]))),
            Type::Struct(of) => Value::Struct(self.list("{", "}", |reader, at| {
                assert_eq!(reader.string(), NAMES[at]);
                reader.need(": ");
                reader.read(&of[at])
            })),
            Type::Enum(of) => self.variant(of),
        }
    }

    fn variant(&mut self, of: &[Type]) -> Value {
        let has_content = self.skip("{");
        let name = self.string();
        let number = NAMES.iter().position(|of| *of == name).unwrap();
        if !has_content {
            return Value::Variant(number, Box::new(Value::Unit));
        }
        self.need(": ");
        let value = self.read(&of[number]);
        self.need("}");
        Value::Variant(number, Box::new(value))
    }

    fn list<T>(&mut self, open: &str, close: &str, item: impl Fn(&mut Self, usize) -> T) -> Vec<T> {
        self.need(open);
        let mut items = Vec::new();
        while !self.skip(close) {
            items.push(item(self, items.len()));
            if self.skip(close) {
                break;
            }
            self.need(",");
            self.skip(" ");
        }
        items
    }

    fn number(&mut self) -> &str {
        let is_part =
            |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        let end = self
            .0
            .find(|character| !is_part(character))
            .unwrap_or(self.0.len());
        let (number, rest) = self.0.split_at(end);
        self.0 = rest;
        number
    }

    fn string(&mut self) -> String {
        self.need("'");
        let (mut value, mut chars) = (String::new(), self.0.chars());
        loop {
            match chars.next().unwrap() {
                '\'' => break,
                '\\' => value.push(match chars.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'x' => hexadecimal(chars.by_ref().take(2)),
                    'u' => hexadecimal(chars.by_ref().take(4)),
                    character => character,
                }),
                character => {
                    assert!(!character.is_control(), "{character:?} is not escaped");
                    value.push(character);
                }
            }
        }
        self.0 = chars.as_str();
        value
    }
}

pub(crate) fn hexadecimal(digits: impl Iterator<Item = char>) -> char {
    let digits: String = digits.collect();
    u32::from_str_radix(&digits, 16)
        .ok()
        .and_then(char::from_u32)
        .unwrap()
}

pub(crate) fn types() -> impl Strategy<Value = Type> {
    let leaf = proptest::sample::select(vec![
        Type::Bool,
        Type::Int,
        Type::Float,
        Type::Str,
        Type::Bytes,
        Type::Unit,
    ]);
    leaf.prop_recursive(4, 16, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Type::Option),
            boxed().prop_map(Type::Seq),
            (boxed(), boxed()).prop_map(|(key, value)| Type::Map(key, value)),
            vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            vec(inner.clone(), 0..4).prop_map(Type::Struct),
            vec(inner.clone(), 1..=4).prop_map(Type::Enum),
        ]
    })
}

pub(crate) fn values(of: &Type) -> BoxedStrategy<Value> {
    match of {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => prop_oneof![-3..3_i128, any::<i128>()]
            .prop_map(Value::Int)
            .boxed(),
        // All but "not a number", which is not even equal to itself.
        Type::Float => any::<f64>().prop_map(Value::Float).boxed(),
        Type::Str => strings().prop_map(Value::Str).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..4).prop_map(Value::Bytes).boxed(),
        Type::Unit => Just(Value::Unit).boxed(),
        Type::Option(of) => {
            let some = values(of).prop_map(|value| Value::Option(Some(Box::new(value))));
            prop_oneof![Just(Value::Option(None)), some].boxed()
        }
        Type::Seq(of) => vec(values(of), 0..4).prop_map(Value::Seq).boxed(),
        Type::Map(key, value) => {
            // In the order in which they are written.
            let sorted = |items: Vec<(Value, Value)>| {
                let items = items.into_iter().map(|item| (text(&item.0), item));
                Value::Map(items.collect::<BTreeMap<_, _>>().into_values().collect())
            };
            vec((values(key), values(value)), 0..4)
                .prop_map(sorted)
                .boxed()
        }
        Type::Tuple(of) => of
            .iter()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        Type::Struct(of) => of
            .iter()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Value::Struct)
            .boxed(),
        Type::Enum(of) => {
            let variant = |(number, of)| {
                values(of)
                    .prop_map(move |value| Value::Variant(number, Box::new(value)))
                    .boxed()
            };
            proptest::strategy::Union::new(of.iter().enumerate().map(variant)).boxed()
        }
    }
}

pub(crate) fn typed_values() -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(|of| (Just(of.clone()), values(&of)))
}
