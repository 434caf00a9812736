//! The command-line controller: arguments to an invocation, and its page or error back.
//!
//! The first and the last step of an invocation on the command line: `command.rs` says what may be written, `output.rs`
//! writes the answer, as `terminal.rs` says how.

mod command;
mod output;
mod terminal;

use std::ffi::OsString;
use std::time::Duration;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};
use giotto_cache::{Cache, Place};

use crate::app::App;
use crate::arguments::Parameter;
use crate::arguments::no_such_argument;
use crate::error::{Error, ErrorKind, InvalidInput, Result, quoted};
use crate::manifest::Manifest;
use crate::program::Program;
use crate::request::{CMD, Controller, Request, Value};
use crate::view::TEXT_CMD;
use command::{CACHE, GIVEN, STALE_OK, VERBOSE, command, is_option_of, is_switch, list, option};
pub(crate) use command::{MODEL_MOCK, Options, options};
pub(crate) use output::{SUCCESS, ask, complain, fail, tell};
use output::{hint, print_text, show};

/// What a store that hangs may hold up the end of a command, unless its deadline is a longer one.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

/// Runs what `words` ask for, `name` being how the user called this command; the exit code. The `app` is `configured` once
/// the flags behind the program are known.
pub(crate) async fn run(
    app: &App,
    name: &str,
    words: &[OsString],
    options: Options,
    configured: impl FnOnce(Option<&ArgMatches>) -> Result<App>,
) -> u8 {
    let Some((path, words)) = words.split_first() else {
        return match configured(None) {
            Ok(_) => print_text(&list(app.manifest(), name)),
            Err(error) => fail(&error),
        };
    };
    let shown_path = path.to_string_lossy();
    let request = Request::new(CMD, shown_path.trim_matches('/')).accept(TEXT_CMD);
    let program = match app.manifest().find(request.path(), CMD) {
        Ok(found) => found.program,
        Err(_) if path.to_str().is_none() => {
            let message = format!(
                "{} is not UTF-8: give it as UTF-8 text",
                quoted(&shown_path)
            );
            return fail(&Error::new(ErrorKind::NoProgram, message));
        }
        Err(error) => return fail(&with_list(error, name)),
    };
    // What is no text is refused below, once it is known which argument it is.
    let is_text = path.to_str().is_some() && words.iter().all(|word| word.to_str().is_some());
    let words: Vec<_> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let others = other_parameters(program, &request, &words, app.manifest());
    let of_others = others.iter().map(|parameter| option(parameter).hide(true));
    let command = command(program, name).args(of_others);
    let parameters = || program.parameters().iter().chain(others.iter().copied());
    let words = words.into_iter().map(marked).collect();
    let words = join_switches(words, |word| {
        parameters().any(|parameter| is_switch(parameter, word))
    });
    let matches = match command.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => {
            let Some(name) = unknown(&error) else {
                return tell(&error);
            };
            // Words of another invocation are told what that one takes.
            let names = parameters().map(|parameter| parameter.name);
            let names: Vec<_> = names
                .filter(|name| program.collector() != Some(name))
                .collect();
            return fail(&no_such_argument(&names, name, String::new()));
        }
    };
    let is_cached = program.cache_policy().is_some();
    let mocked = matches
        .try_get_one::<bool>(MODEL_MOCK)
        .is_ok_and(|mock| mock == Some(&true));
    let options = options.or(Options::read(&matches));
    let request = request
        .mode(options.mode.unwrap_or_default())
        .take_stale(options.stale_ok);
    let mut request = fill(request, parameters(), &matches);
    if !is_text && let Err(error) = check_text(&request, app.manifest()) {
        return fail(&error);
    }
    let app = match configured(Some(&matches)) {
        Ok(app) if mocked => app.model_mock(true),
        Ok(app) => app,
        Err(error) => return fail(&error),
    };
    let result = app.invoke(&mut request).await;
    if is_cached && app.shared_cache().store().place() == Place::InProcess {
        hint(
            "the cache \"locmem\" lives in this process and ends with it: nothing is kept between two commands",
        );
    }
    let receipt = match &result {
        Ok(rendered) => rendered.receipt(),
        Err(error) => error.receipt(),
    };
    match receipt {
        Some(receipt) if options.verbose => complain(&format!("Cache-Status: {receipt}")),
        None if options.verbose && !is_cached => hint("the program has no cache"),
        _ => {}
    }
    if is_cached && options.verbose && !app.cache_is_given() {
        hint("no cache is configured: write cache = \"database\" or another one into giotto.toml");
    }
    let code = match &result {
        Ok(rendered) => show(rendered, program.is_styled(rendered.mime())),
        Err(error) => fail(error),
    };
    settle(app.shared_cache(), options.stale_ok).await;
    code
}

/// What was computed is for the next command, too. A page that was old is followed by a fresh one, however long that
/// takes; otherwise a store that hangs holds nobody up.
async fn settle(cache: &Cache, is_refreshed: bool) {
    match is_refreshed {
        true => cache.settle().await,
        // What is not stored by then is computed again.
        false => {
            let patience = STORE_PATIENCE.max(3 * cache.deadline());
            drop(tokio::time::timeout(patience, cache.settle()).await);
        }
    }
    cache.tell_invalidations().await;
}

/// The same `request` with the arguments that the matched words give.
fn fill<'w, 'p>(
    mut request: Request<'w>,
    parameters: impl Iterator<Item = &'p Parameter>,
    matches: &ArgMatches,
) -> Request<'w> {
    let parameters: Vec<_> = parameters.collect();
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
        let is_known = |name: &str| parameters.iter().any(|one| one.is_called(name));
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

/// The name that is no option's, unless clap knows which one was meant.
fn unknown(error: &clap::Error) -> Option<&str> {
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

/// What marks a word as a value. No word of a command line has this character.
const MARK: char = '\0';

/// The same `word`, marked if it is a negative number in any notation, which clap would take for options.
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

/// `--NAME true` as `--NAME=true` where `--NAME` alone would do, too: otherwise the next word is one of its own.
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

/// The parameters of the program that `program` is told about, if it takes the words of another invocation: its
/// options are known, too.
fn other_parameters<'m>(
    program: &Program,
    request: &Request<'_>,
    words: &[String],
    manifest: &'m Manifest,
) -> Vec<&'m Parameter> {
    if program.collector().is_none() {
        return Vec::new();
    }
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
                "help", MODEL_MOCK, CACHE, STALE_OK, VERBOSE, "config", "set",
            ]
            .into_iter()
            .any(|option| is_option_of(parameter, option))
    };
    parameters.iter().filter(is_free).collect()
}

/// The unknown program's error, which says where all of them are listed if it has no better advice.
fn with_list(error: Error, name: &str) -> Error {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::NoProgram if !message.ends_with('?') => {
            let message = format!("{message}; '{name}' lists them all");
            Error::new(ErrorKind::NoProgram, message)
        }
        _ => error,
    }
}

/// Refuses bytes that are no text, naming the argument that they were given for.
fn check_text(request: &Request<'_>, manifest: &Manifest) -> Result<()> {
    let is_bad = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    let named = request.data.iter().find_map(|(name, value)| match value {
        Value::Text(text) if is_bad(text) => Some((name.as_ref(), text)),
        _ => None,
    });
    let positional = request.path.iter().position(|segment| is_bad(segment));
    let (name, value) = match (named, positional) {
        (Some(named), _) => named,
        (None, Some(at)) => {
            let name = manifest.parameter_after(&request.path[..at], CMD);
            (name.unwrap_or("the path"), &request.path[at])
        }
        (None, None) => return Ok(()),
    };
    let message = format!("{} is not UTF-8: give it as UTF-8 text", quoted(value));
    Err(InvalidInput::new()
        .field(name, value.as_ref(), message)
        .into())
}

fn text(value: &str) -> Value<'static> {
    Value::Text(value.to_owned().into())
}

/// Whether `text` can be the name of a parameter, so that `http://a/?b=c` is a value.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text
            .chars()
            .all(|character| character.is_alphanumeric() || "_-".contains(character))
}
