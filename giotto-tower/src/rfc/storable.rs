//! Whether a response may be stored in a shared cache, and on which terms (RFC 9111, 3 and 4.2).
//!
//! Serves the step between the head of a response and the storing of it.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, RANGE, SET_COOKIE};
use http::{HeaderMap, HeaderName, Method, StatusCode, request};

use super::refusal::Refusal;
use super::response::{ResponseDirectives, Scope};
use super::{fields, freshness, validators, vary};

/// What the owner of the cache decides. Without any of it, only what a response says itself counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// For responses that do not say how long they are fresh.
    pub(crate) unsaid: Option<Unsaid>,
    /// A tenth of the time since `Last-Modified`, for responses that do not say how long they are fresh (RFC 9111, 4.2.2).
    pub(crate) heuristics: bool,
    /// How long a stale response may be served in place of an error, if it neither says so itself nor forbids it (4.2.4).
    pub(crate) stale_if_error: Duration,
}

/// The times of a response that does not state its lifetime.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unsaid {
    pub(crate) fresh: Duration,
    pub(crate) stale_while_revalidate: Duration,
    pub(crate) stale_if_error: Duration,
}

/// On which terms a response is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// How long it is fresh from now on: its lifetime less its age. Zero = it must be revalidated before each use.
    pub(crate) fresh: Duration,
    /// How old it is already (RFC 9111, 4.2.3).
    pub(crate) initial_age: Duration,
    /// How long it may be served stale after that while it is revalidated (RFC 5861, 3).
    pub(crate) stale_while_revalidate: Duration,
    /// How long it may be served stale after that in place of an error (RFC 5861, 4).
    pub(crate) stale_if_error: Duration,
    /// Whether it may be served stale at all, such as for a request with `max-stale` (RFC 9111, 4.2.4).
    pub(crate) may_be_stale: bool,
    /// Whether the service can be asked if it is still valid.
    pub(crate) has_validator: bool,
    /// The fields of the request that select it, in order of their names.
    pub(crate) vary: Vec<HeaderName>,
    /// Whether it may be used for requests with `Authorization` (RFC 9111, 3.5).
    pub(crate) shared_with_authorization: bool,
    /// It is not for requests with `Cookie`: nobody has said that it is the same with and without one.
    pub(crate) without_cookies: bool,
}

/// Whether a response, which was asked for at `request_ms` and came at `now_ms`, may be stored.
///
/// The directive `no-store` of a request is the caller's to obey.
pub(crate) fn judge(
    request: &request::Parts,
    status: StatusCode,
    headers: &HeaderMap,
    rules: &Rules,
    request_ms: u64,
    now_ms: u64,
) -> Result<Terms, Refusal> {
    if request.method != Method::GET {
        return Err(Refusal::Method);
    }
    let directives = ResponseDirectives::of(headers);
    check_status(status, request, &directives)?;
    check_shared(request, headers, &directives)?;
    let vary = vary::selecting(headers)?;
    let chosen = Chosen::of(status, headers, &directives, rules, now_ms)?;
    if chosen.by_default {
        check_default(request, headers, &directives, &vary)?;
    }
    let age_ms = freshness::initial_age_ms(headers, request_ms, now_ms);
    let terms = chosen.terms(headers, &directives, vary, age_ms);
    let stale = terms.stale_while_revalidate.max(terms.stale_if_error);
    match terms.fresh.is_zero() && stale.is_zero() && !terms.has_validator {
        true => Err(Refusal::Stale),
        false => Ok(terms),
    }
}

/// Whether a response with this status may be stored at all. Any final status may be, if the response says how long it is
/// fresh (RFC 9111, 3), except those that answer only this one request: a part (206, 416; this cache stores whole responses
/// only, as 3.3 allows) and an evaluated condition (304, 412).
fn check_status(
    status: StatusCode,
    request: &request::Parts,
    directives: &ResponseDirectives,
) -> Result<(), Refusal> {
    let for_one_request = status.is_informational()
        || matches!(status.as_u16(), 206 | 304 | 412 | 416)
        || status != StatusCode::OK && request.headers.contains_key(RANGE);
    if for_one_request || directives.must_understand && !is_understood(status) {
        return Err(Refusal::Status);
    }
    Ok(())
}

/// Whether this cache knows what the status asks of a cache (RFC 9111, 5.2.2.3): those of RFC 9110 that are final, except
/// the ones that [`check_status`] refuses.
const fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=411 | 413..=415 | 417 | 421 | 422 | 426 | 500..=505
    )
}

/// Whether the response may be shared among clients.
fn check_shared(
    request: &request::Parts,
    headers: &HeaderMap,
    directives: &ResponseDirectives,
) -> Result<(), Refusal> {
    // `must-understand` lifts `no-store` where the status is understood (RFC 9111, 5.2.2.3), which it is here.
    if directives.no_store && !directives.must_understand {
        return Err(Refusal::NoStore);
    }
    if directives.private == Scope::Everything {
        return Err(Refusal::Private);
    }
    let has_credentials = request.headers.contains_key(AUTHORIZATION);
    if has_credentials && !directives.shared_with_authorization() {
        return Err(Refusal::Authorization);
    }
    let sets_cookie = headers.contains_key(SET_COOKIE);
    // RFC 9111, 7.3 leaves it to Cache-Control. Here, the cookie of one user is never handed to another, whatever that says.
    if sets_cookie && !fields::withheld(headers).contains(&SET_COOKIE) {
        return Err(Refusal::SetCookie);
    }
    Ok(())
}

/// Whether a response that does not state its lifetime may get one by default. More is in doubt here than where the author of
/// the response has thought of caches, so the answer is no for what depends on the user or has no end.
fn check_default(
    request: &request::Parts,
    headers: &HeaderMap,
    directives: &ResponseDirectives,
    vary: &[HeaderName],
) -> Result<(), Refusal> {
    // `CDN-Cache-Control` without a lifetime does not make a private response public.
    let plain = ResponseDirectives::of_cache_control(headers);
    match () {
        () if plain.no_store => return Err(Refusal::NoStore),
        () if plain.private == Scope::Everything => return Err(Refusal::Private),
        () if plain.no_cache == Scope::Everything => return Err(Refusal::NoLifetime),
        () => {}
    }
    let has_cookie = request.headers.contains_key(COOKIE);
    if has_cookie && !directives.public && !vary.contains(&COOKIE) {
        return Err(Refusal::Cookie);
    }
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let is_stream = |media_type: &[u8]| {
        let essence = media_type.split(|&byte| byte == b';').next();
        let essence = essence
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        matches!(
            &essence[..],
            b"text/event-stream" | b"multipart/x-mixed-replace"
        )
    };
    match media_type.is_some_and(is_stream) {
        true => Err(Refusal::Stream),
        false => Ok(()),
    }
}

/// The times of a response before its age is known, in milliseconds.
struct Chosen {
    lifetime_ms: u64,
    stale_while_revalidate_ms: u64,
    stale_if_error_ms: u64,
    by_default: bool,
}

impl Chosen {
    /// With the times of `unsaid`, where the response states none.
    fn new(
        directives: &ResponseDirectives,
        lifetime_ms: u64,
        unsaid: Unsaid,
        by_default: bool,
    ) -> Self {
        let stated = |seconds: Option<u64>, unsaid| {
            seconds.map_or(milliseconds(unsaid), |seconds| seconds * 1_000)
        };
        let Unsaid {
            stale_while_revalidate,
            stale_if_error,
            ..
        } = unsaid;
        Self {
            lifetime_ms: match directives.no_cache {
                Scope::Everything => 0,
                Scope::Nothing | Scope::Fields(_) => lifetime_ms,
            },
            stale_while_revalidate_ms: stated(
                directives.stale_while_revalidate,
                stale_while_revalidate,
            ),
            stale_if_error_ms: stated(directives.stale_if_error, stale_if_error),
            by_default,
        }
    }

    /// The terms of a response of this age. One that comes stale has used up some of the time in which it may be served stale.
    fn terms(
        &self,
        headers: &HeaderMap,
        directives: &ResponseDirectives,
        vary: Vec<HeaderName>,
        age_ms: u64,
    ) -> Terms {
        let stale_ms = age_ms.saturating_sub(self.lifetime_ms);
        let may_be_stale = directives.may_be_stale();
        let window = |ms: u64| match may_be_stale {
            true => Duration::from_millis(ms.saturating_sub(stale_ms)),
            false => Duration::ZERO,
        };
        Terms {
            fresh: Duration::from_millis(self.lifetime_ms.saturating_sub(age_ms)),
            initial_age: Duration::from_millis(age_ms),
            stale_while_revalidate: window(self.stale_while_revalidate_ms),
            stale_if_error: window(self.stale_if_error_ms),
            // For how long it had been stale when it came is not stored.
            may_be_stale: may_be_stale && stale_ms == 0,
            has_validator: validators::has_validator(headers),
            shared_with_authorization: directives.shared_with_authorization(),
            without_cookies: self.by_default && !directives.public && !vary.contains(&COOKIE),
            vary,
        }
    }

    /// What the response states, otherwise what the rules say of one with this status.
    fn of(
        status: StatusCode,
        headers: &HeaderMap,
        directives: &ResponseDirectives,
        rules: &Rules,
        now_ms: u64,
    ) -> Result<Self, Refusal> {
        let times = |lifetime_ms, unsaid, by_default| {
            Self::new(directives, lifetime_ms, unsaid, by_default)
        };
        let stated = Unsaid {
            stale_if_error: rules.stale_if_error,
            ..Unsaid::default()
        };
        if let Some(lifetime_ms) = freshness::lifetime_ms(headers, directives, now_ms) {
            return Ok(times(lifetime_ms, stated, false));
        }
        // To be revalidated before each use, if it can be: that is said clearly enough.
        if directives.no_cache == Scope::Everything && validators::has_validator(headers) {
            return Ok(times(0, stated, false));
        }
        if !directives.public && !freshness::is_heuristically_cacheable(status) {
            return Err(Refusal::Status);
        }
        let heuristic_ms = match rules.heuristics {
            true => freshness::heuristic_ms(headers, now_ms),
            false => None,
        };
        match (heuristic_ms, rules.unsaid) {
            (Some(ms), unsaid) => Ok(times(ms, unsaid.unwrap_or(stated), true)),
            (None, Some(unsaid)) => Ok(times(milliseconds(unsaid.fresh), unsaid, true)),
            (None, None) => Err(Refusal::NoLifetime),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
