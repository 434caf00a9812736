//! What a controller gets: a finished page, and what the cache did for it. Neither has types of a transport.
//!
//! The last step of [`App::invoke`](crate::App::invoke); the controller hands it to its client.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Answer, Computed, Metadata, NotStored, Reason, Staleness, Status};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::compression::{Coded, Coding, ContentCoding};
use crate::metadata::{OK, may_be_status, why_not};
use crate::mime::Mime;

/// A validator (RFC 9110, 8.8.2), which does not describe another page.
const LAST_MODIFIED: &str = "last-modified";

/// A finished page.
#[derive(Clone, Debug)]
pub struct Page {
    mime: Mime,
    body: Bytes,
    /// Boxed, so that a page without any moves few bytes.
    metadata: Option<Box<Metadata>>,
    cache_status: Option<CacheStatus>,
    private: bool,
    pub(crate) coding: ContentCoding,
}

impl Page {
    pub(crate) fn new(mime: Mime, body: Bytes) -> Self {
        Self {
            mime,
            body,
            metadata: None,
            cache_status: None,
            private: false,
            coding: ContentCoding::Open,
        }
    }

    pub(crate) fn from_cache(mime: Mime, answer: Answer) -> Self {
        let mut page = Self {
            cache_status: Some(CacheStatus::new(&answer)),
            metadata: answer.entry.metadata().map(Box::new),
            ..Self::new(mime, Bytes::new())
        };
        match Coded::stored(&answer.entry) {
            Some(coded) => page.code(Coding::Zstd, coded),
            None => page.body = answer.entry.into_body(),
        }
        page
    }

    /// The same page with `metadata`.
    pub(crate) fn described(self, metadata: Metadata) -> Self {
        Self {
            metadata: (!metadata.is_empty()).then(|| Box::new(metadata)),
            ..self
        }
    }

    /// The same page, of a program with a cache that was not asked.
    pub(crate) fn bypassing(self) -> Self {
        Self {
            cache_status: Some(CacheStatus::bypassing()),
            ..self
        }
    }

    /// As it is stored.
    pub(crate) fn into_computed(self) -> Computed {
        match self.metadata {
            None => Computed::Page(self.body),
            Some(metadata) => Computed::Described(self.body, *metadata),
        }
    }

    /// Lets only this caller store the page from now on.
    pub(crate) const fn make_private(&mut self) {
        self.private = true;
    }

    /// Puts `coded`, which is the page under `coding`, in its place.
    pub(crate) fn code(&mut self, coding: Coding, coded: Coded) {
        self.coding = ContentCoding::Coded(coding);
        self.body = coded.body;
        if let Some(cache_status) = &mut self.cache_status {
            cache_status.etag = Some(coded.etag);
        }
    }

    /// The media type.
    #[must_use]
    pub fn mime(&self) -> &Mime {
        &self.mime
    }

    /// The page itself.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The status of success that it is sent with over HTTP: 200, unless the model or the view has set another in its
    /// [`Response`](crate::Response).
    #[must_use]
    pub fn status(&self) -> u16 {
        let metadata = self.metadata.as_ref();
        let status = metadata.and_then(|metadata| metadata.status());
        status.filter(|status| may_be_status(*status)).unwrap_or(OK)
    }

    /// Whether it has a status or fields of its own.
    #[inline]
    pub(crate) const fn is_described(&self) -> bool {
        self.metadata.is_some()
    }

    /// The names, in lower case, and values of the fields that the model and the view have set.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.metadata.iter().flat_map(|metadata| metadata.fields());
        // What no author may set is not sent either, when a client of the store has written it.
        fields.filter(|(name, _)| why_not(name).is_none())
    }

    /// The value of the field `name`, in lower case: `page.field("last-modified")`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields();
        fields.find_map(|(own, value)| (own == name).then_some(value))
    }

    /// Takes the page itself out.
    pub(crate) fn take_body(&mut self) -> Bytes {
        std::mem::take(&mut self.body)
    }

    /// Takes its entity tag out.
    pub(crate) fn take_etag(&mut self) -> Option<Bytes> {
        self.cache_status.as_mut()?.etag.take()
    }

    /// Replaces the page. The new page has no entity tag and no `Last-Modified`, and no client or cache may store it. It
    /// keeps its status and its other fields.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.metadata = self.metadata.take().and_then(|metadata| {
            let fields = metadata.fields().filter(|(name, _)| *name != LAST_MODIFIED);
            let rest = Metadata::new(metadata.status(), fields).ok();
            rest.filter(|rest| !rest.is_empty()).map(Box::new)
        });
        self.private = true;
        if let Some(cache_status) = &mut self.cache_status {
            cache_status.etag = None;
            cache_status.ttl = Some(0);
        }
    }

    /// What the cache did, for a program with a cache.
    #[must_use]
    pub fn cache_status(&self) -> Option<&CacheStatus> {
        self.cache_status.as_ref()
    }

    /// Whether it may depend on more than its arguments, because the program has middleware. Shared caches must not store
    /// it, and a browser revalidates it before it shows it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }
}

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
    /// The strong entity tag of the page, with its quotes; `None` if middleware has changed the page, or if the page must
    /// not be stored anywhere.
    pub etag: Option<Bytes>,
    /// The seconds until the page expires; negative since it expired; `None` = never.
    pub ttl: Option<i64>,
}

impl CacheStatus {
    // Every hit makes one: a call would be felt.
    #[inline]
    pub(crate) fn new(answer: &Answer) -> Self {
        Self {
            status: Some(answer.status),
            reason: answer.reason.clone(),
            not_stored: answer.not_stored,
            etag: (answer.not_stored != Some(NotStored::NoStore)).then(|| answer.entry.etag()),
            ttl: answer
                .fresh_for
                .map(|fresh_for| seconds(fresh_for) - seconds(answer.stale_for)),
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

    const fn bypassing() -> Self {
        Self {
            status: None,
            reason: None,
            not_stored: None,
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

    /// The details for a person: the reason, the outcome of the computation, and why its result is not stored.
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
            _ => self.not_stored.map(NotStored::name),
        };
        match more.filter(|more| *more != reason) {
            Some(more) if reason.is_empty() => more.to_owned(),
            Some(more) => format!("{reason}, {more}"),
            None => reason,
        }
    }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("giotto; ")?;
        let Some(status) = self.status else {
            return f.write_str("fwd=bypass");
        };
        match status {
            Status::Hit | Status::Stale(Staleness::Revalidating | Staleness::Throttled) => {
                f.write_str("hit")?;
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

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
