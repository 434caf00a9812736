//! Why a request has no page.
//!
//! Any step of an invocation over HTTP may return one; `failure.rs` makes the response.

use http::StatusCode;

use crate::error::Error;

/// Why a request has no page.
#[derive(Debug)]
pub(super) enum Problem {
    /// The request itself cannot be read.
    Request(StatusCode, String),
    /// The invocation has no page.
    Invocation(Error),
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Request(status, message.into())
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Invocation(error)
    }
}
