//! What a controller gets: a finished page, and what the cache did for it. Neither has types of a transport.
//!
//! The last step of [`App::invoke`](crate::App::invoke); the controller hands it to its client.

use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::{Answer, Computed, Metadata, Status};
use http::header::{self, HeaderName, HeaderValue};

use crate::cache_status::CacheStatus;
use crate::compression::{Coded, Coding, ContentCoding};
use crate::lifetimes::{Lifetimes, Terms};
use crate::metadata::{OK, may_be_status, why_not};
use crate::mime::Mime;
use crate::varies::{Names, Negotiated};

/// A validator (RFC 9110, 8.8.2), which does not describe another page.
const LAST_MODIFIED: &str = "last-modified";

/// A field of one response, which is not stored with its page.
pub(crate) type Told = (HeaderName, HeaderValue);

/// A finished page.
#[derive(Clone, Debug)]
pub struct Page {
    mime: Mime,
    body: Bytes,
    /// Boxed, so that a page without any moves few bytes.
    metadata: Option<Box<Metadata>>,
    cache_status: Option<CacheStatus>,
    private: bool,
    /// What of the request chose its media type.
    pub(crate) negotiated: Negotiated,
    /// The fields of the request that middleware has read.
    pub(crate) read: Names,
    /// What caches downstream are told of every page of its program.
    pub(crate) terms: Option<Arc<Terms>>,
    pub(crate) coding: ContentCoding,
    /// What caches downstream are told of it, and the cookies of a page that is never stored.
    downstream: Vec<Told>,
}

impl Page {
    #[inline]
    pub(crate) fn new(mime: Mime, body: Bytes) -> Self {
        Self {
            mime,
            body,
            metadata: None,
            cache_status: None,
            private: false,
            negotiated: Negotiated::Nothing,
            read: Names::default(),
            terms: None,
            coding: ContentCoding::Open,
            downstream: Vec::new(),
        }
    }

    pub(crate) fn from_cache(mime: Mime, answer: Answer) -> Self {
        let mut page = Self::new(mime, Bytes::new());
        page.cache_status = Some(CacheStatus::new(&answer));
        page.metadata = answer.entry.metadata().map(Box::new);
        match Coded::stored(&answer.entry) {
            None => page.body = answer.entry.into_body(),
            // It stays as it is stored: reading it would decode it.
            Some(coded) => page.code(Coding::Zstd, coded),
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
    pub(crate) fn make_private(&mut self) {
        self.private = true;
        // What a program has invalidated is told all the same.
        if self.is_storable() {
            self.downstream.clear();
        }
    }

    /// Tells caches downstream `fields` of it.
    pub(crate) fn tell_downstream(mut self, fields: impl IntoIterator<Item = Told>) -> Self {
        self.downstream.extend(fields);
        self
    }

    /// What caches downstream are told of it.
    pub(crate) fn downstream(&self) -> &[Told] {
        &self.downstream
    }

    /// Whether it sets a cookie, which is for one client.
    pub(crate) fn sets_cookies(&self) -> bool {
        let mut fields = self.downstream.iter();
        fields.any(|(name, _)| *name == header::SET_COOKIE)
    }

    /// Whether clients and caches may store it, on whatever terms: it has an entity tag then.
    pub(crate) fn is_storable(&self) -> bool {
        let status = self.cache_status.as_ref();
        status.is_some_and(|status| status.etag.is_some())
    }

    /// `No-Vary-Search`; `None` if clients may not store the page.
    pub(crate) fn no_vary_search(&self) -> Option<&HeaderValue> {
        match self.is_storable() && !self.private {
            true => self.terms.as_ref()?.no_vary_search.as_ref(),
            false => None,
        }
    }

    /// How long caches downstream may use it without asking, as its author says.
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        let terms = self.terms.as_ref();
        terms.map_or_else(Lifetimes::default, |terms| terms.lifetimes)
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
        self.make_private();
        if let Some(cache_status) = &mut self.cache_status {
            cache_status.etag = None;
            cache_status.ttl = Some(0);
        }
    }

    /// Whether it is served although it is old.
    pub(crate) fn is_stale(&self) -> bool {
        let status = self.cache_status().and_then(|status| status.status);
        matches!(status, Some(Status::Stale(_)))
    }

    /// What the cache did, for a program with a cache.
    #[must_use]
    pub fn cache_status(&self) -> Option<&CacheStatus> {
        self.cache_status.as_ref()
    }

    /// Whether it may depend on more than its arguments, because the program has middleware. Shared caches must not store
    /// it. A browser does not store it either if middleware has read a field that identifies the reader; it revalidates others.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }
}
