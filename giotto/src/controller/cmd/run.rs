//! One command, from its words to a page or an error, and an exit code.
//!
//! The first and the last step of an invocation on the command line; `words.rs` and `command.rs` have the details of the
//! first, `output.rs` those of the last.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::ArgMatches;
use giotto_cache::{Cache, Place};

use super::command::{MODEL_MOCK, Options, command, list, option};
use super::fields::{Fields, HEADER, replaced};
use super::output::{complain, fail, hint, print_text, show, tell};
use super::words;
use crate::app::App;
use crate::arguments::Parameter;
use crate::arguments::no_such_argument;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::mime::TEXT_CMD;
use crate::page::Page;
use crate::program::Program;
use crate::request::{CMD, Pairs, Request};

/// How long a store that hangs may delay the end of a command, unless its deadline is longer.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

/// Runs the program that `words` name; the exit code. `name` is how the user called this command. `configured` makes the
/// application that runs, because flags after the program configure it, too.
pub(crate) async fn run(
    app: &App,
    name: &str,
    words: &[OsString],
    options: Options,
    configured: impl FnOnce(Option<&ArgMatches>) -> Result<App>,
) -> u8 {
    let code = match words.split_first() {
        Some((path, words)) => invoke(app, name, (path, words), options, configured).await,
        None => configured(None)
            .map(|_| print_text(&list(app.manifest(), name)))
            .map_err(|error| fail(&error)),
    };
    code.unwrap_or_else(|code| code)
}

/// The same for a program. An error is the exit code of an error that was printed already.
async fn invoke(
    app: &App,
    name: &str,
    (path, words): (&OsStr, &[OsString]),
    options: Options,
    configured: impl FnOnce(Option<&ArgMatches>) -> Result<App>,
) -> Result<u8, u8> {
    let shown_path = path.to_string_lossy();
    let request = Request::new(CMD, shown_path.trim_matches('/')).accept(TEXT_CMD);
    let program = find(app, name, path, &request).map_err(|error| fail(&error))?;
    let is_text = path.to_str().is_some() && words.iter().all(|word| word.to_str().is_some());
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<_> = words.collect();
    let parameters = words::parameters(program, &request, &words, app.manifest());
    let matches = matched(program, name, words, &parameters)?;
    let options = options.or(Options::read(&matches));
    let fields = Fields::read(&options.fields).map_err(|error| fail(&error))?;
    let request = options.of(program, request).metadata(&fields);
    let mut request = words::fill(request, &parameters, &matches);
    if !is_text {
        // Only now is it known for which argument the bytes are.
        words::check_text(&request, app.manifest()).map_err(|error| fail(&error))?;
    }
    let app = configured(Some(&matches)).map_err(|error| fail(&error))?;
    let app = match matches.try_get_one(MODEL_MOCK) {
        Ok(Some(true)) => app.model_mock(true),
        _ => app,
    };
    let given = request.data.clone();
    let result = app.invoke(&mut request).await;
    tell_replaced(program, &given, &request);
    explain(&result, &app, program, &options);
    let code = match &result {
        Ok(page) => show(page, program.is_styled(page.mime())),
        Err(error) => fail(error),
    };
    settle(app.shared_cache(), options.stale_ok).await;
    Ok(code)
}

/// The program at `path`, which `request` asks for.
fn find<'a>(app: &'a App, name: &str, path: &OsStr, request: &Request<'_>) -> Result<&'a Program> {
    match app.manifest().find(request.path(), CMD) {
        Ok(found) => Ok(found.program),
        Err(_) if path.to_str().is_none() => {
            let shown = quoted(&path.to_string_lossy());
            let message = format!("{shown} is not UTF-8: give it as UTF-8 text");
            Err(Error::new(ErrorKind::NoProgram, message))
        }
        Err(error) => Err(with_list(error, name)),
    }
}

/// The options and arguments in `words`. `parameters` are those of the program and of the program that it works on.
fn matched(
    program: &Program,
    name: &str,
    words: Vec<String>,
    parameters: &[&Parameter],
) -> Result<ArgMatches, u8> {
    let others = parameters.iter().skip(program.parameters().len());
    let command = command(program, name).args(others.map(|one| option(one).hide(true)));
    let words = words::prepared(words, parameters);
    command.try_get_matches_from(words).map_err(|error| {
        let Some(unknown) = words::unknown(&error) else {
            return tell(&error);
        };
        let names = parameters.iter().map(|parameter| parameter.name);
        // A user does not write the name of the parameter that collects words; every command has the option for fields.
        let is_collected = |name: &str| {
            let collector = program.collector();
            collector.is_some_and(|collector| [collector, HEADER].contains(&name))
        };
        let names: Vec<_> = names.filter(|name| !is_collected(name)).collect();
        fail(&no_such_argument(&names, unknown, String::new()))
    })
}

/// Says on standard error which of the arguments that were `given` middleware has replaced.
fn tell_replaced(program: &Program, given: &Pairs<'_>, request: &Request<'_>) {
    if program.has_input_middleware() {
        let lines = replaced(given, request);
        lines.iter().for_each(|line| complain(line));
    }
}

/// Reports on standard error what the cache did and which fields go with the page, with `--verbose`. A cache in memory is always worth a hint.
fn explain(result: &Result<Page>, app: &App, program: &Program, options: &Options) {
    let is_cached = program.cache_policy().is_some();
    if is_cached && app.shared_cache().store().place() == Place::InProcess {
        hint(
            "the cache \"locmem\" lives in this process and ends with it: nothing is kept between two commands",
        );
    }
    if !options.verbose {
        return;
    }
    let cache_status = match result {
        Ok(page) => page.cache_status(),
        Err(error) => error.cache_status(),
    };
    match cache_status {
        Some(cache_status) => complain(&format!("Cache-Status: {cache_status}")),
        None if !is_cached => hint("the program has no cache"),
        None => {}
    }
    for (name, value) in result.iter().flat_map(Page::fields) {
        complain(&format!("{name}: {}", String::from_utf8_lossy(value)));
    }
    if is_cached && !app.cache_is_given() {
        hint("no cache is configured: write cache = \"database\" or another one into giotto.toml");
    }
}

/// Waits until what was computed is stored, for the next command. With `--stale-ok`, it waits for the new page, however long
/// that takes; otherwise it does not wait long for a store that hangs.
async fn settle(cache: &Cache, is_refreshed: bool) {
    match is_refreshed {
        true => cache.settle().await,
        // A page that is not stored by then is computed again.
        false => {
            let patience = STORE_PATIENCE.max(3 * cache.deadline());
            drop(tokio::time::timeout(patience, cache.settle()).await);
        }
    }
    cache.tell_invalidations().await;
}

/// The error of an unknown program. It says where all programs are listed, unless it suggests one.
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
