//! What an error of SQLite says of the file, or of one request alone.
//!
//! The last step of a lookup that fails.

use std::path::Path;

use super::file;
use crate::error::{Error, ErrorKind};

/// What an error says of the file, or of one request alone.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;

    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::TooBig) => ErrorKind::TooLarge,
        // A trigger or a check that the operator has added refuses the value, or it has another type.
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::ParameterOutOfRange,
        ) => ErrorKind::Rejected,
        Some(_) => ErrorKind::Backend,
        // The client cannot read a row.
        None => ErrorKind::Rejected,
    };
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            file::why_not(path)
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Some("move it away, and a new one is made".to_owned())
        }
        Some(ErrorCode::DiskFull) => Some("free some space on its disk".to_owned()),
        _ => None,
    };
    let remedy = remedy
        .map(|remedy| format!(": {remedy}"))
        .unwrap_or_default();
    let message = format!("the cache cannot use the SQLite file {path:?}: {error}{remedy}");
    Error::new(kind, message)
}

/// Whether nothing can be written: the disk is full, or the user's quota is used up.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};

    let code = error.sqlite_error();
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || code.is_some_and(|code| {
            [SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE].contains(&code.extended_code)
        })
}

/// Whether the connection has lost its file: another one may find a sound file there.
pub(super) fn is_lost(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) && !is_full(error)
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}
