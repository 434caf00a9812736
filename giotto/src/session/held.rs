//! A session as a request holds it: what the client has sent, what it is now, and what the client must be told.
//!
//! Beside all steps of an invocation; see [`Session`](super::Session).

use std::sync::{Arc, Mutex};

use super::content::Content;
use super::sessions::{Kind, Sessions};
use crate::error::Result;
use crate::page::Told;

/// The most cookies of one name that are opened: each costs time.
const MOST_OPENED: usize = 4;
/// The sessions that a client is reminded to have ended.
const MOST_ENDED: usize = 8;

/// The session of one request, in all its copies.
#[derive(Default)]
pub(super) struct Held {
    /// `None` = it is kept nowhere.
    pub(super) sessions: Option<Arc<Sessions>>,
    /// The values of the cookies that came, by [`Kind`].
    pub(super) sent: [Vec<String>; 2],
    /// It is opened when it is first asked for.
    pub(super) state: Mutex<Option<State>>,
}

/// A session that was opened.
pub(super) struct State {
    pub(super) content: Content,
    /// Whether the client has sent it.
    pub(super) is_sent: bool,
    /// Whether the client must get it again, because it has changed or will soon be too old.
    pub(super) is_changed: bool,
    /// Whether a page has a token of it.
    pub(super) has_token: bool,
    /// The identifiers of sessions that have ended, if the client does not know all of them.
    pub(super) ended: Option<Vec<String>>,
}

impl Held {
    pub(super) fn now(&self) -> u64 {
        self.sessions.as_ref().map_or(0, |sessions| sessions.now())
    }

    /// The identifiers of sessions that the client has ended.
    pub(super) fn ended(&self) -> Vec<String> {
        let [_, ended] = &self.sent;
        let all = ended.iter().take(MOST_OPENED).filter_map(|text| {
            let sessions = self.sessions.as_ref()?;
            Some(sessions.open::<Vec<String>>(Kind::Ended, text)?.0)
        });
        all.flatten().collect()
    }

    /// The session that the client has sent, or a new one.
    pub(super) fn open(&self) -> State {
        let now = self.now();
        let [sent, _] = &self.sent;
        let ended = self.ended();
        let mut sent = sent.iter().take(MOST_OPENED);
        let found = sent.find_map(|text| {
            let sessions = self.sessions.as_ref()?;
            let (content, is_newest_key) = sessions.open::<Content>(Kind::Session, text)?;
            let idle = sessions.idle_seconds();
            let is_alive = content.left(now, idle, sessions.lifetime_seconds()) > 0;
            let is_old = now.saturating_sub(content.written) > idle / 10;
            (is_alive && !ended.contains(&content.id))
                .then_some((content, is_old || !is_newest_key))
        });
        let is_sent = found.is_some();
        let (content, is_changed) = found.unwrap_or_else(|| (Content::new(now), false));
        State {
            content,
            is_sent,
            is_changed,
            has_token: false,
            ended: None,
        }
    }
}

impl State {
    /// Ends the session that it was, which `held` has opened, and begins one of `user`.
    pub(super) fn renew(&mut self, user: Option<String>, held: &Held) {
        let new = Content::new(held.now());
        let old = std::mem::replace(&mut self.content, Content { user, ..new });
        if self.is_sent {
            let mut ended = self.ended.take().unwrap_or_else(|| held.ended());
            ended.push(old.id);
            let many = ended.len().saturating_sub(MOST_ENDED);
            ended.drain(..many);
            self.ended = Some(ended);
        }
        (self.is_sent, self.has_token) = (false, false);
        self.is_changed = true;
    }

    /// What the client must be told of it. A session without content stays as long as there may be forms with its token.
    pub(super) fn fields(&mut self, sessions: &Sessions, is_any_sent: bool) -> Result<Vec<Told>> {
        let (idle, lifetime) = (sessions.idle_seconds(), sessions.lifetime_seconds());
        let mut fields = Vec::new();
        if let Some(ended) = &self.ended {
            fields.push(sessions.sealed(Kind::Ended, ended, lifetime)?);
        }
        if !self.is_changed {
            return Ok(fields);
        }
        let now = sessions.now();
        self.content.written = now;
        if self.is_sent || self.has_token || !self.content.is_empty() {
            let left = self.content.left(now, idle, lifetime);
            fields.push(sessions.sealed(Kind::Session, &self.content, left)?);
        } else if is_any_sent {
            fields.push(sessions.removed()?);
        }
        Ok(fields)
    }
}
