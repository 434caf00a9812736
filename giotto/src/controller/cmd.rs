//! The command-line controller: arguments to an invocation, and a page or an error to standard output,
//! standard error and an exit code.
//!
//! The first and the last step of an invocation on the command line.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, ErrorKind as IoErrorKind, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};
use giotto_cache::{Cache, Mode, Place, Staleness, Status};

use crate::app::App;
use crate::error::{Error, ErrorKind, InvalidInput, Result, quoted};
use crate::manifest::Manifest;
use crate::negotiate;
use crate::parameter::Parameter;
use crate::program::Program;
use crate::request::{CMD, Controller, Rendered, Request, Value};

/// The media type of the command line.
pub(crate) const TEXT_CMD: &str = "text/cmd";
const MODEL_MOCK: &str = "model-mock";
const GIVEN: &str = "NAME=VALUE";

const CACHE: &str = "cache";
const STALE_OK: &str = "stale-ok";
const VERBOSE: &str = "verbose";

pub(crate) const SUCCESS: u8 = 0;
pub(crate) const FAILURE: u8 = 1;
pub(crate) const USAGE: u8 = 2;
/// Only a stored page was wanted, and there is none.
const NOT_CACHED: u8 = 3;
/// The model failed or is late: the page is an old one, or there is none in time.
const STALE: u8 = 4;

/// What a store that hangs may hold up the end of a command.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

/// How far a command asks the cache, and how much it says of it. Given before the program's name or after it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    mode: Option<Mode>,
    stale_ok: bool,
    verbose: bool,
}

impl Options {
    /// Those of `matches` that it has.
    pub(crate) fn read(matches: &ArgMatches) -> Self {
        let flag = |name| matches!(matches.try_get_one::<bool>(name), Ok(Some(true)));
        let mode = matches.try_get_one::<Mode>(CACHE);
        Self {
            mode: mode.ok().flatten().copied(),
            stale_ok: flag(STALE_OK),
            verbose: flag(VERBOSE),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            stale_ok: self.stale_ok || other.stale_ok,
            verbose: self.verbose || other.verbose,
        }
    }
}

/// The options of every command that have to do with the cache.
pub(crate) fn options() -> [Arg; 3] {
    let modes = PossibleValuesParser::new(["prefer", "only", "refresh", "bypass"]);
    let modes = modes.map(|name| match name.as_str() {
        "only" => Mode::Only,
        "refresh" => Mode::Refresh,
        "bypass" => Mode::Bypass,
        _ => Mode::Prefer,
    });
    [
        Arg::new(CACHE)
            .long(CACHE)
            .value_name("MODE")
            .value_parser(modes)
            .hide_possible_values(true)
            .help(
                "prefer a stored page, take only a stored one (exit code 3 if there is none), refresh it, or bypass \
                 the cache [default: prefer]",
            ),
        Arg::new(STALE_OK)
            .long(STALE_OK)
            .action(ArgAction::SetTrue)
            .help("Print an old page at once where one may be served, then compute a fresh one and exit"),
        Arg::new(VERBOSE)
            .long(VERBOSE)
            .short('v')
            .action(ArgAction::SetTrue)
            .help("Say on standard error how the page was come by"),
    ]
}

/// Runs what `words` ask for, `name` being how the user called this command; the exit code.
pub(crate) async fn run(app: App, name: &str, words: &[OsString], options: Options) -> u8 {
    let Some((path, words)) = words.split_first() else {
        return print(list(app.manifest(), name).as_bytes());
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
    let matches = match command.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return tell(&error),
    };
    let is_cached = program.cache_policy().is_some();
    let mocked = matches
        .try_get_one::<bool>(MODEL_MOCK)
        .is_ok_and(|mock| mock == Some(&true));
    let options = options.or(Options::read(&matches));
    let request = request
        .mode(options.mode.unwrap_or_default())
        .take_stale(options.stale_ok);
    let parameters = program.parameters().iter().chain(others);
    let mut request = fill(request, parameters, &matches);
    if !is_text && let Err(error) = check_text(&request, app.manifest()) {
        return fail(&error);
    }
    let app = if mocked {
        app.model_mock(true)
    } else {
        app.clone()
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
    let code = match &result {
        Ok(rendered) => show(rendered),
        Err(error) => fail(error),
    };
    settle(app.shared_cache(), options.stale_ok).await;
    code
}

/// What was computed is for the next command, too. A page that was old is followed by a fresh one, however long that takes; otherwise a store
/// that hangs holds nobody up.
async fn settle(cache: &Cache, is_refreshed: bool) {
    match is_refreshed {
        true => cache.settle().await,
        // What is not stored by then is computed again.
        false => drop(tokio::time::timeout(STORE_PATIENCE, cache.settle()).await),
    }
}

/// The same `request` with the arguments that the matched words give.
fn fill<'w, 'p>(
    mut request: Request<'w>,
    parameters: impl Iterator<Item = &'p Parameter>,
    matches: &ArgMatches,
) -> Request<'w> {
    for parameter in parameters {
        let values = matches
            .get_many::<String>(parameter.name)
            .into_iter()
            .flatten();
        request
            .data
            .extend(values.map(|value| (Cow::from(parameter.name), text(value))));
    }
    for word in matches.get_many::<String>(GIVEN).into_iter().flatten() {
        match word.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, value)) => request.data.push((name.to_owned().into(), text(value))),
            None => request.path.push(word.clone().into()),
        }
    }
    request
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
    let is_own = |name: &str| program.parameters().iter().any(|own| own.name == name);
    let is_free = |parameter: &&Parameter| {
        !is_own(parameter.name)
            && !["help", MODEL_MOCK, CACHE, STALE_OK, VERBOSE]
                .contains(&&*parameter.name.replace('_', "-"))
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

/// The options of one program, made from its parameters.
fn command(program: &Program, name: &str) -> Command {
    let path = shown(program);
    let usage = program
        .parameters()
        .iter()
        .map(|parameter| match parameter.required {
            _ if program.collector() == Some(parameter.name) => {
                " [PROGRAM[.FORMAT] NAME=VALUE..]".to_owned()
            }
            true => format!(" {}=VALUE", parameter.name),
            false => format!(" [{}=VALUE]", parameter.name),
        });
    let is_free = |option: &str| {
        program
            .parameters()
            .iter()
            .all(|parameter| parameter.name.replace('_', "-") != option)
    };
    let collector = program.collector().and_then(|name| {
        let mut parameters = program.parameters().iter();
        parameters.find(|parameter| parameter.name == name)
    });
    let help = collector.map_or(
        "An argument by name; without NAME=, arguments are taken in the order above",
        |parameter| parameter.doc,
    );
    let given = Arg::new(GIVEN)
        .help(help)
        .num_args(0..)
        .allow_negative_numbers(true);
    let mut command = Command::new(path.to_owned())
        .no_binary_name(true)
        .disable_help_flag(true)
        .about(program.about().to_owned())
        .override_usage(format!(
            "{name} {path}[.FORMAT]{}",
            usage.collect::<String>()
        ))
        .args(program.parameters().iter().map(|parameter| {
            option(parameter).hide(collector.is_some_and(|one| one.name == parameter.name))
        }))
        .arg(given)
        .after_help(format!("Formats: {}", formats(program)));
    if is_free("help") {
        command = command.arg(
            Arg::new("help")
                .long("help")
                .short('h')
                .action(ArgAction::Help)
                .help("Print this"),
        );
    }
    if is_free(MODEL_MOCK) {
        let mock = Arg::new(MODEL_MOCK)
            .long(MODEL_MOCK)
            .action(ArgAction::SetTrue);
        command = command.arg(mock.help("Show the program's mock instead of running its model"));
    }
    for option in options()
        .into_iter()
        .filter(|option| is_free(option.get_id().as_str()))
    {
        command = command.arg(option);
    }
    command
}

/// `html, json, txt, cmd`
fn formats(program: &Program) -> String {
    let names: Vec<_> = program.mimes().iter().map(negotiate::name_of).collect();
    names.join(", ")
}

fn option(parameter: &Parameter) -> Arg {
    let mut help = parameter.doc.to_owned();
    let note = match (&parameter.default, parameter.required) {
        (Some(default), _) => format!("[default: {default}]"),
        (None, true) => "[required]".to_owned(),
        (None, false) => "[optional]".to_owned(),
    };
    help.push_str(if help.is_empty() { "" } else { " " });
    help.push_str(&note);
    if parameter.is_list {
        help.push_str(" [may be repeated]");
    }
    let option = Arg::new(parameter.name)
        .long(parameter.name)
        .alias(parameter.name.replace('_', "-"))
        .value_name(parameter.kind.to_uppercase())
        .help(help)
        .action(ArgAction::Append)
        .allow_negative_numbers(true);
    match parameter.kind.as_str() {
        "true or false" => option
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => option.num_args(1),
    }
}

/// The programs of the command line, one a line, with what they do.
fn list(manifest: &Manifest, name: &str) -> String {
    let programs = manifest.programs(CMD);
    let width = programs
        .iter()
        .map(|program| shown(program).len())
        .max()
        .unwrap_or(0);
    let mut list = format!("Usage: {name} PROGRAM[.FORMAT] [NAME=VALUE]..\n\nPrograms:\n");
    for program in programs {
        let about = program.about().lines().next().unwrap_or_default();
        let line = format!("  {:width$}  {about}", shown(program));
        list.push_str(line.trim_end());
        list.push('\n');
    }
    list.push_str(&format!(
        "\n'{name} PROGRAM --help' shows what a program takes.\n"
    ));
    list
}

/// How a user writes the program's path.
fn shown(program: &Program) -> &str {
    match program.path() {
        "" => "/",
        path => path,
    }
}

/// Prints the page byte for byte, but for the command line's own media type: that ends in a newline, and
/// keeps its colours on a terminal that wants them only.
fn show(rendered: &Rendered) -> u8 {
    let body = rendered.body();
    let code = |printed| match rendered.receipt().and_then(|receipt| receipt.status) {
        Some(Status::Stale(staleness))
            if staleness != Staleness::Revalidating && printed == SUCCESS =>
        {
            STALE
        }
        _ => printed,
    };
    if rendered.mime().essence() != TEXT_CMD {
        return code(print(body));
    }
    let mut page = match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => anstream::adapter::strip_bytes(body).into_vec(),
        _ => body.to_vec(),
    };
    if !page.ends_with(b"\n") {
        page.push(b'\n');
    }
    code(print(&page))
}

fn print(bytes: &[u8]) -> u8 {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => SUCCESS,
        // The reader has seen enough: `| head`.
        Err(error) if error.kind() == IoErrorKind::BrokenPipe => SUCCESS,
        Err(error) => fail(&unwritten_result(&error)),
    }
}

/// Tells what the reader of the command line has to say: help, or what is wrong with the words; the exit code.
pub(crate) fn tell(error: &clap::Error) -> u8 {
    match error.print() {
        Err(unwritten) if !error.use_stderr() && unwritten.kind() != IoErrorKind::BrokenPipe => {
            fail(&unwritten_result(&unwritten))
        }
        _ => u8::try_from(error.exit_code()).unwrap_or(USAGE),
    }
}

fn unwritten_result(error: &io::Error) -> Error {
    Error::other(format!("the result could not be written: {error}"))
}

/// Tells the error on standard error; the exit code that follows from its kind.
pub(crate) fn fail(error: &Error) -> u8 {
    if let ErrorKind::Redirection(location) = error.kind() {
        return print(format!("{location}\n").as_bytes());
    }
    if let Some((_, page)) = error.page() {
        print(page);
    }
    complain(&format!("error: {error}"));
    match error.kind() {
        ErrorKind::InvalidInput
        | ErrorKind::NoProgram
        | ErrorKind::WrongController(_)
        | ErrorKind::NotAcceptable
        | ErrorKind::Configuration => USAGE,
        ErrorKind::NotCached => NOT_CACHED,
        ErrorKind::Timeout => STALE,
        _ => FAILURE,
    }
}

/// Advice for a person; a script that reads standard error is left alone.
fn hint(text: &str) {
    if io::stderr().is_terminal() {
        complain(&format!("note: {text}"));
    }
}

fn complain(line: &str) {
    // Nothing is left to tell it to if standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}
