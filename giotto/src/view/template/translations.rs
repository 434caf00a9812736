//! Messages in the languages of an application, from one TOML file for each language.
//!
//! Before the first request, and in step 6 of an invocation: `t("greeting", name="Ada")`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fmt, fs};

use toml::{Table, Value};

use crate::arguments::nearest;
use crate::error::{Error, Result, quoted};

/// Where the messages are, and in which languages.
#[derive(Clone, Debug)]
pub(super) struct Languages {
    pub(super) folder: PathBuf,
    /// The first one has all messages.
    pub(super) names: Vec<String>,
}

/// The messages of all languages, by their keys.
#[derive(Debug)]
pub(super) struct Translations {
    /// As in [`Languages`].
    languages: Vec<(String, BTreeMap<String, String>)>,
    folder: PathBuf,
}

/// A message in some language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'t> {
    pub(super) text: &'t str,
    /// The language that was wanted and does not have it.
    pub(super) missing_in: Option<&'t str>,
}

impl Languages {
    /// Reads the files.
    pub(super) fn read(&self) -> Result<Translations> {
        if self.names.is_empty() {
            return Err(Error::configuration(
                "the translations have no language: .translations(\"locales\", [\"en\", \"de\"])",
            ));
        }
        let read = |name: &String| -> Result<_> {
            let path = self.folder.join(format!("{name}.toml"));
            let failed = |problem: &dyn fmt::Display| {
                Error::configuration(format!(
                    "cannot read the messages of the language '{name}' in {}: {problem}",
                    path.display()
                ))
            };
            let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
            let table: Table = text.parse().map_err(|error| failed(&error))?;
            let mut messages = BTreeMap::new();
            collect(&table, "", &mut messages).map_err(|problem| failed(&problem))?;
            Ok((name.clone(), messages))
        };
        Ok(Translations {
            languages: self.names.iter().map(read).collect::<Result<_>>()?,
            folder: self.folder.clone(),
        })
    }
}

/// Adds the messages of `table`; those of inner tables have keys with dots: `nav.home`.
fn collect(
    table: &Table,
    prefix: &str,
    messages: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            Value::String(text) => {
                parts(text).map_err(|problem| format!("the message '{key}' {problem}"))?;
                messages.insert(key, text.clone());
            }
            Value::Table(inner) => collect(inner, &format!("{key}."), messages)?,
            _ => return Err(format!("'{key}' is no text: write it in quotes")),
        }
    }
    Ok(())
}

impl Translations {
    /// The name of `language`, or of the first language if there are no messages in it.
    pub(super) fn language(&self, language: Option<&str>) -> &str {
        let is_wanted =
            |name: &str| language.is_some_and(|language| name.eq_ignore_ascii_case(language));
        let mut names = self.languages.iter().map(|(name, _)| name.as_str());
        let first = names.clone().next().unwrap_or_default();
        names.find(|name| is_wanted(name)).unwrap_or(first)
    }

    /// The names of all languages.
    pub(super) fn names(&self) -> Vec<&str> {
        let names = self.languages.iter().map(|(name, _)| name.as_str());
        names.collect()
    }

    /// The message `key` in `language`, or in the first language.
    pub(super) fn message(&self, language: Option<&str>, key: &str) -> Result<Message<'_>> {
        let (first, others) = self
            .languages
            .split_first()
            .ok_or_else(|| self.unknown(key))?;
        let wanted = language.and_then(|language| {
            let mut others = others.iter();
            others.find(|(name, _)| name.eq_ignore_ascii_case(language))
        });
        let of_first = || first.1.get(key).ok_or_else(|| self.unknown(key));
        match wanted {
            None => Ok(Message {
                text: of_first()?,
                missing_in: None,
            }),
            Some((name, messages)) => match messages.get(key) {
                Some(text) => Ok(Message {
                    text,
                    missing_in: None,
                }),
                None => Ok(Message {
                    text: of_first()?,
                    missing_in: Some(name),
                }),
            },
        }
    }

    /// Refuses a constant `key` that a language does not have.
    pub(super) fn check(&self, key: &str) -> Result<()> {
        self.message(None, key)?;
        let lacking = self
            .languages
            .iter()
            .find(|(_, messages)| !messages.contains_key(key));
        match lacking {
            None => Ok(()),
            Some((name, _)) => Err(Error::configuration(format!(
                "the language '{name}' has no message '{key}': add it to {}",
                self.folder.join(format!("{name}.toml")).display()
            ))),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        let keys = self
            .languages
            .iter()
            .flat_map(|(_, messages)| messages.keys());
        let near = match nearest(key, keys.map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => {
                let first = self.languages.first().map_or("", |(name, _)| name);
                format!(
                    "add it to {}",
                    self.folder.join(format!("{first}.toml")).display()
                )
            }
        };
        Error::configuration(format!("there is no message {}; {near}", quoted(key)))
    }
}

/// A part of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'m> {
    Text(&'m str),
    /// `{name}`
    Placeholder(&'m str),
}

/// The parts of a message. `{{` and `}}` are braces.
pub(super) fn parts(message: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = message;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, braces) = rest.split_at(at);
        if braces.starts_with("{{") || braces.starts_with("}}") {
            parts.push(Part::Text(&rest[..=at]));
            rest = &braces[2..];
            continue;
        }
        parts.push(Part::Text(text));
        let end = braces.find('}').filter(|_| braces.starts_with('{'));
        let name = end.map(|end| braces[1..end].trim());
        let is_name = |name: &&str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_')
        };
        match (name.filter(is_name), end) {
            (Some(name), Some(end)) => {
                parts.push(Part::Placeholder(name));
                rest = &braces[end + 1..];
            }
            _ => {
                return Err(
                    "has a brace that is no placeholder: write {name}, and {{ or }} for a brace"
                        .to_owned(),
                );
            }
        }
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_its_placeholders() {
        let shown = |message| {
            let parts = parts(message).unwrap().into_iter();
            let parts = parts.map(|part| match part {
                Part::Text(text) => text.to_owned(),
                Part::Placeholder(name) => format!("<{name}>"),
            });
            parts.collect::<String>()
        };
        for (message, expected) in [
            ("", ""),
            ("Hello", "Hello"),
            ("Hello {name}!", "Hello <name>!"),
            ("{a}{ b }é{c_1}", "<a><b>é<c_1>"),
            ("{{x}} {{{y}}}", "{x} {<y>}"),
        ] {
            assert_eq!(shown(message), expected, "{message}");
        }
        for bad in [
            "{", "}", "{}", "{ }", "{a b}", "{a", "a}", "{a-b}", "{{}", "{é!}",
        ] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }
}
