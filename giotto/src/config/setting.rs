//! One setting: its key, its value, and its origin.
//!
//! Before the first step of an invocation.

use std::fmt;

use toml::Value;

use super::key::{PREFIX, STRUCTURED};
use crate::arguments::nearest;
use crate::error::{Error, Result, quoted};

/// A key, its value, and its origin. A value may be a secret: no error and no debug output shows a secret.
#[derive(Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Value,
    /// `giotto.toml:3:1`, `GIOTTO_CACHE` or `--set`.
    pub(super) origin: String,
    /// Whether it is from a file of its own, and so a secret whatever its name is.
    pub(super) is_hidden: bool,
}

impl Setting {
    pub(super) fn text(key: &str, value: &str, origin: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: Value::String(value.to_owned()),
            origin: origin.to_owned(),
            is_hidden: false,
        }
    }

    /// The setting that a variable or a flag gives `key`.
    pub(super) fn written(key: &str, text: &str, origin: &str) -> Self {
        let is_structured = STRUCTURED.contains(&key) && text.starts_with(['{', '[']);
        let parsed = is_structured
            .then(|| format!("value = {text}").parse::<toml::Table>().ok())
            .flatten();
        let value = parsed.and_then(|mut table| table.remove("value"));
        let setting = Self::text(key, text, origin);
        match value {
            Some(value) => Self { value, ..setting },
            None => setting,
        }
    }

    /// Whether it was written as a text, in a variable or a flag, so that its type is that of the setting.
    pub(super) fn is_text(&self) -> bool {
        self.origin.starts_with(PREFIX) || self.is_of_flag()
    }

    pub(super) fn is_of_flag(&self) -> bool {
        self.origin.starts_with("--")
    }

    /// Whether nobody is shown its value.
    pub(super) fn is_secret(&self) -> bool {
        let secrets = ["password", "secret", "token", "url", "key"];
        let mut secrets = secrets.iter();
        // An address of a server may have a password before the `@`.
        let may_have_password = self.value.as_str().is_some_and(|text| text.contains('@'));
        self.is_hidden
            || may_have_password
            || secrets.any(|secret| self.key.ends_with(secret))
            || self.key.contains(".fields.")
    }

    /// `port` of `cache.port`.
    pub(super) fn member(&self) -> &str {
        self.key.strip_prefix("cache.").unwrap_or(&self.key)
    }

    pub(super) fn string(&self) -> Result<&str> {
        self.value
            .as_str()
            .ok_or_else(|| self.refused("a text in quotes"))
    }

    /// A text that must not be empty.
    pub(super) fn non_empty(&self) -> Result<&str> {
        match self.string()? {
            "" => Err(self.wrong("it is empty: leave it out, or give it a value")),
            text => Ok(text),
        }
    }

    /// A host's name or address, which may be in brackets as in a URL. No other part of a URL is allowed, because it may hold
    /// a password.
    pub(super) fn host(&self) -> Result<&str> {
        let host = self.string()?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        match bare.unwrap_or(host) {
            host if host.is_empty() || host.contains(['@', '/', ' ', '[', ']']) => {
                let url = match self.key.starts_with("cache.") {
                    true => "; a URL is cache.url",
                    false => "",
                };
                Err(self.refused(&format!("the name or address of a host{url}")))
            }
            host => Ok(host),
        }
    }

    /// The same, or the path of a Unix socket, which starts with `/` or `./`; `unix:` may be in front of it.
    pub(super) fn host_or_socket(&self) -> Result<&str> {
        let text = self.string()?;
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.starts_with('/') || path.starts_with("./") {
            return Ok(path);
        }
        self.host().map_err(|_| {
            self.refused("the name or address of a host, or the path of a Unix socket, such as /run/app/http.sock")
        })
    }

    /// One secret, or an array of them, each with at least `least` bytes.
    pub(super) fn secrets(&self, least: usize, remedy: &str) -> Result<Vec<String>> {
        let expected = || self.refused("a text in quotes, or an array of texts");
        let texts = match &self.value {
            Value::Array(texts) => texts.as_slice(),
            text => std::slice::from_ref(text),
        };
        let texts: Option<Vec<&str>> = texts.iter().map(Value::as_str).collect();
        let texts = texts
            .filter(|texts| !texts.is_empty())
            .ok_or_else(expected)?;
        match texts.iter().find(|text| text.len() < least) {
            Some(short) => Err(self.wrong(&format!(
                "a key of {} bytes is too short, it has at least {least}: make one with `{remedy}`",
                short.len()
            ))),
            None => Ok(texts.into_iter().map(str::to_owned).collect()),
        }
    }

    /// An array of texts, or one text with commas.
    pub(super) fn strings(&self) -> Result<Vec<&str>> {
        let expected = || self.refused("an array of texts");
        match &self.value {
            Value::Array(texts) if texts.is_empty() => Err(self.refused("at least one")),
            Value::Array(texts) => texts
                .iter()
                .map(|text| text.as_str().ok_or_else(expected))
                .collect(),
            Value::String(texts) => Ok(texts.split(',').map(str::trim).collect()),
            _ => Err(expected()),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        match &self.value {
            Value::Boolean(value) => Ok(*value),
            Value::String(text) => text.parse().map_err(|_| self.refused("true or false")),
            _ => Err(self.refused("true or false")),
        }
    }

    pub(super) fn integer<N: TryFrom<i64>>(&self) -> Result<N> {
        let number = match &self.value {
            Value::Integer(number) => Some(*number),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| self.refused("a whole number in the range of the key"))
    }

    /// A number that is at least one.
    pub(super) fn positive<N: TryFrom<i64> + Default + PartialEq>(&self) -> Result<N> {
        match self.integer()? {
            number if number == N::default() => Err(self.refused("at least 1")),
            number => Ok(number),
        }
    }

    /// Refuses any value under the name of a table but an empty table.
    pub(super) fn check_empty_table(&self, members: &str) -> Result<()> {
        match &self.value {
            Value::Table(_) => Ok(()),
            _ => Err(self.refused(&format!("a table with {members}"))),
        }
    }

    pub(super) fn refused(&self, expected: &str) -> Error {
        self.wrong(&format!("expected {expected}"))
    }

    /// The error of this setting, on one line.
    pub(super) fn wrong(&self, problem: &str) -> Error {
        let Self {
            key, value, origin, ..
        } = self;
        let is_secret = self.is_secret();
        let shown = match value {
            Value::String(text) if is_secret || text.contains(['@', '/']) => String::new(),
            // They may contain a password.
            Value::Table(_) | Value::Array(_) => String::new(),
            // TOML's own form of a text with line breaks takes several lines.
            Value::String(text) => format!(" = {text:?}"),
            _ if is_secret => String::new(),
            value => format!(" = {value}"),
        };
        let whose = match origin.starts_with(PREFIX) {
            true => "; unset the variable if it is not meant for this program",
            false => "",
        };
        Error::configuration(format!("{origin}: {key}{shown}: {problem}{whose}"))
    }

    /// The `result` of a store for this setting, its error with the place of the setting.
    pub(super) fn checked<T>(&self, result: giotto_cache::Result<T>) -> Result<T> {
        result.map_err(|error| self.wrong(&error.to_string()))
    }

    /// The error of a `name` that is not one of the `known`.
    pub(super) fn unlike<'n>(
        &self,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Error {
        // `drain` is `drain_seconds`, whatever else is as near.
        let begun = known
            .clone()
            .find(|known| !name.is_empty() && known.starts_with(name));
        let hint = match begun.or_else(|| nearest(name, known.clone())) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.clone().next().is_none() => "it takes none".to_owned(),
            None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
        };
        // A misspelled URL may contain a password.
        let name = match self.is_hidden || name.contains([':', '@']) {
            true => "(not shown)".to_owned(),
            false => quoted(name),
        };
        Error::configuration(format!("{}: unknown {what} {name}: {hint}", self.origin))
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("key", &self.key)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
