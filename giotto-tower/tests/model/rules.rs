//! The model: what RFC 9111 says of a response and of a request, on drawn values, written apart from the layer.

use crate::origin::Call;
use crate::said::{self, Control, Said};

/// How a layer is set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub obeys_requests: bool,
    /// The policy for responses that say nothing: seconds.
    pub default: Option<u64>,
    pub heuristics: bool,
    pub stale_if_error: u64,
}

/// A client, by its credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub cookie: Option<u8>,
    pub authorization: Option<u8>,
}

/// What a client asks for. Seconds.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub number: u64,
    pub method: &'static str,
    pub path: usize,
    pub user: User,
    /// The index of a list of equivalent spellings.
    pub language: Option<usize>,
    pub no_cache: bool,
    pub no_store: bool,
    pub only_if_cached: bool,
    pub max_age: Option<u64>,
    pub min_fresh: Option<u64>,
    pub max_stale: Option<u64>,
    /// The version in `If-None-Match`.
    pub none_match: Option<u64>,
    /// Milliseconds.
    pub modified_since: Option<u64>,
    /// The first and the last byte.
    pub range: Option<(u64, u64)>,
}

impl Asked {
    pub const fn has_credentials(&self) -> bool {
        self.user.cookie.is_some() || self.user.authorization.is_some()
    }
}

/// What the responses of a path vary by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vary {
    Nothing,
    Star,
    Language,
    Cookie,
    Both,
}

/// The head of a response that may have been updated by a 304: what is said, and when.
#[derive(Clone, Debug)]
pub struct Head {
    pub said: Said,
    pub version: u64,
    pub vary: Vary,
    /// When it was said that way; that of `Expires`.
    pub expires_ms: Option<u64>,
    pub date_ms: u64,
    pub age: u64,
    pub sent_ms: u64,
    pub came_ms: u64,
}

/// The terms on which a response may be stored. Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub lifetime: u64,
    pub initial_age: u64,
    pub stale_while_revalidate: u64,
    pub stale_if_error: u64,
    pub may_be_stale: bool,
    pub with_authorization: bool,
    pub without_cookies: bool,
}

/// What may be done with a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Fresh,
    /// Stale, while it is revalidated.
    Refresh,
    /// Stale, as the request accepts.
    Accepted,
    /// Only after the origin has said so.
    Revalidate,
    Never,
}

impl Head {
    /// That of a whole response.
    pub fn of(call: &Call) -> Self {
        let said = call.said.clone();
        let expires = said.expires.flatten();
        let date_ms = said.date_ms(call.came_ms);
        Self {
            expires_ms: expires.map(|seconds| date_ms.saturating_add_signed(seconds * 1_000)),
            version: call.version,
            vary: call.vary,
            date_ms,
            age: said.age.unwrap_or(0),
            sent_ms: call.sent_ms,
            came_ms: call.came_ms,
            said,
        }
    }

    /// After a 304 of the same version (RFC 9111, 4.3.4).
    pub fn updated(&self, call: &Call) -> Self {
        match call.is_short {
            false => Self::of(call),
            true => Self {
                date_ms: call.said.date_ms(call.came_ms),
                age: 0,
                sent_ms: call.sent_ms,
                came_ms: call.came_ms,
                ..self.clone()
            },
        }
    }

    /// RFC 9111, 3: the terms, if it may be stored as the response to `asked`.
    pub fn terms(&self, asked: &Asked, settings: Settings) -> Option<Terms> {
        let plain = self.said.control.clone().unwrap_or_default();
        let control = self.said.targeted.as_ref().unwrap_or(&plain);
        let with_authorization =
            control.public || control.must_revalidate || !control.s_maxage.is_empty();
        let cookie_stays = self.said.sets_cookie && !control.cookie_is_private;
        let is_refused = asked.method != "GET"
            || control.no_store
            || control.private
            || cookie_stays
            || self.vary == Vary::Star
            || asked.user.authorization.is_some() && !with_authorization;
        if is_refused {
            return None;
        }
        let stated = self.stated(control);
        let validated = self.said.etag.is_some() || self.said.last_modified;
        let (lifetime, is_default) = match stated {
            Some(lifetime) => (lifetime, false),
            None if control.no_cache && validated => (0, false),
            None => (self.default(control, &plain, asked, settings)?, true),
        };
        let may_be_stale = !(control.must_revalidate
            || control.proxy_revalidate
            || !control.s_maxage.is_empty()
            || control.no_cache);
        let window = |stated: Option<u64>, default: u64| match may_be_stale {
            true => stated.unwrap_or(default) * 1_000,
            false => 0,
        };
        let error = match is_default && settings.default.is_some() {
            true => 0,
            false => settings.stale_if_error,
        };
        Some(Terms {
            lifetime: if control.no_cache { 0 } else { lifetime },
            initial_age: self.initial_age(),
            stale_while_revalidate: window(control.stale_while_revalidate, 0),
            stale_if_error: window(control.stale_if_error, error),
            may_be_stale,
            with_authorization,
            without_cookies: is_default
                && !control.public
                && !matches!(self.vary, Vary::Cookie | Vary::Both),
        })
    }

    /// RFC 9111, 4.2.1. Milliseconds.
    fn stated(&self, control: &Control) -> Option<u64> {
        let least =
            |times: &[Option<u64>]| times.iter().map(|time| time.unwrap_or(0) * 1_000).min();
        let by_expires = || match (&self.said.targeted, self.said.expires) {
            (None, Some(_)) => Some(self.expires_ms.unwrap_or(0).saturating_sub(self.date_ms)),
            _ => None,
        };
        least(&control.s_maxage)
            .or(least(&control.max_age))
            .or_else(by_expires)
    }

    /// RFC 9111, 4.2.2, and the layer's policy.
    fn default(
        &self,
        control: &Control,
        plain: &Control,
        asked: &Asked,
        settings: Settings,
    ) -> Option<u64> {
        let has_cacheable_status = [200, 203, 301, 404, 410].contains(&self.said.status);
        let is_refused = plain.no_store || plain.private || plain.no_cache || control.no_cache;
        let is_personal = asked.user.cookie.is_some()
            && !control.public
            && !matches!(self.vary, Vary::Cookie | Vary::Both);
        if !(has_cacheable_status || control.public) || is_refused || is_personal {
            return None;
        }
        let unchanged = self.date_ms.saturating_sub(said::modified_ms(self.version));
        match (
            settings.heuristics && self.said.last_modified,
            settings.default,
        ) {
            (true, _) => Some(unchanged / 10),
            (false, default) => default.map(|seconds| seconds * 1_000),
        }
    }

    /// RFC 9111, 4.2.3.
    pub fn initial_age(&self) -> u64 {
        let apparent = self.came_ms.saturating_sub(self.date_ms);
        apparent.max(self.age * 1_000 + (self.came_ms - self.sent_ms))
    }
}

impl Terms {
    /// What may be done at `now_ms` for `asked` with a response that came at `came_ms`.
    pub fn usage(&self, came_ms: u64, now_ms: u64, asked: &Asked, settings: Settings) -> Use {
        let age = self.initial_age + (now_ms - came_ms);
        let fresh_for = self.lifetime.saturating_sub(age);
        let lacks_credentials = asked.user.authorization.is_some() && !self.with_authorization
            || asked.user.cookie.is_some() && self.without_cookies;
        if lacks_credentials {
            return Use::Never;
        }
        if settings.obeys_requests {
            let is_refused = asked.no_cache
                || asked
                    .max_age
                    .is_some_and(|most| age / 1_000 * 1_000 > most * 1_000)
                || asked
                    .min_fresh
                    .is_some_and(|least| fresh_for < least * 1_000);
            if is_refused {
                return Use::Revalidate;
            }
        }
        let stale_for = age.saturating_sub(self.lifetime);
        let accepted = settings.obeys_requests
            && self.may_be_stale
            && self.initial_age <= self.lifetime
            && asked
                .max_stale
                .is_some_and(|most| stale_for <= most * 1_000);
        match () {
            () if fresh_for > 0 => Use::Fresh,
            () if accepted => Use::Accepted,
            () if stale_for < self.stale_while_revalidate => Use::Refresh,
            () => Use::Revalidate,
        }
    }

    /// Whether it may be served in place of an error. What a request demands is what it prefers (RFC 9111, 5.2.1).
    pub fn instead_of_error(&self, came_ms: u64, now_ms: u64) -> bool {
        let age = self.initial_age + (now_ms - came_ms);
        let longest = self.stale_if_error.max(self.stale_while_revalidate);
        age.saturating_sub(self.lifetime) < longest || age < self.lifetime
    }
}
