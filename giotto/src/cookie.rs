//! A cookie that a response sets (RFC 6265, 4.1).
//!
//! Made in step 6 of an invocation, by a model or a renderer; the last step writes it as `Set-Cookie`.

use std::fmt;

use giotto_cache::IntoDuration;
use http::HeaderValue;

use crate::lifetimes::seconds;

/// What every browser stores of one cookie, its attributes included. Browsers drop a longer one without a word.
pub(crate) const MAX_BYTES: usize = 4_096;
/// Browsers take a cookie of such a name only from this host itself, and for all its paths.
const HOST: &str = "__Host-";

/// A cookie for the client: [`Response::cookie`](crate::Response::cookie) sends it.
///
/// Unless its methods say otherwise, the client sends it back to every address of the application over TLS, not with the requests
/// that other sites cause (`SameSite=Lax`), no script can read it (`HttpOnly`), and it ends with the browser.
///
/// ```
/// use giotto::{Cookie, Redirection, Response};
///
/// let theme = Cookie::new("theme", "dark").max_age(365 * 24 * 3600);
/// let response = Response::new(Redirection::to("/")).cookie(theme);
/// # let _ = response;
/// ```
#[derive(Clone)]
pub struct Cookie {
    name: String,
    value: String,
    /// `None` = that of the application.
    path: Option<String>,
    domain: Option<String>,
    /// In seconds; `None` = until the browser ends.
    max_age: Option<u32>,
    is_secure: bool,
    is_http_only: bool,
    same_site: SameSite,
    /// The first mistake.
    problem: Option<&'static str>,
}

/// Whether a browser sends a cookie with requests that another site causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// With a navigation to this site by GET, such as a link, but not with a form that another site posts.
    Lax,
    /// With all. Such a cookie is [secure](Cookie::secure).
    None,
}

impl Cookie {
    /// A cookie of this name and value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: None,
            domain: None,
            max_age: None,
            is_secure: true,
            is_http_only: true,
            same_site: SameSite::Lax,
            problem: None,
        }
    }

    /// What removes the cookie `name` from the client. Its [`path`](Self::path) and [`domain`](Self::domain) are those that the
    /// cookie was set with.
    #[must_use]
    pub fn removed(name: impl Into<String>) -> Self {
        Self {
            max_age: Some(0),
            ..Self::new(name, "")
        }
    }

    /// For how long the client keeps it: a number of seconds, or a `Duration`. Without it, until the browser ends.
    #[must_use]
    pub fn max_age(mut self, time: impl IntoDuration) -> Self {
        match seconds(time) {
            Ok(seconds) => self.max_age = Some(seconds),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// The path under which the client sends it. By default that is `/`, or the [base](crate::App::base) of the application,
    /// unless the name begins with `__Host-`.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..self
        }
    }

    /// The same for an application below `path`.
    pub(crate) fn below(mut self, path: &str) -> Self {
        if self.path.is_none() && !has_prefix(&self.name, HOST) {
            self.path = Some(path.to_owned());
        }
        self
    }

    fn own_path(&self) -> &str {
        self.path.as_deref().unwrap_or("/")
    }

    /// The domain to whose hosts the client sends it. Without one, it goes to this host alone.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self {
            domain: Some(domain.into()),
            ..self
        }
    }

    /// Whether the client sends it over TLS only; true by default. A browser ignores such a cookie over plain HTTP, except from
    /// `localhost`.
    #[must_use]
    pub fn secure(self, is_secure: bool) -> Self {
        Self { is_secure, ..self }
    }

    /// Whether it is hidden from scripts; true by default.
    #[must_use]
    pub fn http_only(self, is_http_only: bool) -> Self {
        Self {
            is_http_only,
            ..self
        }
    }

    /// Whether the client sends it with requests that another site causes; [`Lax`](SameSite::Lax) by default.
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of its `Set-Cookie`, or why there is none.
    pub(crate) fn field(&self) -> Result<HeaderValue, &'static str> {
        if let Some(problem) = self.problem.or_else(|| self.problem()) {
            return Err(problem);
        }
        let text = self.to_string();
        if text.len() > MAX_BYTES {
            return Err(
                "it has more than 4,096 bytes, and browsers drop it: keep the data on the server, and a key to it in the cookie",
            );
        }
        HeaderValue::try_from(text).map_err(|_| "it has a character that no field can have")
    }

    fn problem(&self) -> Option<&'static str> {
        let is_host = has_prefix(&self.name, HOST);
        let path = self.own_path();
        let needs_tls =
            is_host || has_prefix(&self.name, "__Secure-") || self.same_site == SameSite::None;
        match () {
            () if self.name.is_empty() || !self.name.bytes().all(is_token) => {
                Some("a name is a token of RFC 9110, such as \"theme\"")
            }
            () if !self.value.bytes().all(is_value) => Some(
                "its value has a space, comma, semicolon, quote, backslash or a character that is not ASCII: percent-encode it",
            ),
            () if !path.starts_with('/') || !path.bytes().all(is_attribute) => Some(
                "its path does not begin with a slash, or has a semicolon or a character that is not ASCII",
            ),
            () if !self
                .domain
                .as_deref()
                .unwrap_or("a")
                .bytes()
                .all(is_host_name)
                || self.domain.as_deref() == Some("") =>
            {
                Some("its domain is not the name of a host, such as \"example.org\"")
            }
            () if needs_tls && !self.is_secure => Some(
                "browsers take it only over TLS, because of its name or SameSite=None: leave out .secure(false)",
            ),
            () if is_host && (self.domain.is_some() || path != "/") => Some(
                "a name that begins with __Host- allows no domain, and no path but /: leave them out",
            ),
            () => None,
        }
    }
}

/// As `Set-Cookie` has it.
impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}; Path={}", self.name, self.value, self.own_path())?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(seconds) = self.max_age {
            write!(f, "; Max-Age={seconds}")?;
        }
        if self.is_secure {
            f.write_str("; Secure")?;
        }
        if self.is_http_only {
            f.write_str("; HttpOnly")?;
        }
        write!(f, "; SameSite={:?}", self.same_site)
    }
}

/// Its value may be a secret.
impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

/// Browsers compare these prefixes without regard to case.
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// A `cookie-octet`.
const fn is_value(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

const fn is_attribute(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b';'
}

const fn is_host_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_written_as_set_cookie_has_it() {
        let field = |cookie: Cookie| cookie.field().unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            field(Cookie::new("a", "b=c")),
            "a=b=c; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        let all = Cookie::new("a", "")
            .path("/b c")
            .domain("example.org")
            .max_age(60);
        let all = all
            .secure(false)
            .http_only(false)
            .same_site(SameSite::Strict);
        assert_eq!(
            field(all),
            "a=; Path=/b c; Domain=example.org; Max-Age=60; SameSite=Strict"
        );
        let removed = Cookie::removed("__Host-a");
        assert_eq!(
            field(removed),
            "__Host-a=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_cookie_that_a_browser_ignores_or_reads_otherwise_is_refused() {
        let plain = || Cookie::new("a", "b");
        for (cookie, word) in [
            (Cookie::new("", "b"), "token"),
            (Cookie::new("a b", "b"), "token"),
            (Cookie::new("a=b", "b"), "token"),
            (Cookie::new("a", "b; Path=/"), "percent-encode"),
            (Cookie::new("a", "b\r\nx: y"), "percent-encode"),
            (Cookie::new("a", "\u{fc}"), "percent-encode"),
            (Cookie::new("a", "\"b\""), "percent-encode"),
            (plain().path("b"), "slash"),
            (plain().path("/; Secure"), "semicolon"),
            (plain().domain("a; b"), "domain"),
            (plain().domain(""), "domain"),
            (plain().max_age(0_u64), "zero"),
            (plain().same_site(SameSite::None).secure(false), "TLS"),
            (Cookie::new("__secure-a", "b").secure(false), "TLS"),
            (Cookie::new("__host-a", "b").path("/b"), "__Host-"),
            (Cookie::new("__Host-a", "b").domain("a.org"), "__Host-"),
            (Cookie::new("a", "b".repeat(MAX_BYTES)), "4,096"),
        ] {
            let problem = cookie.field().unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
    }
}
