//! What a request demands of a stored response (RFC 9111, 5.2.1).
//!
//! Serves the lookup: whether the response that is found may be reused for this request.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, PRAGMA};

use super::list;
use super::response::seconds;

/// The directives of a request, and whether it has credentials. Of what contradicts itself, the strictest demand counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives {
    /// Reuse nothing without asking the service (5.2.1.4).
    pub(crate) no_cache: bool,
    /// Store nothing of the response (5.2.1.5).
    pub(crate) no_store: bool,
    /// Ask nothing of the service: answer from what is stored, or with 504 (5.2.1.7).
    pub(crate) only_if_cached: bool,
    /// Reuse only what is at most this old (5.2.1.1).
    pub(crate) max_age: Option<Duration>,
    /// Reuse only what stays fresh for at least this long (5.2.1.3).
    pub(crate) min_fresh: Option<Duration>,
    /// Reuse what is stale for at most this long (5.2.1.2). `Duration::MAX` = however long.
    pub(crate) max_stale: Option<Duration>,
    /// The request has `Authorization`.
    pub(crate) authorization: bool,
    /// The request has `Cookie`.
    pub(crate) cookie: bool,
}

/// What is known of a stored response when it is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Its current age (RFC 9111, 4.2.3).
    pub(crate) age: Duration,
    /// For how long it stays fresh; zero if it is stale.
    pub(crate) fresh_for: Duration,
    /// For how long it has been stale; zero if it is fresh.
    pub(crate) stale_for: Duration,
    /// [`Terms::may_be_stale`](super::Terms::may_be_stale).
    pub(crate) may_be_stale: bool,
    /// [`Terms::shared_with_authorization`](super::Terms::shared_with_authorization).
    pub(crate) shared_with_authorization: bool,
    /// [`Terms::without_cookies`](super::Terms::without_cookies).
    pub(crate) without_cookies: bool,
}

/// What a request lets be done with a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// What its own terms say.
    AsStored,
    /// Nothing before the service is asked.
    Recompute,
    /// Reuse although it is stale.
    Stale,
}

impl RequestDirectives {
    /// The directives of `Cache-Control`. Without that field, `Pragma: no-cache` means `no-cache` (RFC 9111, 5.4).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::ignored(headers);
        for member in list::members(headers, &CACHE_CONTROL) {
            directives.add(member);
        }
        if !headers.contains_key(CACHE_CONTROL) {
            let mut pragma = list::members(headers, &PRAGMA);
            directives.no_cache = pragma.any(|member| member.eq_ignore_ascii_case(b"no-cache"));
        }
        directives
    }

    /// A request whose directives are not obeyed: only its credentials count.
    pub(crate) fn ignored(headers: &HeaderMap) -> Self {
        Self {
            authorization: headers.contains_key(AUTHORIZATION),
            cookie: headers.contains_key(COOKIE),
            ..Self::default()
        }
    }

    fn add(&mut self, member: &[u8]) {
        let mut parts = member.splitn(2, |&byte| byte == b'=');
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let argument = parts.next();
        let time = || {
            let argument = argument?;
            let text = list::unquoted(argument);
            let seconds = seconds(text.as_deref().unwrap_or(argument))?;
            Some(Duration::from_secs(seconds))
        };
        match &name[..] {
            b"no-cache" => self.no_cache = true,
            b"no-store" => self.no_store = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => {
                let time = time().unwrap_or_default();
                self.max_age = Some(self.max_age.map_or(time, |own| own.min(time)));
            }
            b"min-fresh" => {
                let time = time().unwrap_or(Duration::MAX);
                self.min_fresh = Some(self.min_fresh.map_or(time, |own| own.max(time)));
            }
            b"max-stale" => {
                let time = match argument {
                    Some(_) => time().unwrap_or_default(),
                    None => Duration::MAX,
                };
                self.max_stale = Some(self.max_stale.map_or(time, |own| own.min(time)));
            }
            _ => {}
        }
    }

    /// What this request lets be done with what is found.
    ///
    /// Two rules are stricter than RFC 9111: a request with `Authorization` gets only what a response to one might have been
    /// (3.5 read in both directions), and a request with `Cookie` gets nothing that is stored only by a default of this
    /// cache, since nobody has said that it is the same for all.
    pub(crate) fn reuse(&self, found: &Found) -> Reuse {
        let lacks_credentials = self.authorization && !found.shared_with_authorization
            || self.cookie && found.without_cookies;
        let too_old = self.max_age.is_some_and(|most| found.age > most);
        let too_stale = self.min_fresh.is_some_and(|least| found.fresh_for < least);
        if self.no_cache || lacks_credentials || too_old || too_stale {
            return Reuse::Recompute;
        }
        let is_stale = found.fresh_for.is_zero();
        let accepted = self.max_stale.is_some_and(|most| found.stale_for <= most);
        match is_stale && accepted && found.may_be_stale {
            true => Reuse::Stale,
            false => Reuse::AsStored,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(line: &str) -> RequestDirectives {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        RequestDirectives::of(&headers)
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn directives_are_read_in_any_case_and_the_strictest_counts() {
        let none = RequestDirectives::default();
        let max_age = |time| RequestDirectives {
            max_age: Some(time),
            ..none
        };
        let max_stale = |time| RequestDirectives {
            max_stale: Some(time),
            ..none
        };
        let min_fresh = |time| RequestDirectives {
            min_fresh: Some(time),
            ..none
        };
        for (line, expected) in [
            ("", none),
            ("no-transform, foo=bar", none),
            (
                "No-Cache",
                RequestDirectives {
                    no_cache: true,
                    ..none
                },
            ),
            (
                "no-store",
                RequestDirectives {
                    no_store: true,
                    ..none
                },
            ),
            (
                "only-if-cached",
                RequestDirectives {
                    only_if_cached: true,
                    ..none
                },
            ),
            ("max-age=0", max_age(seconds(0))),
            ("max-age=\"5\"", max_age(seconds(5))),
            ("max-age=9, MAX-AGE=5", max_age(seconds(5))),
            ("max-age", max_age(seconds(0))),
            ("max-age=-1", max_age(seconds(0))),
            ("max-age=99999999999999999999999", max_age(seconds(1 << 31))),
            ("min-fresh=5, min-fresh=9", min_fresh(seconds(9))),
            ("min-fresh=x", min_fresh(Duration::MAX)),
            ("max-stale", max_stale(Duration::MAX)),
            ("max-stale=7", max_stale(seconds(7))),
            ("max-stale, max-stale=7", max_stale(seconds(7))),
            ("max-stale=1.5", max_stale(seconds(0))),
        ] {
            assert_eq!(of(line), expected, "{line:?}");
        }
    }

    #[test]
    fn pragma_counts_only_without_cache_control() {
        let mut headers = HeaderMap::new();
        headers.insert(PRAGMA, HeaderValue::from_static("No-Cache"));
        assert!(RequestDirectives::of(&headers).no_cache);
        assert!(!RequestDirectives::ignored(&headers).no_cache);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-stale"));
        assert!(!RequestDirectives::of(&headers).no_cache);
    }

    #[test]
    fn a_request_gets_what_it_demands() {
        use Reuse::{AsStored, Recompute, Stale};
        let fresh = Found {
            age: seconds(40),
            fresh_for: seconds(20),
            stale_for: seconds(0),
            may_be_stale: true,
            shared_with_authorization: false,
            without_cookies: false,
        };
        let stale = Found {
            age: seconds(70),
            fresh_for: seconds(0),
            stale_for: seconds(10),
            ..fresh
        };
        let strict = Found {
            may_be_stale: false,
            ..stale
        };
        for (line, found, expected) in [
            ("", fresh, AsStored),
            ("", stale, AsStored),
            ("no-cache", fresh, Recompute),
            ("max-age=40", fresh, AsStored),
            ("max-age=39", fresh, Recompute),
            ("max-age=39, max-stale", stale, Recompute),
            ("min-fresh=20", fresh, AsStored),
            ("min-fresh=21", fresh, Recompute),
            ("min-fresh=1, max-stale", stale, Recompute),
            ("max-stale", fresh, AsStored),
            ("max-stale", stale, Stale),
            ("max-stale=10", stale, Stale),
            ("max-stale=9", stale, AsStored),
            ("max-stale", strict, AsStored),
        ] {
            assert_eq!(of(line).reuse(&found), expected, "{line:?} {found:?}");
        }
    }

    #[test]
    fn credentials_get_only_what_is_shared_with_them() {
        let found = |shared_with_authorization, without_cookies| Found {
            age: seconds(0),
            fresh_for: seconds(9),
            stale_for: seconds(0),
            may_be_stale: true,
            shared_with_authorization,
            without_cookies,
        };
        let request = |authorization, cookie| RequestDirectives {
            authorization,
            cookie,
            ..RequestDirectives::default()
        };
        assert_eq!(
            request(false, false).reuse(&found(false, true)),
            Reuse::AsStored
        );
        assert_eq!(
            request(true, false).reuse(&found(false, false)),
            Reuse::Recompute
        );
        assert_eq!(
            request(true, false).reuse(&found(true, false)),
            Reuse::AsStored
        );
        assert_eq!(
            request(false, true).reuse(&found(false, true)),
            Reuse::Recompute
        );
        assert_eq!(
            request(false, true).reuse(&found(false, false)),
            Reuse::AsStored
        );
    }
}
