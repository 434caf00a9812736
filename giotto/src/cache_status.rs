//! What the cache did for a page, as a member of `Cache-Status` (RFC 9211).
//!
//! Part of the last step of [`App::invoke`](crate::App::invoke): a page and an error carry it to the controller.

use std::fmt;

use bytes::Bytes;
use giotto_cache::{Answer, NotStored, Reason, Staleness, Status};
use percent_encoding::{CONTROLS, utf8_percent_encode};

/// What the cache did for a page. It displays as a member of `Cache-Status` (RFC 9211): `giotto; hit; ttl=3540`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CacheStatus {
    /// Hit, stored, collapsed and so on; `None` if the cache was not asked, for example because models are mocked.
    pub status: Option<Status>,
    /// Why it was not a fresh hit; `None` if it was.
    pub reason: Option<Reason>,
    /// Why it is not stored, where that is known.
    pub not_stored: Option<NotStored>,
    /// The layer of the store that had it, for example `locmem`; `None` if it was not stored, or the store has no layers.
    pub layer: Option<&'static str>,
    /// The strong entity tag of the page, with its quotes; `None` if middleware has changed the page, or if the page must
    /// not be stored anywhere.
    pub etag: Option<Bytes>,
    /// The seconds until the page expires; negative since it expired; `None` = never.
    pub ttl: Option<i64>,
}

impl CacheStatus {
    /// That of `answer`, whose reason it takes, from the layer of this name.
    // Every hit makes one: a call would be felt.
    #[inline]
    pub(crate) fn new(answer: &mut Answer, layer: Option<&'static str>) -> Self {
        Self {
            status: Some(answer.status),
            reason: answer.reason.take(),
            not_stored: answer.not_stored,
            layer,
            etag: (answer.not_stored != Some(NotStored::NoStore)).then(|| answer.entry.etag()),
            ttl: answer.ttl(),
        }
    }

    /// The cache status of an answer without a page.
    pub(crate) fn of_failure(reason: Reason) -> Self {
        Self {
            status: Some(Status::NotStored),
            reason: Some(reason),
            ..Self::bypassing()
        }
    }

    /// That of a program with a cache that was not asked.
    pub(crate) const fn bypassing() -> Self {
        Self {
            status: None,
            reason: None,
            not_stored: None,
            layer: None,
            etag: None,
            ttl: Some(0),
        }
    }

    /// The `fwd` parameter of RFC 9211: why the model was run.
    fn forward(&self) -> &'static str {
        match self.reason {
            Some(
                Reason::Expired | Reason::Invalidated(_) | Reason::TagLost(_) | Reason::Version,
            ) => "stale",
            Some(Reason::Refresh) => "request",
            Some(Reason::Bypass) => "bypass",
            _ => "uri-miss",
        }
    }

    /// The details for a person: the reason, the outcome of the computation, why its result is not stored, and the layer
    /// that had it.
    fn detail(&self) -> String {
        let reason = self
            .reason
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let more = match self.status {
            Some(Status::Stale(Staleness::Revalidating)) => Some("revalidating"),
            Some(Status::Stale(Staleness::Failed)) => Some("the model failed"),
            Some(Status::Stale(Staleness::Late)) => Some("the model is late"),
            Some(Status::Stale(Staleness::Throttled)) => Some("the model failed lately"),
            Some(Status::Stale(Staleness::Accepted)) => Some("accepted"),
            _ => self.not_stored.map(NotStored::name),
        };
        let more = more.filter(|more| *more != reason);
        let parts = [Some(reason.as_str()), more, self.layer];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("giotto; ")?;
        let Some(status) = self.status else {
            return f.write_str("fwd=bypass");
        };
        match status {
            Status::Hit
            | Status::Stale(Staleness::Revalidating | Staleness::Throttled | Staleness::Accepted) => {
                f.write_str("hit")?
            }
            _ => write!(f, "fwd={}", self.forward())?,
        }
        match (status, self.ttl) {
            (Status::Hit | Status::Stale(_), Some(ttl)) => write!(f, "; ttl={ttl}")?,
            (Status::Stored, _) => f.write_str("; stored")?,
            (Status::Collapsed, _) => f.write_str("; collapsed")?,
            _ => {}
        }
        let detail = self.detail();
        let is_token = |detail: &str| {
            detail
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '-')
        };
        match detail.as_str() {
            "" => Ok(()),
            token if is_token(token) => write!(f, "; detail={token}"),
            // A string of a structured field is ASCII, with two characters escaped (RFC 9651, 3.3.3).
            text => {
                let text = utf8_percent_encode(text, CONTROLS).to_string();
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "; detail=\"{text}\"")
            }
        }
    }
}
