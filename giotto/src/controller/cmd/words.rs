//! The words of a command line: which are options, arguments or values.
//!
//! The first step of an invocation on the command line. clap reads the options that `command.rs` lists; this file has what
//! clap cannot know.

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};

use super::command::{CACHE, GIVEN, MODEL_MOCK, STALE_OK, VERBOSE, is_option_of, is_switch};
use crate::arguments::Parameter;
use crate::error::{InvalidInput, Result, quoted};
use crate::manifest::Manifest;
use crate::program::Program;
use crate::request::{CMD, Controller, Request, Value};

/// The same `request` with the arguments that the matched words give.
pub(super) fn fill<'w>(
    mut request: Request<'w>,
    parameters: &[&Parameter],
    matches: &ArgMatches,
) -> Request<'w> {
    let mut words: Vec<_> = parameters
        .iter()
        .map(|parameter| parameter.name)
        .chain([GIVEN])
        .flat_map(|option| {
            let places = matches.indices_of(option).into_iter().flatten();
            let values = matches.get_many::<String>(option).into_iter().flatten();
            places
                .zip(values)
                .map(move |(place, value)| (place, option, value))
        })
        .collect();
    // The values of a list keep their order, however each of them is written.
    words.sort_unstable();
    for (_, option, value) in words {
        let value = value.strip_prefix(MARK).unwrap_or(value);
        let is_known = |name: &str| parameters.iter().any(|one| one.takes(name));
        let given = value.split_once('=');
        let given = given.filter(|(name, _)| is_name(name) || is_known(name));
        match (option, given) {
            (GIVEN, Some((name, value))) => {
                request.data.push((name.to_owned().into(), text(value)));
            }
            (GIVEN, None) => request.path.push(value.to_owned().into()),
            (name, _) => request.data.push((name.to_owned().into(), text(value))),
        }
    }
    request
}

/// The name of an unknown option, unless clap suggests another one.
pub(super) fn unknown(error: &clap::Error) -> Option<&str> {
    let is_unknown = error.kind() == clap::error::ErrorKind::UnknownArgument;
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option))
            if is_unknown && error.get(ContextKind::SuggestedArg).is_none() =>
        {
            option.strip_prefix("--")
        }
        _ => None,
    }
}

/// Marks a word as a value. No word of a command line contains this character.
const MARK: char = '\0';

/// The `words` as clap needs them.
pub(super) fn prepared(words: Vec<String>, parameters: &[&Parameter]) -> Vec<String> {
    let words = words.into_iter().map(marked).collect();
    let is_switch = |word: &str| parameters.iter().any(|one| is_switch(one, word));
    join_switches(words, is_switch)
}

/// The same `word`, marked if it is a negative number in any notation: clap would take it for an option.
fn marked(word: String) -> String {
    let is_negative = word.strip_prefix('-').is_some_and(|number| {
        let is_digits = number.starts_with(|first: char| first.is_ascii_digit() || first == '.');
        is_digits
            || number
                .parse::<f64>()
                .is_ok_and(|_| !number.starts_with(['-', '+']))
    });
    if is_negative {
        format!("{MARK}{word}")
    } else {
        word
    }
}

/// Joins `--NAME true` to `--NAME=true` where `--NAME` is an option that may stand alone.
fn join_switches(words: Vec<String>, is_switch: impl Fn(&str) -> bool) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let is_value = matches!(word.as_str(), "true" | "false");
        match joined.last_mut().filter(|last| is_value && is_switch(last)) {
            Some(switch) => switch.push_str(&format!("={word}")),
            None => joined.push(word),
        }
    }
    joined
}

/// The parameters of `program`, and after them those of the program that it works on, if it takes the words of another
/// invocation.
pub(super) fn parameters<'m>(
    program: &'m Program,
    request: &Request<'_>,
    words: &[String],
    manifest: &'m Manifest,
) -> Vec<&'m Parameter> {
    let own = program.parameters().iter();
    match program.collector() {
        None => own.collect(),
        Some(_) => own
            .chain(other_parameters(program, request, words, manifest))
            .collect(),
    }
}

/// The parameters of the program that `words` name, whose options do not mean something else already.
fn other_parameters<'m>(
    program: &Program,
    request: &Request<'_>,
    words: &[String],
    manifest: &'m Manifest,
) -> Vec<&'m Parameter> {
    let consumed = manifest
        .find(request.path(), CMD)
        .map_or(0, |found| found.consumed);
    let named = request.path().get(consumed..).unwrap_or_default().join("/");
    // The first word may be the value of an option.
    let words = words.iter().filter(|word| !word.starts_with('-'));
    let mut paths = std::iter::once(&named)
        .filter(|path| !path.is_empty())
        .chain(words);
    let found = paths.find_map(|path| {
        let other = Request::new(CMD, path.trim_matches('/'));
        let mut controllers = Controller::ALL.into_iter();
        controllers.find_map(|controller| manifest.find(other.path(), controller).ok())
    });
    let parameters = found.map_or(&[][..], |found| found.program.parameters());
    let is_own = |name: &str| program.parameters().iter().any(|own| own.is_called(name));
    let is_free = |parameter: &&Parameter| {
        !is_own(parameter.name)
            && ![
                "help", MODEL_MOCK, CACHE, STALE_OK, VERBOSE, "config", "profile", "set",
            ]
            .into_iter()
            .any(|option| is_option_of(parameter, option))
    };
    parameters.iter().filter(is_free).collect()
}

/// Refuses bytes that are not text. The error names the argument that they were given for.
pub(super) fn check_text(request: &Request<'_>, manifest: &Manifest) -> Result<()> {
    let is_bad = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    let named = request.data.iter().find_map(|(name, value)| {
        let text = value.as_str().filter(|text| is_bad(text))?;
        Some((name.as_ref(), text))
    });
    let positional = request.path.iter().position(|segment| is_bad(segment));
    let (name, value) = match (named, positional) {
        (Some(named), _) => named,
        (None, Some(at)) => {
            let name = manifest.parameter_after(&request.path[..at], CMD);
            (name.unwrap_or("the path"), &*request.path[at])
        }
        (None, None) => return Ok(()),
    };
    let message = format!("{} is not UTF-8: give it as UTF-8 text", quoted(value));
    Err(InvalidInput::new().field(name, value, message).into())
}

fn text(value: &str) -> Value<'static> {
    Value::text(value.to_owned())
}

/// Whether `text` can be the name of a parameter, so that `http://a/?b=c` is a value.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || "_-".contains(character))
}
