//! The end of an invocation on the command line: a page or an error to standard output, standard error and an exit
//! code.

use std::io::{self, ErrorKind as IoErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use giotto_cache::{Staleness, Status};

use super::TEXT_CMD;
use crate::error::{Error, ErrorKind};
use crate::rendered::Rendered;

pub(crate) const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
const USAGE: u8 = 2;
/// Only a stored page was wanted, and there is none.
const NOT_CACHED: u8 = 3;
/// The model failed or is late: the page is an old one, or there is none in time.
const STALE: u8 = 4;

/// Prints the page byte for byte, but for the command line's own media type: that ends in a newline, and
/// keeps its colours on a terminal that wants them only.
pub(super) fn show(rendered: &Rendered) -> u8 {
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

pub(super) fn print(bytes: &[u8]) -> u8 {
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
pub(super) fn hint(text: &str) {
    if io::stderr().is_terminal() {
        complain(&format!("note: {text}"));
    }
}

pub(super) fn complain(line: &str) {
    // Nothing is left to tell it to if standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}
