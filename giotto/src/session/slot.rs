//! The session of one request, from the first step that asks for it to the response.
//!
//! The first and the last step of an invocation over HTTP. A request that nobody asks for its session opens no cookie.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::Session;
use super::sessions::{Kind, Sessions};
use crate::page::Told;

/// Where a request over HTTP has its session. Copies of the request share it.
pub(crate) struct Slot<'r> {
    sessions: &'r Arc<Sessions>,
    session: OnceLock<Session>,
}

/// What a request has of a session.
#[derive(Clone, Debug, Default)]
pub(crate) enum Carried<'r> {
    /// The application has no sessions, or no client sent the request.
    #[default]
    Nothing,
    Slot(&'r Slot<'r>),
    /// A test has given it.
    Given(Session),
}

impl<'r> Carried<'r> {
    pub(crate) fn of(slot: Option<&'r Slot<'r>>) -> Self {
        slot.map_or(Self::Nothing, Self::Slot)
    }
}

impl<'r> Slot<'r> {
    pub(crate) const fn new(sessions: &'r Arc<Sessions>) -> Self {
        Self {
            sessions,
            session: OnceLock::new(),
        }
    }

    /// The session; `cookies` are the values of the cookie of a name, as the client sent them.
    pub(crate) fn session(&self, cookies: impl Fn(&str) -> Vec<String>) -> Session {
        let made = self.session.get_or_init(|| {
            let sent =
                [Kind::Session, Kind::Ended].map(|kind| cookies(self.sessions.name_of(kind)));
            Session::of(Arc::clone(self.sessions), sent)
        });
        made.clone()
    }

    /// The fields `Set-Cookie` of the response.
    pub(crate) fn kept(&self) -> Vec<Told> {
        self.session.get().map_or_else(Vec::new, Session::kept)
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
