//! The place of a value among the settings in `[app]`, and what the tables and the variables have for it.
//!
//! Before the application is made. `reading.rs` makes values of it.

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

pub(super) type Read<T> = Result<T, Problem>;

impl<'a> At<'a> {
    /// The table `[app]`.
    pub(super) fn root(tree: &Node, variables: &'a Variables<'a>) -> Self {
        Self {
            key: "app".to_owned(),
            node: tree.clone(),
            variables: Some(variables),
        }
    }

    pub(super) fn member(&self, name: &str) -> Self {
        Self {
            key: format!("{}.{name}", self.key),
            node: self.node.members.get(name).cloned().unwrap_or_default(),
            variables: self.variables,
        }
    }

    /// The one setting of this place: of a flag, else of a variable, else of the file.
    pub(super) fn setting(&self) -> Read<Option<Setting>> {
        let own = self.node.setting.as_ref();
        let variable = self
            .variables
            .map_or(Ok(None), |variables| variables.setting(&self.key));
        let variable = variable.map_err(Problem::Placed)?;
        let flag = own.filter(|own| own.is_of_flag()).cloned();
        Ok(flag.or(variable).or_else(|| own.cloned()))
    }

    /// Reads the value of the one setting by `read`.
    pub(super) fn scalar<T>(&self, read: impl FnOnce(&Setting) -> Read<T>) -> Read<T> {
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
    pub(super) fn table(self) -> Read<Self> {
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
    pub(super) fn value(&self) -> Read<(Option<Setting>, Value)> {
        match self.setting()? {
            Some(setting) => Ok((Some(setting.clone()), setting.value)),
            None => Ok((None, self.node.value())),
        }
    }

    pub(super) fn place(&self, setting: Option<&Setting>, problem: Problem) -> Problem {
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

    /// The names of the `fields` that are there. A member that is no field is refused.
    pub(super) fn present(&self, fields: &'static [&'static str]) -> Read<Vec<String>> {
        if let Some(variables) = self.variables {
            variables.know(&self.key, fields);
        }
        let mut members = self.node.members.iter();
        let is_unknown = |(name, _): &(&String, &Node)| !fields.contains(&name.as_str());
        if let Some((unknown, node)) = members.find(is_unknown) {
            return Err(self.unknown(unknown, node, fields));
        }
        let is_given = |name: &&&str| {
            let of_variables = self
                .variables
                .is_some_and(|given| given.has(&self.key, name));
            of_variables || self.node.members.contains_key(**name)
        };
        let names = fields.iter().filter(is_given);
        Ok(names.map(|name| (*name).to_owned()).collect())
    }

    /// The names of all members that are there, of a table whose fields are not known.
    pub(super) fn members(&self) -> Vec<String> {
        let mut names: Vec<_> = self.node.members.keys().cloned().collect();
        let of_variables = self.variables.map(|given| given.members(&self.key));
        for name in of_variables.unwrap_or_default() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The place of an item of the array in `setting`, with this `value`.
    pub(super) fn item(&self, setting: &Setting, value: Value) -> Self {
        let item = Setting {
            value,
            ..setting.clone()
        };
        Self {
            key: self.key.clone(),
            node: Node::of_one(&item),
            variables: None,
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
    pub(super) fn complete(&self, problem: Problem) -> Problem {
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

pub(super) fn expected(what: &str) -> Problem {
    Problem::Refused(format!("expected {what}"))
}
