//! The session of the reader who makes a request.
//!
//! Middleware asks for it before step 3 of an invocation, and step 6 for a page that is not stored.

use super::{Request, cookies};
use crate::error::{Error, Result};
use crate::session::{Carried, Session};

impl Request<'_> {
    /// The session of the reader. The page depends on the field `Cookie` then, as with [`header`](Self::header), so that no
    /// cache downstream stores it. On the command line, and in a request that a test has made, the session is empty, and ends
    /// with the request.
    ///
    /// What a cached program shows of it must be part of its key: `request.set("user", user)` makes it an argument.
    ///
    /// # Errors
    ///
    /// If the application has no [`sessions`](crate::App::sessions).
    pub fn session(&self) -> Result<Session> {
        let _ = self.metadata.read("cookie");
        self.own_session().ok_or_else(|| {
            Error::configuration(
                "this application has no sessions: give it App::sessions(Sessions::new())",
            )
        })
    }

    /// The same with this session, for tests of middleware.
    #[must_use]
    pub fn with_session(self, session: &Session) -> Self {
        Self {
            session: Carried::Given(session.clone()),
            ..self
        }
    }

    /// Has its session as the client has sent it. What is done to that is not kept.
    pub(crate) fn detach_session(&mut self) {
        if let Some(session) = self.own_session() {
            self.session = Carried::Given(session.as_sent());
        }
    }

    /// The session of the reader, for a page that is not stored.
    pub(crate) fn own_session(&self) -> Option<Session> {
        match &self.session {
            Carried::Nothing => None,
            Carried::Given(session) => Some(session.clone()),
            Carried::Slot(slot) => Some(slot.session(|name| {
                let fields = self.metadata.unrecorded().into_iter();
                fields
                    .flat_map(|fields| cookies(fields, name))
                    .map(str::to_owned)
                    .collect()
            })),
        }
    }
}
