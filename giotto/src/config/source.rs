//! Reads settings from the file, the environment and `--set`.
//!
//! Before the first step of an invocation.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::key::{APP_PREFIX, CONFIG, PREFIX, PROFILE, SESSION_KEY, variable_of};
use super::links;
use super::profile::Profiles;
use super::secret::{FILE, in_file};
use super::setting::Setting;
use super::store::keys;
use crate::arguments::nearest;
use crate::error::{Error, Result};

const DEFAULT_PATH: &str = "giotto.toml";

/// The settings, and the variables that look like one.
pub(super) struct Source {
    /// All settings, in the order in which later ones override earlier ones.
    pub(super) settings: Vec<Setting>,
    /// The variables that Kubernetes or Docker have set for a service. They are not settings.
    pub(super) links: Vec<String>,
    /// The file, which need not exist if it is the usual one.
    pub(super) file: PathBuf,
    /// The variables of the application's own settings.
    pub(super) app_variables: Vec<(String, String)>,
    /// What each profile that is not chosen would have of the file.
    pub(super) other_profiles: Vec<Vec<Setting>>,
}

pub(super) fn read<'s>(
    path: Option<&Path>,
    variables: impl Iterator<Item = (OsString, OsString)>,
    set: impl Iterator<Item = &'s str>,
    profile: Option<&str>,
) -> Result<Source> {
    let (links, variables): (Vec<_>, Vec<_>) = own_variables(variables)?
        .into_iter()
        .partition(|(name, value)| links::is_link(name, value));
    let (file, settings) = file_of(path, &variables)?;
    let mut profiles = Profiles::of(settings)?;
    let own = chosen(&mut profiles, profile, &variables)?;
    let other_profiles = profiles.others().collect();
    let mut settings = profiles.common;
    settings.extend(own);
    let (app_variables, variables): (Vec<_>, Vec<_>) = variables
        .into_iter()
        .partition(|(name, _)| name.starts_with(APP_PREFIX));
    settings.extend(from_variables(&variables)?);
    for pair in set {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::configuration(format!("--set {pair}: write it as --set KEY=VALUE"))
        })?;
        settings.push(Setting::written(key, value, "--set"));
    }
    Ok(Source {
        settings,
        links: links.into_iter().map(|(name, _)| name).collect(),
        file,
        app_variables,
        other_profiles,
    })
}

/// The file at `path`, or the one that a variable names, or the usual one if it exists; and its settings.
fn file_of(path: Option<&Path>, variables: &[(String, String)]) -> Result<(PathBuf, Vec<Setting>)> {
    let named = variables.iter().find(|(name, _)| name == CONFIG);
    let named_path = named.map(|(_, path)| Path::new(path));
    let file = path.or(named_path).unwrap_or(Path::new(DEFAULT_PATH));
    let settings = match (path, named) {
        (Some(path), _) => from_file(path, "")?,
        (None, Some((name, path))) => from_file(Path::new(path), &format!("{name}: "))?,
        (None, None) => match Path::new(DEFAULT_PATH).symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            // A file of that name is read, or named in the error.
            _ => from_file(Path::new(DEFAULT_PATH), "")?,
        },
    };
    Ok((file.to_owned(), settings))
}

/// The settings of the profile that a flag or a variable chooses.
fn chosen(
    profiles: &mut Profiles,
    flag: Option<&str>,
    variables: &[(String, String)],
) -> Result<Vec<Setting>> {
    let variable = variables.iter().find(|(name, _)| name == PROFILE);
    let variable = variable.map(|(name, profile)| (profile.as_str(), name.as_str()));
    match flag.map(|profile| (profile, "--profile")).or(variable) {
        Some((profile, origin)) => profiles.take(profile, origin),
        None => Ok(Vec::new()),
    }
}

/// The variables of this process that begin with `GIOTTO_`. An empty variable counts as not set, as in `${NAME:-default}` of
/// a shell: containers and service files write `NAME=` to leave a variable out.
fn own_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>> {
    let own = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    own.filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(Error::configuration(format!("{name} is not UTF-8"))),
        })
        .collect()
}

fn from_variables(variables: &[(String, String)]) -> Result<Vec<Setting>> {
    let keys = keys();
    let known: Vec<String> = keys.iter().map(|key| variable_of(key)).collect();
    let value = |name: &str| {
        let mut given = variables.iter();
        given
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    };
    let mut settings = Vec::new();
    for (key, name) in keys.iter().zip(&known) {
        let file = format!("{name}{FILE}");
        let is_setting = known.contains(&file);
        let path = value(&file);
        match (value(name), path.filter(|_| !is_setting)) {
            (Some(_), Some(_)) => return Err(both(name, &file)),
            // The keys of sessions are one on each line there.
            (Some(_), None) if key == SESSION_KEY && path.is_some() => {
                return Err(both(name, &file));
            }
            (Some(value), None) => settings.push(Setting::written(key, value, name)),
            (None, Some(path)) => settings.push(in_file(key, path, &file)?),
            (None, None) => {}
        }
    }
    check_names(variables, &known)?;
    Ok(settings)
}

fn both(name: &str, file: &str) -> Error {
    Error::configuration(format!("{name} and {file} are both set: unset one of them"))
}

/// Refuses a variable that is almost a setting, which is a mistake; others may belong to the application. The comparison
/// ignores the common prefix, which would make any two names similar, and the end of those that name a file.
fn check_names(variables: &[(String, String)], known: &[String]) -> Result<()> {
    let names = known.iter().map(String::as_str).chain([CONFIG, PROFILE]);
    let suffixes = names.filter_map(|name| name.strip_prefix(PREFIX));
    for (name, _) in variables {
        let is_known = |name: &str| suffixes.clone().any(|known| known == name);
        let suffix = name.strip_prefix(PREFIX).unwrap_or(name);
        let bare = suffix.strip_suffix(FILE);
        if is_known(suffix) || bare.is_some_and(is_known) {
            continue;
        }
        let near = nearest(suffix, suffixes.clone()).map(str::to_owned);
        let of_file = || {
            let near = nearest(bare?, suffixes.clone())?;
            Some(format!("{near}{FILE}"))
        };
        if let Some(near) = of_file().or(near) {
            let message = format!(
                "the environment variable {name} is not a setting: did you mean {PREFIX}{near}? Unset it if it is not \
                 meant for this program"
            );
            return Err(Error::configuration(message));
        }
    }
    Ok(())
}

/// Reads the file at `path`. An error begins with `named_by`, which says where the path is from.
fn from_file(path: &Path, named_by: &str) -> Result<Vec<Setting>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let problem = match (error.kind(), std::fs::read_link(path)) {
            (ErrorKind::NotFound, Ok(target)) => {
                let target = target.display();
                format!("it is a link to {target}, where there is no file: create that, or remove the link")
            }
            (ErrorKind::NotFound, _) => format!("{error}; name a file that exists"),
            (ErrorKind::PermissionDenied, _) => {
                format!("{error}; give the user of this process the right to read it")
            }
            (ErrorKind::IsADirectory, _) => format!("{error}; name a file"),
            _ => error.to_string(),
        };
        Error::configuration(format!("{named_by}{shown} cannot be read: {problem}"))
    })?;
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
                is_hidden: false,
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

/// Calls `each` with the dotted key, the place and the value of every item that is not a table with members.
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
