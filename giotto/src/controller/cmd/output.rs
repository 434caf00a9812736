//! Writes a page or an error to standard output and standard error, and gives the exit code.
//!
//! The last step of an invocation on the command line.

use std::io::{self, ErrorKind as IoErrorKind, IsTerminal, Write};

use giotto_cache::{Staleness, Status};

use super::json::{is_json, pretty};
use super::terminal::{Colours, for_stderr, for_stdout};
use crate::error::{Error, ErrorKind};
use crate::mime::Mime;
use crate::mime::TEXT_CMD;
use crate::page::Page;

pub(crate) const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
const USAGE: u8 = 2;
/// The user asked for a stored page only, and there is none.
const NOT_CACHED: u8 = 3;
/// The model failed or is late: the page is an old one, or there is none in time.
const STALE: u8 = 4;

/// What each exit code means, for people.
pub(super) const EXIT_CODES: [(u8, &str); 5] = [
    (SUCCESS, "Success."),
    (FAILURE, "The program failed."),
    (USAGE, "Wrong usage, manifest or configuration."),
    (NOT_CACHED, "With --cache=only: there is no stored page."),
    (
        STALE,
        "The page is an old one because the model failed or is late, or there is no page in time.",
    ),
];

/// Prints the page byte for byte; a terminal gets JSON with line breaks. A page of the command line's own media type gets a newline at its end; if it
/// `is_styled`, a terminal with colours gets its colours. A terminal shows all other control characters in escaped form.
pub(super) fn show(rendered: &Page, is_styled: bool) -> u8 {
    let is_own = *rendered.mime().essence() == *TEXT_CMD;
    let colours = match is_own && is_styled {
        true => Colours::on(&io::stdout()),
        false => Colours::Shown,
    };
    let mut page = adapted(rendered.mime(), rendered.body(), colours);
    if is_own && !page.ends_with(b"\n") {
        page.push(b'\n');
    }
    let printed = print(&page);
    match rendered
        .cache_status()
        .and_then(|cache_status| cache_status.status)
    {
        Some(Status::Stale(staleness))
            if staleness != Staleness::Revalidating && printed == SUCCESS =>
        {
            STALE
        }
        _ => printed,
    }
}

/// The page for standard output. A page that is not text stays as it is.
fn adapted(mime: &Mime, body: &[u8], colours: Colours) -> Vec<u8> {
    let pretty = match is_json(mime) && io::stdout().is_terminal() {
        true => pretty(body),
        false => None,
    };
    let body = pretty.as_deref().unwrap_or(body);
    let is_text = mime.essence().starts_with("text/") || std::str::from_utf8(body).is_ok();
    match is_text {
        true => for_stdout(body, colours),
        false => body.to_vec(),
    }
}

pub(crate) fn print_text(text: &str) -> u8 {
    print(&for_stdout(text.as_bytes(), Colours::Shown))
}

fn print(bytes: &[u8]) -> u8 {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => SUCCESS,
        // The reader has closed the pipe, as `| head` does.
        Err(error) if error.kind() == IoErrorKind::BrokenPipe => SUCCESS,
        Err(error) => fail(&unwritten_result(&error)),
    }
}

/// Prints what clap says: help, or an error in the words. The exit code.
pub(crate) fn tell(error: &clap::Error) -> u8 {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        tell_stderr(&text, Colours::on(&io::stderr()));
        return USAGE;
    }
    print(&for_stdout(text.as_bytes(), Colours::on(&io::stdout())))
}

fn unwritten_result(error: &io::Error) -> Error {
    Error::other(format!("the result could not be written: {error}"))
}

/// Prints the error on standard error. The exit code follows from its kind.
pub(crate) fn fail(error: &Error) -> u8 {
    if let ErrorKind::Redirection(redirection) = error.kind() {
        return print_text(&format!("{}\n", redirection.location()));
    }
    if let Some((mime, page)) = error.page() {
        print(&adapted(mime, page, Colours::Shown));
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

/// Prints advice for a person. A script that reads standard error does not get it.
pub(super) fn hint(text: &str) {
    if io::stderr().is_terminal() {
        complain(&format!("note: {text}"));
    }
}

/// Prints `line` on standard error.
pub(crate) fn complain(line: &str) {
    tell_stderr(&format!("{line}\n"), Colours::Shown);
}

/// Prints `question` on standard error, without a newline.
pub(crate) fn ask(question: &str) {
    tell_stderr(question, Colours::Shown);
}

fn tell_stderr(text: &str, colours: Colours) {
    // If standard error is closed, there is no place left to report that.
    let _ = io::stderr().write_all(&for_stderr(text, colours));
}
