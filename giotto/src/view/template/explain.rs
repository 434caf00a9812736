//! Says where a template failed, what is defined there, and what was probably meant.
//!
//! Step 6 of an invocation, after an error; and before the first request, for mistakes that are found then.

use std::error::Error as _;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::page::NAMES;
use super::scan::{self, Scan, Variable};
use super::sources::Sources;
use crate::arguments::nearest;
use crate::error::listed;

/// The most names that an error lists.
const MAX_LISTED: usize = 30;

/// The most characters of a name that an error shows.
const MAX_SHOWN: usize = 40;

/// The longest chain of variables that is followed.
const MAX_STEPS: usize = 8;

/// What is known when a template fails.
pub(super) struct Explainer<'t> {
    pub(super) sources: &'t Sources,
    /// The names of the application's own filters.
    pub(super) filters: Vec<String>,
    pub(super) environment: &'t Environment<'static>,
    pub(super) variables: Value,
}

impl Explainer<'_> {
    /// `templates/book.html:12: what is wrong; what to do`
    pub(super) fn explain(&self, error: &Error) -> String {
        let mut chain = vec![error];
        while let Some(source) = chain[chain.len() - 1].source() {
            match source.downcast_ref::<Error>() {
                Some(source) => chain.push(source),
                None => break,
            }
        }
        let Some((inner, outer)) = chain.split_last() else {
            return error.to_string();
        };
        let mut message = self.problem(inner, &chain);
        if let Some(place) = self.place(inner) {
            message = format!("{place}: {message}");
        }
        for place in outer.iter().rev().filter_map(|error| self.place(error)) {
            message += &format!("; called from {place}");
        }
        message
    }

    /// `templates/book.html:12`
    fn place(&self, error: &Error) -> Option<String> {
        let path = self.sources.path(error.name()?);
        Some(match error.line() {
            Some(line) => format!("{path}:{line}"),
            None => path,
        })
    }

    fn problem(&self, error: &Error, chain: &[&Error]) -> String {
        let detail = error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned);
        let first = |separators: &[char]| detail.split(separators).next().unwrap_or_default();
        match error.kind() {
            ErrorKind::UndefinedError => match quoted(&detail, '`') {
                Some(expression) => detail.clone() + &self.undefined(expression, chain),
                None => detail,
            },
            ErrorKind::UnknownFunction => {
                let name = first(&[' ']).trim_matches('`');
                format!(
                    "there is no function {name}{}",
                    self.among(name, &self.names(chain))
                )
            }
            ErrorKind::UnknownFilter => {
                let name = detail
                    .split(' ')
                    .nth(1)
                    .unwrap_or_default()
                    .trim_matches('`');
                self.no_filter(name)
            }
            ErrorKind::TemplateNotFound => {
                let quote = detail
                    .find(['"', '\''])
                    .map(|at| char::from(detail.as_bytes()[at]));
                match quote.and_then(|quote| quoted(&detail, quote)) {
                    Some(name) => self.sources.missing(name),
                    None => detail,
                }
            }
            ErrorKind::SyntaxError => format!("syntax error: {detail}"),
            _ => detail,
        }
    }

    /// That there is no filter `name`.
    pub(super) fn no_filter(&self, name: &str) -> String {
        format!(
            "there is no filter {name}{}",
            self.among(name, &self.filters)
        )
    }

    /// What is defined in place of the `expression`.
    fn undefined(&self, expression: &str, chain: &[&Error]) -> String {
        let Some(path) = scan::path_of(expression) else {
            return String::new();
        };
        let Some((last, parent)) = path.split_last() else {
            return String::new();
        };
        if parent.is_empty() {
            return self.among(last, &self.names(chain));
        }
        let variables = self.variables_of(chain);
        let Some(value) = self.resolve(parent, &variables, 0) else {
            return String::new();
        };
        let parent = parent.join(".");
        match value.kind() {
            ValueKind::Map => {
                let keys = value.try_iter().into_iter().flatten();
                let keys: Vec<_> = keys.map(|key| key.to_string()).collect();
                match nearest(last, keys.iter().map(String::as_str)) {
                    Some(near) => format!(
                        "; did you mean `{parent}.{near}`? `{parent}` has {}",
                        shortly(&keys)
                    ),
                    None => format!("; `{parent}` has {}", shortly(&keys)),
                }
            }
            ValueKind::Seq => {
                let length = value.len().unwrap_or_default();
                format!("; `{parent}` is a list of {length}: take its items in a loop")
            }
            kind => format!("; `{parent}` is {kind}"),
        }
    }

    /// The names of what is defined at the root.
    fn names(&self, chain: &[&Error]) -> Vec<String> {
        let own = NAMES.iter().map(|name| (*name).to_owned());
        let globals = self.environment.globals().map(|(name, _)| name.to_owned());
        let set = self
            .variables_of(chain)
            .into_iter()
            .map(|variable| variable.name);
        let mut names: Vec<_> = own.collect();
        for name in set.chain(globals) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// What was meant by `name`, or what there is.
    fn among(&self, name: &str, names: &[String]) -> String {
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("; did you mean `{near}`? Defined here: {}", shortly(names)),
            None if names.is_empty() => String::new(),
            None => format!("; defined here: {}", shortly(names)),
        }
    }

    /// What the templates of the `chain` set, the innermost first.
    fn variables_of(&self, chain: &[&Error]) -> Vec<Variable> {
        let names = chain.iter().rev().filter_map(|error| error.name());
        let texts = names.filter_map(|name| self.sources.read(name).ok().flatten());
        texts
            .flat_map(|(_, text)| Scan::of(&text).variables())
            .collect()
    }

    /// The value at `path`. Of a loop, the first item stands for all.
    fn resolve(&self, path: &[String], variables: &[Variable], steps: usize) -> Option<Value> {
        let (root, rest) = path.split_first().filter(|_| steps < MAX_STEPS)?;
        let defined =
            |value: Result<Value, Error>| value.ok().filter(|value| !value.is_undefined());
        let mut own = variables.iter().filter(|variable| variable.name == *root);
        let bound = own.find_map(|variable| {
            let value = self.resolve(variable.path.as_ref()?, variables, steps + 1)?;
            match variable.is_item {
                true => value.try_iter().ok()?.next(),
                false => Some(value),
            }
        });
        let global = || {
            let mut globals = self.environment.globals();
            globals
                .find(|(name, _)| name == root)
                .map(|(_, value)| value)
        };
        let start = bound
            .or_else(|| defined(self.variables.get_attr(root)))
            .or_else(global)?;
        rest.iter().try_fold(start, |value, key| {
            let by_index = || defined(value.get_item_by_index(key.parse().ok()?));
            defined(value.get_attr(key)).or_else(by_index)
        })
    }
}

/// What stands between two `quote`s.
fn quoted(text: &str, quote: char) -> Option<&str> {
    let (_, rest) = text.split_once(quote)?;
    rest.split_once(quote).map(|(quoted, _)| quoted)
}

/// A name that data may have, and so a client.
fn shortened(name: &str) -> &str {
    name.char_indices()
        .nth(MAX_SHOWN)
        .map_or(name, |(end, _)| &name[..end])
}

fn shortly(names: &[String]) -> String {
    listed(
        names.iter().map(|name| shortened(name).to_owned()),
        MAX_LISTED,
    )
}
