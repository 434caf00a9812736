//! What an error page shows, and the views that an application has for it.
//!
//! The last step of an invocation over HTTP, if there is no page.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error::{Error, InvalidInput, Result};
use crate::state::Startup;
use crate::view::View;

/// What an error page shows: a view of it is given to [`App::error_page`](crate::App::error_page). All of it may be shown to a
/// client; nothing in it is escaped for HTML.
///
/// In a template it is `data`, with the members `status`, `title`, `message`, `advice`, `path` and `errors`.
#[derive(Clone, Debug)]
pub struct ErrorPage {
    status: StatusCode,
    message: String,
    path: String,
    refused: InvalidInput,
}

impl ErrorPage {
    pub(crate) fn new(status: StatusCode, message: String, path: &str) -> Self {
        Self {
            status,
            message,
            path: path.to_owned(),
            refused: InvalidInput::new(),
        }
    }

    /// The same with the fields that were `refused`.
    pub(crate) fn refused_fields(self, refused: InvalidInput) -> Self {
        Self { refused, ..self }
    }

    pub(crate) const fn code(&self) -> StatusCode {
        self.status
    }

    /// The status of the response: 404.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// What happened, in a few words: `Page not found`.
    #[must_use]
    pub fn title(&self) -> &'static str {
        words(self.status).0
    }

    /// What happened, in detail, for the reader. It says nothing of an internal error, except in debug mode.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the reader can do.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        words(self.status).1
    }

    /// The path of the request, as it was sent, and cut after 100 characters.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The fields that were refused, and what was given.
    #[must_use]
    pub const fn refused(&self) -> &InvalidInput {
        &self.refused
    }
}

/// What happened, and what the reader can do.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => (
            "Something is missing or wrong",
            "Check the address, or what you have entered, and try again.",
        ),
        401 => (
            "Please sign in",
            "This page is for users who are signed in.",
        ),
        403 => (
            "This is not open to you",
            "Sign in as a user who may see it, or go back.",
        ),
        404 => (
            "Page not found",
            "Check the address for a typing mistake, or go back to where you came from.",
        ),
        405 => (
            "This cannot be done here",
            "Go back, and use the links and forms of the page.",
        ),
        406 => (
            "Not available in this format",
            "Leave out the extension of the address, or ask for another format.",
        ),
        408 => ("The request took too long", "Try again."),
        412 => (
            "The page has changed",
            "It was changed after you had loaded it. Load it again, then repeat your change.",
        ),
        413 => ("This is too much at once", "Send less at once."),
        414 | 431 => (
            "The address or the cookies are too long",
            "Go back, and try again.",
        ),
        415 => (
            "This kind of content is not accepted",
            "Send the form as it is, without an attachment.",
        ),
        416 => ("There is no such part", "Load the whole page."),
        429 => ("Too many requests", "Wait a moment, then try again."),
        500 => (
            "Something went wrong",
            "It is not your fault. Try again later.",
        ),
        503 => ("Too busy at the moment", "Wait a moment, then try again."),
        504 => ("This takes too long", "Wait a moment, then try again."),
        501.. => ("This did not work", "Try again later."),
        _ => ("This did not work", "Go back, and try again."),
    }
}

/// In JSON and in templates: `{"status": 404, "title": .., "message": .., "advice": .., "path": .., "errors": {..}}`.
impl Serialize for ErrorPage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("status", &self.status())?;
        map.serialize_entry("title", self.title())?;
        map.serialize_entry("message", self.message())?;
        map.serialize_entry("advice", self.advice())?;
        map.serialize_entry("path", self.path())?;
        map.serialize_entry("errors", &self.refused.by_name())?;
        map.end()
    }
}

/// The views of error pages, by status.
#[derive(Clone, Default)]
pub(crate) struct ErrorPages(Arc<Vec<Own>>);

/// A view for one status, or for all that have none of their own.
#[derive(Clone)]
struct Own {
    status: Option<u16>,
    view: Arc<View<ErrorPage>>,
}

impl ErrorPages {
    /// The same with `view` for `status`; `None` = for all others.
    pub(crate) fn with(mut self, status: Option<u16>, view: View<ErrorPage>) -> Self {
        let view = Arc::new(view);
        Arc::make_mut(&mut self.0).push(Own { status, view });
        self
    }

    /// The view for `status`.
    pub(crate) fn of(&self, status: StatusCode) -> Option<&View<ErrorPage>> {
        let find = |status| self.0.iter().find(|own| own.status == status);
        let own = find(Some(status.as_u16())).or_else(|| find(None))?;
        Some(&own.view)
    }

    /// Finds mistakes when the application starts.
    pub(crate) fn check(&self, startup: &Startup<'_>) -> Result<()> {
        for (at, own) in self.0.iter().enumerate() {
            own.check(startup)?;
            if self.0[..at].iter().any(|other| other.status == own.status) {
                let message = format!("{} is given twice: remove one", own.name());
                return Err(Error::configuration(message));
            }
        }
        Ok(())
    }
}

impl Own {
    fn name(&self) -> String {
        match self.status {
            Some(status) => format!("the error page for {status}"),
            None => "the error page for all statuses".to_owned(),
        }
    }

    fn check(&self, startup: &Startup<'_>) -> Result<()> {
        if self
            .status
            .is_some_and(|status| !(400..600).contains(&status))
        {
            let message = format!("{}: a status of an error is 400 to 599", self.name());
            return Err(Error::configuration(message));
        }
        let view = self.view.error().map_or(Ok(()), Err);
        view.and_then(|()| self.check_cookies())
            .and_then(|()| self.view.check(startup))
            .map_err(|error| Error::configuration(format!("{}: {error}", self.name())))
    }

    fn check_cookies(&self) -> Result<()> {
        match self.view.sets_cookies() {
            false => Ok(()),
            true => Err(Error::configuration(
                "its view sets cookies, which no error page sends: leave out .cookie(..)",
            )),
        }
    }
}

impl fmt::Debug for ErrorPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statuses = self.0.iter().map(|own| own.status);
        f.debug_list().entries(statuses).finish()
    }
}
