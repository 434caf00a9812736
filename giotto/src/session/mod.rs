//! Sessions: what a client keeps for an application in an encrypted cookie.
//!
//! Beside all steps of an invocation over HTTP: the first makes a [`Session`] of the request, middleware and models read and
//! change it, and the last writes it back (`slot.rs`). `content.rs` has what is in it, `sessions.rs` the settings and the seal,
//! `csrf.rs` the tokens of forms.

mod content;
mod csrf;
mod held;
mod sessions;
mod size;
mod slot;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use giotto_cache::log::Cut;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::content::Content;
pub use self::content::Flash;
pub(crate) use self::csrf::CSRF_TOKEN;
use self::held::{Held, State};
pub use self::sessions::Sessions;
use self::size::check_size;
pub(crate) use self::slot::{Carried, Slot};
use crate::error::{Error, Result};
use crate::page::Told;

/// The session of a reader: a parameter of models without a cache, and [`Request::session`](crate::Request::session) for
/// middleware. Clones are the same session.
///
/// What is in it goes to the client, encrypted, and comes back with every request. No client can read or change it. It is kept
/// if the response is not an error 5xx. Of two responses to one client, the later one counts.
///
/// A route of axum beside the programs takes an `Extension<Session>`.
///
/// On the command line, and in [`Session::default`] for tests, it is empty and kept nowhere.
///
/// ```
/// use giotto::{Redirection, Session};
/// use giotto::prelude::*;
///
/// #[model]
/// fn put_into_cart(book: u64, session: Session) -> Result<Redirection, Error> {
///     let mut cart: Vec<u64> = session.get("cart").unwrap_or_default();
///     cart.push(book);
///     session.set("cart", cart)?;
///     session.flash("info", "The book is in your cart.")?;
///     Ok(Redirection::to("/cart"))
/// }
///
/// let session = Session::default();
/// put_into_cart(7, session.clone())?;
/// assert_eq!(session.get("cart"), Some(vec![7]));
/// # Ok::<(), giotto::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Session(Arc<Held>);

impl Session {
    fn of(sessions: Arc<Sessions>, sent: [Vec<String>; 2]) -> Self {
        Self(Arc::new(Held {
            sessions: Some(sessions),
            sent,
            state: Mutex::default(),
        }))
    }

    /// The session that the client has sent, whatever was done to it since.
    pub(crate) fn as_sent(&self) -> Self {
        Self(Arc::new(Held {
            sessions: self.0.sessions.clone(),
            sent: self.0.sent.clone(),
            state: Mutex::default(),
        }))
    }

    /// The value that was [`set`](Self::set) under `name`, if it is a `V`.
    #[must_use]
    pub fn get<V: DeserializeOwned>(&self, name: &str) -> Option<V> {
        self.read(|content| {
            let value = content.values.get(name)?;
            V::deserialize(value).ok()
        })
    }

    /// Keeps `value` under `name`.
    ///
    /// # Errors
    ///
    /// If it cannot be JSON, or if the session would be larger than a cookie can be: about 2,900 bytes as JSON.
    pub fn set(&self, name: impl Into<String>, value: impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value)?;
        self.change(|content| {
            content.values.insert(name.into(), value);
        })
    }

    /// Removes what is under `name`.
    pub fn remove(&self, name: &str) {
        self.with(|state| {
            state.is_changed |= state.content.values.remove(name).is_some();
        });
    }

    /// The reader who has [signed in](Self::sign_in).
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.read(|content| content.user.clone())
    }

    /// Makes `user` the reader of this session, after their password was right. The session begins anew and is empty, because
    /// someone else may have given it to the browser (session fixation). What shall be kept is read before and set again.
    ///
    /// # Errors
    ///
    /// If `user` is empty, or too long.
    pub fn sign_in(&self, user: impl Into<String>) -> Result<()> {
        let user = user.into();
        if user.is_empty() {
            return Err(Error::other("sign_in: the name of a user is not empty"));
        }
        let mut probe = Content::new(0);
        probe.user = Some(user);
        check_size(self.0.sessions.as_deref(), &probe)?;
        self.renew(probe.user);
        Ok(())
    }

    /// Ends the session: nobody is signed in, and it is empty. The client forgets it, also if an earlier response arrives later.
    pub fn sign_out(&self) {
        self.renew(None);
    }

    /// Leaves a message for the next page that shows [`flashes`](Self::flashes).
    ///
    /// # Errors
    ///
    /// If the session would be larger than a cookie can be.
    pub fn flash(&self, kind: impl Into<String>, text: impl Into<String>) -> Result<()> {
        let (kind, text) = (kind.into(), text.into());
        self.change(|content| content.flashes.push(Flash { kind, text }))
    }

    /// Takes the messages: each is shown once.
    #[must_use]
    pub fn flashes(&self) -> Vec<Flash> {
        self.with(|state| {
            state.is_changed |= !state.content.flashes.is_empty();
            std::mem::take(&mut state.content.flashes)
        })
    }

    /// A token for a form of this reader: the value of the field `csrf_token`, or of the header field `X-CSRF-Token`. Without
    /// it, a POST is refused.
    #[must_use]
    pub fn csrf_token(&self) -> String {
        self.with(|state| {
            state.is_changed |= !state.is_sent;
            state.has_token = true;
            csrf::token(&state.content.id)
        })
    }

    /// The hidden field of a form in HTML that holds a token.
    pub(crate) fn csrf_field(&self) -> String {
        let token = self.csrf_token();
        format!("<input type=\"hidden\" name=\"{CSRF_TOKEN}\" value=\"{token}\">")
    }

    /// Whether `token` is a [token](Self::csrf_token) of this reader. giotto asks before a program runs; a route of axum asks
    /// itself.
    #[must_use]
    pub fn verify_csrf(&self, token: &str) -> bool {
        self.with(|state| state.is_sent && csrf::verify(token, &state.content.id))
    }

    /// Why the client has no session, if it has none.
    pub(crate) fn why_none(&self) -> Option<&'static str> {
        let [sent, _] = &self.0.sent;
        match self.with(|state| state.is_sent) {
            true => None,
            false if sent.is_empty() => Some("no cookie was sent"),
            false => Some("its cookie is expired, ended, or not of this application"),
        }
    }

    /// The fields by which the client keeps it, after the last change.
    fn kept(&self) -> Vec<Told> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(sessions), Some(state)) = (&self.0.sessions, &mut *state) else {
            return Vec::new();
        };
        let [sent, _] = &self.0.sent;
        state
            .fields(sessions, !sent.is_empty())
            .unwrap_or_else(|error| {
                let error = Cut(error).to_string();
                sessions.log.tell("session not kept", move |repeated| {
                    tracing::error!(error, repeated, "session not kept");
                });
                Vec::new()
            })
    }

    fn read<V>(&self, read: impl FnOnce(&Content) -> V) -> V {
        self.with(|state| read(&state.content))
    }

    fn change(&self, change: impl FnOnce(&mut Content)) -> Result<()> {
        self.with(|state| {
            let mut content = state.content.clone();
            change(&mut content);
            check_size(self.0.sessions.as_deref(), &content)?;
            state.content = content;
            state.is_changed = true;
            Ok(())
        })
    }

    /// Ends the session, and begins one of `user`.
    fn renew(&self, user: Option<String>) {
        self.with(|state| state.renew(user, &self.0));
    }

    fn with<V>(&self, use_it: impl FnOnce(&mut State) -> V) -> V {
        let mut state: MutexGuard<'_, _> =
            self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(state.get_or_insert_with(|| self.0.open()))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}
