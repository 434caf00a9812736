//! What the functions of templates say of a wrong call.
//!
//! Step 6 of an invocation.

use std::fmt;

use minijinja::{Error, ErrorKind};

/// The error of an argument that is undefined.
pub(super) fn undefined(name: &str) -> Error {
    let message = format!("the argument '{name}' is undefined");
    Error::new(ErrorKind::UndefinedError, message)
}

/// What an error says, without what the engine adds.
pub(super) fn detail(error: &Error) -> String {
    error
        .detail()
        .map_or_else(|| error.to_string(), str::to_owned)
}

/// The `error` of a call that is written otherwise than in the `example`.
pub(super) fn usage(error: &Error, example: &str) -> Error {
    Error::new(error.kind(), format!("{}; write {example}", detail(error)))
}

/// The error of a function that cannot do what it should.
pub(super) fn failed(problem: &(impl fmt::Display + ?Sized)) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.to_string())
}
