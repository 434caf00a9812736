//! Where settings come from: the file, the environment, `--set`.

use std::ffi::OsString;
use std::path::Path;

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::keys;
use super::setting::Setting;
use crate::args::nearest;
use crate::error::{Error, Result};

const DEFAULT_PATH: &str = "giotto.toml";

/// What the names of this program's environment variables begin with.
const PREFIX: &str = "GIOTTO_";

/// The variable that names the file.
const CONFIG: &str = "GIOTTO_CONFIG";

/// All settings, in the order in which later ones override earlier ones.
pub(super) fn settings<'s>(
    path: Option<&Path>,
    variables: impl Iterator<Item = (OsString, OsString)>,
    set: impl Iterator<Item = &'s str>,
) -> Result<Vec<Setting>> {
    let variables = own_variables(variables)?;
    let named = variables.iter().find(|(name, _)| name == CONFIG);
    if path.is_none() && named.is_some_and(|(_, path)| path.is_empty()) {
        let message = format!("{CONFIG} is empty: set it to the path of a file, or not at all");
        return Err(Error::configuration(message));
    }
    let path = path.or(named.map(|(_, path)| Path::new(path)));
    let mut settings = match path {
        Some(path) => from_file(path)?,
        None if Path::new(DEFAULT_PATH).exists() => from_file(Path::new(DEFAULT_PATH))?,
        None => Vec::new(),
    };
    settings.extend(from_variables(&variables)?);
    for pair in set {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::configuration(format!("--set {pair}: write it as --set KEY=VALUE"))
        })?;
        settings.push(Setting {
            value: written(value),
            ..Setting::text(key, "", "--set")
        });
    }
    Ok(settings)
}

/// The variables of this process that begin with `GIOTTO_`.
fn own_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>> {
    let own = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    own.filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(Error::configuration(format!("{name} is not UTF-8"))),
        })
        .collect()
}

fn from_variables(variables: &[(String, String)]) -> Result<Vec<Setting>> {
    let variable = |key: &str| format!("{PREFIX}{}", key.replace('.', "_").to_uppercase());
    let keys = keys();
    let known: Vec<String> = keys.iter().map(|key| variable(key)).collect();
    let mut settings = Vec::new();
    for (key, name) in keys.iter().zip(&known) {
        if let Some((_, value)) = variables.iter().find(|(given, _)| given == name) {
            settings.push(Setting {
                value: written(value),
                ..Setting::text(key, "", name)
            });
        }
    }
    // Other variables may belong to the application; one that is almost a setting is a mistake. Their common
    // prefix is left out: it would make any two names look alike.
    let names = known.iter().map(String::as_str).chain([CONFIG]);
    let suffixes = names.filter_map(|name| name.strip_prefix(PREFIX));
    for (name, _) in variables {
        let suffix = name.strip_prefix(PREFIX).unwrap_or(name);
        let near = nearest(suffix, suffixes.clone());
        if let Some(near) = near.filter(|near| *near != suffix) {
            let message = format!(
                "the environment variable {name} is no setting: did you mean {PREFIX}{near}?"
            );
            return Err(Error::configuration(message));
        }
    }
    Ok(settings)
}

/// A variable's value: a table or an array as TOML writes them, else text.
fn written(text: &str) -> Value {
    let is_structured = text.starts_with(['{', '[']);
    let parsed = is_structured
        .then(|| format!("value = {text}").parse::<toml::Table>().ok())
        .flatten();
    let value = parsed.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn from_file(path: &Path) -> Result<Vec<Setting>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::configuration(format!("{shown} cannot be read: {error}")))?;
    parse(&text, &shown.to_string())
}

fn parse(text: &str, path: &str) -> Result<Vec<Setting>> {
    let refuse = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        Error::configuration(format!("{}: {}", position(text, path, at), error.message()))
    };
    let values: toml::Table = text.parse().map_err(refuse)?;
    let places = DeTable::parse(text).map_err(refuse)?;
    let mut settings = Vec::new();
    flatten(
        "",
        places.get_ref(),
        &values,
        &mut |key, at, value: &Value| {
            let origin = position(text, path, at);
            settings.push(Setting {
                key,
                value: value.clone(),
                origin,
            });
        },
    );
    Ok(settings)
}

/// `giotto.toml:3:1`
fn position(text: &str, path: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .chars()
        .rev()
        .take_while(|character| *character != '\n')
        .count()
        + 1;
    format!("{path}:{line}:{column}")
}

/// Calls `each` with the dotted key, the place and the value of everything that is not a table with members.
fn flatten(
    prefix: &str,
    places: &DeTable<'_>,
    values: &toml::Table,
    each: &mut impl FnMut(String, usize, &Value),
) {
    for (name, place) in places {
        let key = format!("{prefix}{}", name.get_ref());
        match (place.get_ref(), values.get(name.get_ref().as_ref())) {
            (DeValue::Table(places), Some(Value::Table(values))) if !values.is_empty() => {
                flatten(&format!("{key}."), places, values, each);
            }
            (_, Some(value)) => each(key, name.span().start, value),
            (_, None) => {}
        }
    }
}
