//! The deserializer of the settings in `[app]`: it asks the variables and the tables for each field of a struct.
//!
//! Before the application is made.

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Value;

use super::problem::Problem;
use super::tree::Node;
use super::variables::Variables;
use crate::config::key::variable_of;
use crate::config::setting::Setting;
use crate::error::{Error, Result, quoted};

/// The place of a value: a key, and what the tables and the variables have for it.
#[derive(Clone)]
pub(super) struct At<'a> {
    key: String,
    node: Node,
    /// `None` = it is an item of an array, which no variable has alone.
    variables: Option<&'a Variables<'a>>,
}

type Read<T> = Result<T, Problem>;

impl<'a> At<'a> {
    /// The table `[app]`.
    pub(super) fn root(tree: &Node, variables: &'a Variables<'a>) -> Self {
        Self {
            key: "app".to_owned(),
            node: tree.clone(),
            variables: Some(variables),
        }
    }

    pub(super) fn read<S: DeserializeOwned>(&self) -> Result<S> {
        S::deserialize(self.clone()).map_err(|problem| match problem {
            Problem::Placed(error) => error,
            problem => Error::configuration(format!("[app]: {problem}")),
        })
    }

    fn member(&self, name: &str) -> Self {
        Self {
            key: format!("{}.{name}", self.key),
            node: self.node.members.get(name).cloned().unwrap_or_default(),
            variables: self.variables,
        }
    }

    /// The one setting of this place: of a flag, else of a variable, else of the file.
    fn setting(&self) -> Read<Option<Setting>> {
        let own = self.node.setting.as_ref();
        let variable = self
            .variables
            .map_or(Ok(None), |variables| variables.setting(&self.key));
        let variable = variable.map_err(Problem::Placed)?;
        let flag = own.filter(|own| own.is_of_flag()).cloned();
        Ok(flag.or(variable).or_else(|| own.cloned()))
    }

    /// Reads the value of the one setting by `read`.
    fn scalar<T>(&self, read: impl FnOnce(&Setting) -> Read<T>) -> Read<T> {
        match self.setting()? {
            Some(setting) => read(&setting).map_err(|problem| placed(&setting, problem)),
            None => {
                let key = &self.key;
                let stray = self.variables.and_then(|variables| variables.below(key));
                let place = stray.map_or_else(|| "[app]".to_owned(), str::to_owned);
                Err(Problem::Placed(Error::configuration(format!(
                    "{place}: {key} is one value and no table: write it as {key} = .., or as {}",
                    variable_of(key)
                ))))
            }
        }
    }

    /// The table at this place, with what a variable or a flag has written as one.
    fn table(self) -> Read<Self> {
        let Some(setting) = self.setting()? else {
            return Ok(self);
        };
        let table = match &setting.value {
            Value::String(text) => format!("value = {text}").parse::<toml::Table>().ok(),
            _ => None,
        };
        let table = table.and_then(|mut table| table.remove("value"));
        match table.filter(Value::is_table) {
            Some(value) => Ok(Self {
                node: Node::of_one(&Setting { value, ..setting }),
                ..self
            }),
            None => Err(placed(
                &setting,
                Problem::Refused("expected a table".to_owned()),
            )),
        }
    }

    /// The same value as TOML has it, for types that take any.
    fn value(&self) -> Read<(Option<Setting>, Value)> {
        match self.setting()? {
            Some(setting) => Ok((Some(setting.clone()), setting.value)),
            None => Ok((None, self.node.value())),
        }
    }

    fn place(&self, setting: Option<&Setting>, problem: Problem) -> Problem {
        match setting {
            Some(setting) => placed(setting, problem),
            None => match problem {
                Problem::Refused(problem) | Problem::Custom(problem) => {
                    let error = Error::configuration(format!("{}: {problem}", self.key));
                    Problem::Placed(error)
                }
                problem => problem,
            },
        }
    }

    /// The error of a member that the struct does not have.
    fn unknown(&self, name: &str, node: &Node, fields: &'static [&'static str]) -> Problem {
        let table = format!("key of [{}]", self.key);
        Problem::Placed(match node.first() {
            Some(setting) => setting.unlike(&table, name, fields.iter().copied()),
            None => Error::configuration(format!("unknown {table} {}", quoted(name))),
        })
    }

    /// The error of a table in which a field is missing.
    fn complete(&self, problem: Problem) -> Problem {
        let Problem::Missing(field) = problem else {
            return self.place(None, problem);
        };
        let key = format!("{}.{field}", self.key);
        Problem::Placed(Error::configuration(format!(
            "{key} is missing: write {field} = .. under [{}] into giotto.toml, or set {}",
            self.key,
            variable_of(&key)
        )))
    }
}

/// The `problem` with its place. What a type of the application says of a secret is not shown.
fn placed(setting: &Setting, problem: Problem) -> Problem {
    let error = match problem {
        Problem::Refused(problem) => setting.wrong(&problem),
        Problem::Custom(_) if setting.is_secret() => setting.wrong("its value is refused"),
        Problem::Custom(problem) => setting.wrong(&problem),
        problem => return problem,
    };
    Problem::Placed(error)
}

fn expected(what: &str) -> Problem {
    Problem::Refused(format!("expected {what}"))
}

/// Methods for numbers, which are written as such or as texts.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.scalar(|setting| match &setting.value {
                Value::Integer(number) => visitor.visit_i64(*number),
                Value::String(text) if setting.is_text() => match text.trim().parse() {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => Err(expected("a whole number")),
                },
                _ => Err(expected("a whole number")),
            })
        }
    )*};
}

macro_rules! floats {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.scalar(|setting| match &setting.value {
                Value::Float(number) => visitor.visit_f64(*number),
                Value::Integer(number) => visitor.visit_f64(*number as f64),
                Value::String(text) if setting.is_text() => match text.trim().parse() {
                    Ok(number) => visitor.visit_f64(number),
                    Err(_) => Err(expected("a number")),
                },
                _ => Err(expected("a number")),
            })
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            self.scalar(|setting| match &setting.value {
                Value::String(text) => visitor.visit_str(text),
                _ => Err(expected("a text in quotes")),
            })
        }
    )*};
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Problem;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }
    floats! { deserialize_f32 deserialize_f64 }
    texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.scalar(|setting| match &setting.value {
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::String(text) if setting.is_text() => match text.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ => Err(expected("true or false")),
            },
            _ => Err(expected("true or false")),
        })
    }

    /// It is only asked for what there is.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        // Dates are structs with a name of their own.
        if name.starts_with('$') {
            let (setting, value) = self.value()?;
            let value = value.deserialize_struct(name, fields, visitor);
            return value.map_err(|error| {
                self.place(
                    setting.as_ref(),
                    Problem::Custom(error.message().to_owned()),
                )
            });
        }
        let table = self.table()?;
        if let Some(variables) = table.variables {
            variables.know(&table.key, fields);
        }
        if let Some((unknown, node)) = table
            .node
            .members
            .iter()
            .find(|(name, _)| !fields.contains(&name.as_str()))
        {
            return Err(table.unknown(unknown, node, fields));
        }
        let names = fields.iter().copied().filter(|name| {
            let of_variables = table
                .variables
                .is_some_and(|given| given.has(&table.key, name));
            of_variables || table.node.members.contains_key(*name)
        });
        let members = Members {
            names: names.map(str::to_owned).collect::<Vec<_>>().into_iter(),
            at: &table,
            next: String::new(),
        };
        let read = visitor.visit_map(members);
        read.map_err(|problem| table.complete(problem))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let table = self.table()?;
        let mut names: Vec<_> = table.node.members.keys().cloned().collect();
        let of_variables = table.variables.map(|given| given.members(&table.key));
        for name in of_variables.unwrap_or_default() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let members = Members {
            names: names.into_iter(),
            at: &table,
            next: String::new(),
        };
        let read = visitor.visit_map(members);
        read.map_err(|problem| table.complete(problem))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let key = self.key.clone();
        self.scalar(|setting| {
            let items = items(setting).ok_or_else(|| expected("an array"))?;
            let items = items.into_iter().map(|value| {
                let item = Setting {
                    value,
                    ..setting.clone()
                };
                At {
                    key: key.clone(),
                    node: Node::of_one(&item),
                    variables: None,
                }
            });
            visitor.visit_seq(Items(items))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let (setting, value) = self.value()?;
        let read = match value {
            Value::String(text) => visitor.visit_enum(Variant(text)),
            value => value
                .deserialize_enum(name, variants, visitor)
                .map_err(|error| Problem::Custom(error.message().to_owned())),
        };
        read.map_err(|problem| self.place(setting.as_ref(), problem))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let (setting, value) = self.value()?;
        value.deserialize_any(visitor).map_err(|error| {
            self.place(
                setting.as_ref(),
                Problem::Custom(error.message().to_owned()),
            )
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.setting()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct }
}

/// The members of a table that are there.
struct Members<'a, 't> {
    names: std::vec::IntoIter<String>,
    at: &'t At<'a>,
    next: String,
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let Some(name) = self.names.next() else {
            return Ok(None);
        };
        self.next = name.clone();
        let name: StringDeserializer<Problem> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        let member = self.at.member(&self.next);
        seed.deserialize(member.clone()).map_err(|problem| {
            let setting = member.setting().ok().flatten();
            member.place(setting.as_ref(), problem)
        })
    }
}

/// The items of `setting`: an array, or a text with one, or a text with commas.
fn items(setting: &Setting) -> Option<Vec<Value>> {
    match &setting.value {
        Value::Array(items) => Some(items.clone()),
        Value::String(text) if setting.is_text() => {
            let array = format!("value = {text}").parse::<toml::Table>().ok();
            match array.and_then(|mut table| table.remove("value")) {
                Some(Value::Array(items)) => Some(items),
                _ => {
                    let items = text.split(',').map(str::trim);
                    Some(items.map(|item| Value::String(item.to_owned())).collect())
                }
            }
        }
        _ => None,
    }
}

/// The items of an array.
struct Items<I>(I);

impl<'a, 'de, I: Iterator<Item = At<'a>>> SeqAccess<'de> for Items<I> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}

/// The variant of an enum that a text names.
struct Variant(String);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Read<(V::Value, Self)> {
        let name: StrDeserializer<'_, Problem> = self.0.as_str().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Problem;

    fn unit_variant(self) -> Read<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Read<T::Value> {
        Err(expected(&format!("a table {{ {} = .. }}", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Read<V::Value> {
        Err(expected(&format!("a table {{ {} = [..] }}", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Read<V::Value> {
        Err(expected(&format!("a table {{ {} = {{ .. }} }}", self.0)))
    }
}
