//! What the cache did for a request, as a member of `Cache-Status` (RFC 9211).
//!
//! Part of the last step of a request.

use giotto_cache::{Answer, Reason, Staleness, Status};
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const HIT: &str = "; hit";
const TTL: &str = "; ttl=";

/// What the cache did for a request. It is written as a member of `Cache-Status`: `http; hit; ttl=59`.
#[derive(Clone, Debug)]
pub(crate) struct CacheStatus {
    /// Why the request was passed on; `None` = it was not.
    pub(crate) forward: Option<Forward>,
    /// The status with which the service behind has answered, where it is not that of the response.
    pub(crate) forward_status: Option<StatusCode>,
    /// The seconds until the response expires; negative since it has.
    pub(crate) ttl: Option<i64>,
    pub(crate) is_stored: bool,
    pub(crate) is_collapsed: bool,
    /// For a person: one word.
    pub(crate) detail: Option<&'static str>,
}

/// Why a request was passed on to the service behind (RFC 9211, 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// The cache was configured to.
    Bypass,
    /// The method of the request.
    Method,
    UriMiss,
    VaryMiss,
    /// The directives of the request.
    Request,
    Stale,
}

impl Forward {
    const fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }

    /// Why a computation was needed, under a primary key or under that of a variant.
    pub(crate) const fn of(reason: Option<&Reason>, is_variant: bool) -> Self {
        match reason {
            Some(
                Reason::Expired | Reason::Invalidated(_) | Reason::TagLost(_) | Reason::Version,
            ) => Self::Stale,
            Some(Reason::Refresh) => Self::Request,
            Some(Reason::Bypass) => Self::Bypass,
            _ if is_variant => Self::VaryMiss,
            _ => Self::UriMiss,
        }
    }
}

impl CacheStatus {
    /// That of a request that was passed on.
    pub(crate) const fn passed(forward: Forward, detail: Option<&'static str>) -> Self {
        Self {
            forward: Some(forward),
            forward_status: None,
            ttl: None,
            is_stored: false,
            is_collapsed: false,
            detail,
        }
    }

    /// That of `answer`, found under a primary key or under that of a variant.
    pub(crate) fn answered(answer: &Answer, is_variant: bool) -> Self {
        let reason = answer.reason.as_ref();
        let forward = match answer.status {
            Status::Hit => None,
            Status::Stale(Staleness::Failed | Staleness::Late) => Some(Forward::Stale),
            Status::Stale(_) => None,
            _ => Some(Forward::of(reason, is_variant)),
        };
        Self {
            forward,
            forward_status: None,
            ttl: answer.ttl(),
            is_stored: answer.status == Status::Stored,
            is_collapsed: answer.status == Status::Collapsed,
            detail: match answer.status {
                Status::Stale(Staleness::Revalidating) => Some("revalidating"),
                Status::Stale(Staleness::Failed) => Some("failed"),
                Status::Stale(Staleness::Late) => Some("late"),
                Status::Stale(Staleness::Throttled) => Some("failed-lately"),
                _ => reason.map(Reason::name),
            },
        }
    }

    /// Adds itself to `fields`, after what caches behind have said. `name` is that of the cache, as it is [written].
    pub(crate) fn write(&self, name: &str, fields: &mut HeaderMap) {
        let own = self.text(name);
        match fields.entry(CACHE_STATUS) {
            Entry::Vacant(place) => {
                if let Ok(value) = HeaderValue::try_from(own) {
                    place.insert(value);
                }
            }
            Entry::Occupied(mut place) => {
                let behind = place.iter().filter_map(|line| line.to_str().ok());
                let all: Vec<_> = behind.chain([own.as_str()]).collect();
                if let Ok(value) = HeaderValue::try_from(all.join(", ")) {
                    place.insert(value);
                }
            }
        }
    }

    /// A member of the list: the cache and what it did.
    fn text(&self, name: &str) -> String {
        let mut digits = itoa::Buffer::new();
        let ttl = self.ttl.map(|ttl| digits.format(ttl));
        // That of a hit is as long as this, and becomes a value without being moved.
        let mut text =
            String::with_capacity(name.len() + HIT.len() + TTL.len() + ttl.map_or(0, str::len));
        text.push_str(name);
        match self.forward {
            None => text.push_str(HIT),
            Some(forward) => text.extend(["; fwd=", forward.name()]),
        }
        if let Some(status) = &self.forward_status {
            text.extend(["; fwd-status=", status.as_str()]);
        }
        if let Some(ttl) = ttl {
            text.push_str(TTL);
            text.push_str(ttl);
        }
        if self.is_stored {
            text.push_str("; stored");
        }
        if self.is_collapsed {
            text.push_str("; collapsed");
        }
        if let Some(detail) = self.detail {
            text.extend(["; detail=", detail]);
        }
        text
    }
}

/// The name of a cache as it is written: as a token or a string of a structured field (RFC 9651, 3.3).
pub(crate) fn written(name: &str) -> String {
    let is_token = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte));
    if is_token {
        return name.to_owned();
    }
    let mut text = String::from('"');
    for character in name.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            ' '..='~' => text.push(character),
            _ => text.push('?'),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_of_caches_behind_are_kept() {
        let mut fields = HeaderMap::new();
        for line in ["origin; hit", "near; fwd=miss"] {
            fields.append(CACHE_STATUS, HeaderValue::from_static(line));
        }
        CacheStatus::passed(Forward::UriMiss, None).write("http", &mut fields);
        let lines: Vec<_> = fields.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(lines, ["origin; hit, near; fwd=miss, http; fwd=uri-miss"]);
    }

    #[test]
    fn a_member_follows_what_caches_behind_have_said() {
        let mut fields = HeaderMap::new();
        let mut status = CacheStatus::passed(Forward::UriMiss, Some("first-seen"));
        status.is_stored = true;
        status.write("http", &mut fields);
        assert_eq!(
            fields[CACHE_STATUS],
            "http; fwd=uri-miss; stored; detail=first-seen"
        );
        CacheStatus {
            forward: None,
            ttl: Some(-3),
            is_stored: false,
            detail: None,
            ..status
        }
        .write(&written("my \"cache\""), &mut fields);
        assert_eq!(
            fields[CACHE_STATUS],
            "http; fwd=uri-miss; stored; detail=first-seen, \"my \\\"cache\\\"\"; hit; ttl=-3"
        );
    }
}
