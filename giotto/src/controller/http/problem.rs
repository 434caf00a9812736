//! Why a request has no page.
//!
//! Any step of an invocation over HTTP may return one; `failure.rs` makes the response.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::error::Error;

/// Why a request has no page.
#[derive(Debug)]
pub(super) enum Problem {
    /// The request itself cannot be answered with a page. A field may go with the status.
    Request(StatusCode, String, Option<(HeaderName, HeaderValue)>),
    /// The invocation has no page.
    Invocation(Error),
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Request(status, message.into(), None)
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The same with a field that says what the client can do.
    pub(super) fn field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Self::Request(_, _, field) = &mut self {
            *field = Some((name, value));
        }
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Invocation(error)
    }
}
