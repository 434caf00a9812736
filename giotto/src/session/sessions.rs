//! The settings of sessions, and how one becomes the value of a cookie and back.
//!
//! Before the first request; then asked by the first and the last step of an invocation over HTTP.

use std::fmt;

use cookie::{CookieJar, Key};
use giotto_cache::log::Limiter;
use giotto_cache::{Clock, IntoDuration};
use http::{HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cookie::Cookie;
use crate::error::{Error, Result};
use crate::lifetimes::seconds;
use crate::page::Told;

/// A key that is shorter than what is made of it is easier to guess.
const KEY_BYTES: usize = 32;
pub(super) const NAME: &str = "giotto_session";
/// The path of an application that has its host for itself.
pub(super) const ROOT: &str = "/";
const DAY: u32 = 24 * 3_600;

/// Gives an application sessions: [`App::sessions`](crate::App::sessions).
///
/// A session is an encrypted cookie: nothing is stored on the server. The keys come from the configuration
/// (`session.key`), or from [`keys`](Self::keys).
///
/// ```
/// use giotto::Sessions;
/// use giotto::prelude::*;
///
/// # fn manifest() -> Manifest { Manifest::default() }
/// let app = App::new(manifest()).sessions(Sessions::new());
/// ```
#[derive(Clone)]
pub struct Sessions {
    /// The first one encrypts; all of them decrypt.
    keys: Vec<Key>,
    /// Whether a server makes a key up if there is none.
    makes_key: bool,
    /// As it is chosen, without what browsers read in its beginning.
    name: String,
    /// The names as they are sent: of the session, and of what has ended.
    names: [String; 2],
    is_secure: Option<bool>,
    /// Where the application is on its host.
    pub(super) path: String,
    /// In seconds.
    idle: u32,
    lifetime: u32,
    clock: Clock,
    error: Option<Error>,
    /// Limits the log lines that readers can cause.
    pub(super) log: Limiter,
}

impl Sessions {
    /// Sessions with the default settings.
    #[must_use]
    pub fn new() -> Self {
        let sessions = Self {
            keys: Vec::new(),
            makes_key: false,
            name: NAME.to_owned(),
            names: Default::default(),
            is_secure: None,
            path: ROOT.to_owned(),
            idle: DAY,
            lifetime: 14 * DAY,
            clock: Clock::system(),
            error: None,
            log: Limiter::default(),
        };
        sessions.named()
    }

    /// The keys, each a secret of at least 32 bytes. The first one encrypts, all of them decrypt, so that a key can be
    /// replaced without an end of the sessions. The setting `session.key` replaces them.
    #[must_use]
    pub fn keys<K: AsRef<[u8]>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys.clear();
        for key in keys {
            match key.as_ref() {
                key if key.len() >= KEY_BYTES => self.keys.push(Key::derive_from(key)),
                key => self.fail(format!(
                    "a session key of {} bytes is too short, it has at least {KEY_BYTES}: make one with `openssl rand -hex 32`",
                    key.len()
                )),
            }
        }
        self
    }

    /// The name of the cookie, `giotto_session` by default. Applications on one host need different names. If the cookie is
    /// [secure](Self::secure), it is sent as `__Host-giotto_session`, which browsers take from no other host; below a
    /// [base](crate::App::base), where browsers do not allow that name, as `__Secure-giotto_session` with the path of the base.
    #[must_use]
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self = self.named();
        if let Err(problem) = Cookie::new(&self.name, "").field() {
            self.fail(format!("the name of the session's cookie: {problem}"));
        }
        self
    }

    /// Whether browsers send the cookie over TLS only; true by default, except for a server in debug mode. Behind a proxy that
    /// ends TLS it stays true: the browser sees TLS.
    #[must_use]
    pub fn secure(self, is_secure: bool) -> Self {
        let is_secure = Some(is_secure);
        Self { is_secure, ..self }.named()
    }

    /// How long a session lasts without a request that reads it: a number of seconds, or a `Duration`; one day by default.
    #[must_use]
    pub fn idle(mut self, time: impl IntoDuration) -> Self {
        match seconds(time) {
            Ok(seconds) => self.idle = seconds,
            Err(problem) => self.fail(format!("Sessions::idle: {problem}")),
        }
        self
    }

    /// How long a session lasts at most, and a sign-in with it; 14 days by default.
    #[must_use]
    pub fn lifetime(mut self, time: impl IntoDuration) -> Self {
        match seconds(time) {
            Ok(seconds) => self.lifetime = seconds,
            Err(problem) => self.fail(format!("Sessions::lifetime: {problem}")),
        }
        self
    }

    /// The clock that ages are measured with, for tests.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    fn fail(&mut self, message: String) {
        self.error
            .get_or_insert_with(|| Error::configuration(message));
    }

    fn named(mut self) -> Self {
        // Browsers take the first prefix with the path `/` alone.
        let prefix = match (self.is_secure(), self.path == ROOT) {
            (true, true) => "__Host-",
            (true, false) => "__Secure-",
            (false, _) => "",
        };
        let name = &self.name;
        self.names = [format!("{prefix}{name}"), format!("{prefix}{name}_ended")];
        self
    }

    /// The same for an application below `path`.
    pub(crate) fn under(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }.named()
    }

    /// The same for a process in debug mode, or not. Debug mode needs no keys, and works without TLS.
    pub(crate) fn debug(self, is_debug: bool) -> Self {
        let sessions = match (self.is_secure, is_debug) {
            (None, true) => self.secure(false),
            _ => self,
        };
        Self {
            makes_key: is_debug,
            ..sessions
        }
    }

    /// What is wrong with the settings.
    pub(crate) fn check(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// The same for a server. It has a key, or makes one up in debug mode.
    pub(crate) fn serving(&self) -> Result<Self> {
        let mut sessions = self.clone();
        match (self.keys.is_empty(), self.makes_key) {
            (false, _) => {}
            (true, true) => {
                tracing::warn!(
                    "sessions end with this process: there is no session key, and debug mode makes one up; set session.key in \
                     giotto.toml to keep them"
                );
                sessions.keys.push(Key::generate());
            }
            (true, false) => {
                return Err(Error::configuration(
                    "the application has sessions but no key for them: make one with `openssl rand -hex 32`, and set it as \
                     session.key in giotto.toml, as GIOTTO_SESSION_KEY, or in a file that session.key_file names; code gives \
                     it with Sessions::keys",
                ));
            }
        }
        Ok(sessions)
    }

    fn is_secure(&self) -> bool {
        self.is_secure.unwrap_or(true)
    }

    pub(super) const fn idle_seconds(&self) -> u64 {
        self.idle as u64
    }

    pub(super) const fn lifetime_seconds(&self) -> u64 {
        self.lifetime as u64
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.now_ms() / 1_000
    }

    /// The name of the cookie, as it is sent.
    pub(crate) fn cookie_name(&self) -> &str {
        self.name_of(Kind::Session)
    }

    pub(super) fn name_of(&self, kind: Kind) -> &str {
        &self.names[kind as usize]
    }

    /// The value that was sealed as `text` for the cookie of this `kind`, and whether by the first key. Any other text is
    /// none: forged, truncated, or sealed by another key, for another cookie or for another kind.
    pub(super) fn open<V: DeserializeOwned>(&self, kind: Kind, text: &str) -> Option<(V, bool)> {
        let sealed = cookie::Cookie::new(self.name_of(kind).to_owned(), text.to_owned());
        let jar = CookieJar::new();
        self.keys.iter().enumerate().find_map(|(place, key)| {
            let opened = jar.private(key).decrypt(sealed.clone())?;
            let value = serde_json::from_str(opened.value()).ok()?;
            Some((value, place == 0))
        })
    }

    /// The field that keeps `value` at the client for so many `seconds`.
    pub(super) fn sealed(&self, kind: Kind, value: &impl Serialize, seconds: u64) -> Result<Told> {
        let name = self.name_of(kind);
        let text = serde_json::to_string(value)?;
        let [key, ..] = self.keys.as_slice() else {
            return Err(Error::configuration("there is no session key"));
        };
        let mut jar = CookieJar::new();
        jar.private_mut(key)
            .add(cookie::Cookie::new(name.to_owned(), text));
        let sealed = jar.get(name).map(cookie::Cookie::value).unwrap_or_default();
        self.field(Cookie::new(name, sealed).max_age(seconds.max(1)))
    }

    /// The field that removes the session from the client.
    pub(super) fn removed(&self) -> Result<Told> {
        self.field(Cookie::removed(self.name_of(Kind::Session)))
    }

    fn field(&self, cookie: Cookie) -> Result<Told> {
        let field: Result<HeaderValue, _> =
            cookie.secure(self.is_secure()).path(&*self.path).field();
        let field = field
            .map_err(|problem| Error::other(format!("the session cannot be kept: {problem}")))?;
        Ok((header::SET_COOKIE, field))
    }
}

/// The cookies of sessions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Session = 0,
    /// The identifiers of sessions that ended here. A response that was slow, and still writes one of them, changes nothing.
    Ended = 1,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("keys", &self.keys.len())
            .field("name", &self.name)
            .field("secure", &self.is_secure)
            .field("idle", &self.idle)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
