//! What an application with sessions asks of a program.
//!
//! Before the first request, and before a POST runs; see [`Program`].

use super::definition::Program;
use crate::arguments::Parameter;
use crate::error::{Error, Result};
use crate::request::HTTP_GET;
use crate::session::CSRF_TOKEN;

impl<S> Program<S> {
    /// Whether a POST needs a token of its reader's session (CSRF); true by default, in an application with
    /// [`sessions`](crate::App::sessions). Without it any other site can have a reader's browser post to this program, with the
    /// reader's session: turn it off only for a program that takes no notice of cookies, such as an API whose clients send a
    /// token in `Authorization`.
    #[must_use]
    pub fn csrf(mut self, wants_token: bool) -> Self {
        self.settings.wants_token = Some(wants_token);
        self
    }
}

impl Program {
    /// Whether a POST needs a token of its reader's session.
    pub(crate) fn wants_token(&self) -> bool {
        self.settings.wants_token.unwrap_or(true)
    }

    /// Sets whether a POST needs a token, unless that is said.
    pub(crate) fn want_token(&mut self, wants_token: bool) {
        self.settings.wants_token.get_or_insert(wants_token);
    }

    /// Whether a GET writes, as far as this is known before it runs.
    fn writes_without_token(&self) -> bool {
        self.settings.invalidates.is_some() && self.answers(HTTP_GET) && self.wants_token()
    }

    /// Checks it against an application that `has_sessions`, or has none.
    pub(crate) fn check_session(&self, has_sessions: bool) -> Result<()> {
        let takes_token = |parameter: &Parameter| parameter.is_called(CSRF_TOKEN);
        let problem = match has_sessions {
            false if self.stage.needs.session => {
                "its model takes a Session, and the application has none: give it App::sessions(Sessions::new())"
            }
            true if self.parameters().iter().any(takes_token) => {
                "its parameter csrf_token is the name of the token that forms post, which is no argument: rename it"
            }
            true if self.writes_without_token() => {
                "it invalidates pages and answers http-get, which needs no token: any other site could have a reader's browser \
                 run it; leave HTTP_GET out with .controllers([HTTP_POST, CMD]), or say .csrf(false) if it takes no notice of \
                 cookies"
            }
            _ => return Ok(()),
        };
        let path = self.path();
        Err(Error::configuration(format!("program '{path}': {problem}")))
    }
}
