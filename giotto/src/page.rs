//! What a controller gets: a finished page, and what the cache did for it. Neither has types of a transport.
//!
//! The last step of [`App::invoke`](crate::App::invoke); the controller hands it to its client.

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
// Boxed, because it is handed from result to result, each of which would copy it.
#[derive(Clone, Debug)]
pub struct Page(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    mime: Mime,
    body: Bytes,
    metadata: Option<Metadata>,
    cache_status: Option<CacheStatus>,
    private: bool,
    /// What of the request chose its media type.
    negotiated: Negotiated,
    /// The fields of the request that middleware has read.
    read: Names,
    /// What caches downstream are told of every page of its program.
    terms: Terms,
    coding: ContentCoding,
    /// What caches downstream are told of it, and the cookies of a page that is never stored.
    downstream: Vec<Told>,
}

impl Page {
    #[inline]
    pub(crate) fn new(mime: Mime, body: Bytes) -> Self {
        Self::with(mime, body, None, None)
    }

    #[inline]
    fn with(
        mime: Mime,
        body: Bytes,
        metadata: Option<Metadata>,
        cache_status: Option<CacheStatus>,
    ) -> Self {
        Self(Box::new(Inner {
            mime,
            body,
            metadata,
            cache_status,
            private: false,
            negotiated: Negotiated::Nothing,
            read: Names::default(),
            terms: Terms::default(),
            coding: ContentCoding::Open,
            downstream: Vec::new(),
        }))
    }

    /// The page that is made of `answer`, whose body it takes.
    pub(crate) fn from_cache(mime: Mime, answer: &mut Answer, layer: Option<&'static str>) -> Self {
        let cache_status = CacheStatus::new(answer, layer);
        let metadata = answer.entry.metadata();
        let coded = Coded::stored(&answer.entry);
        // A page that is stored under a coding stays so: reading it would decode it.
        let body = match coded {
            None => answer.entry.take_body(),
            Some(_) => Bytes::new(),
        };
        let mut page = Self::with(mime, body, metadata, Some(cache_status));
        if let Some(coded) = coded {
            page.code(Coding::Zstd, coded);
        }
        page
    }

    /// The same page with `metadata`.
    pub(crate) fn described(mut self, metadata: Metadata) -> Self {
        self.0.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
        self
    }

    /// The same page, of a program with a cache that was not asked.
    pub(crate) fn bypassing(mut self) -> Self {
        self.0.cache_status = Some(CacheStatus::bypassing());
        self
    }

    /// As it is stored.
    pub(crate) fn into_computed(self) -> Computed {
        let Inner { body, metadata, .. } = *self.0;
        match metadata {
            None => Computed::Page(body),
            Some(metadata) => Computed::Described(body, metadata),
        }
    }

    /// Says what of the request chose its media type, and what caches downstream are told of every page of its program.
    pub(crate) fn belongs_to(&mut self, negotiated: Negotiated, terms: Terms) {
        self.0.negotiated = negotiated;
        self.0.terms = terms;
    }

    /// Says which fields of the request middleware has read.
    pub(crate) fn depends_on(&mut self, read: Names) {
        self.0.read = read;
    }

    /// Lets only this caller store the page from now on.
    pub(crate) fn make_private(&mut self) {
        self.0.private = true;
        // What a program has invalidated is told all the same.
        if self.is_storable() {
            self.0.downstream.clear();
        }
    }

    /// Tells caches downstream `fields` of it.
    pub(crate) fn tell_downstream(mut self, fields: impl IntoIterator<Item = Told>) -> Self {
        self.0.downstream.extend(fields);
        self
    }

    /// What caches downstream are told of it.
    pub(crate) fn downstream(&self) -> &[Told] {
        &self.0.downstream
    }

    /// What of the request chose its media type.
    pub(crate) fn negotiated(&self) -> Negotiated {
        self.0.negotiated
    }

    /// The fields of the request that middleware has read.
    pub(crate) fn read(&self) -> &Names {
        &self.0.read
    }

    /// Whether it sets a cookie, which is for one client.
    pub(crate) fn sets_cookies(&self) -> bool {
        let mut fields = self.0.downstream.iter();
        fields.any(|(name, _)| *name == header::SET_COOKIE)
    }

    /// Whether clients and caches may store it, on whatever terms: it has an entity tag then.
    pub(crate) fn is_storable(&self) -> bool {
        let status = self.0.cache_status.as_ref();
        status.is_some_and(|status| status.etag.is_some())
    }

    /// Takes `No-Vary-Search` from it; `None` if clients may not store the page.
    pub(crate) fn take_no_vary_search(&mut self) -> Option<HeaderValue> {
        let is_told = self.is_storable() && !self.0.private;
        is_told.then(|| self.0.terms.no_vary_search.take())?
    }

    /// How long caches downstream may use it without asking, as its author says.
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.0.terms.lifetimes
    }

    /// Whether and how it is coded.
    pub(crate) fn coding(&self) -> ContentCoding {
        self.0.coding
    }

    /// Decides that it is sent as it is.
    pub(crate) fn leave_uncoded(&mut self, coding: ContentCoding) {
        self.0.coding = coding;
    }

    /// Puts `coded`, which is the page under `coding`, in its place.
    pub(crate) fn code(&mut self, coding: Coding, coded: Coded) {
        self.0.coding = ContentCoding::Coded(coding);
        self.0.body = coded.body;
        if let Some(cache_status) = &mut self.0.cache_status {
            cache_status.etag = Some(coded.etag);
        }
    }

    /// The media type.
    #[must_use]
    pub fn mime(&self) -> &Mime {
        &self.0.mime
    }

    /// The page itself.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The status of success that it is sent with over HTTP: 200, unless the model or the view has set another in its
    /// [`Response`](crate::Response).
    #[must_use]
    pub fn status(&self) -> u16 {
        let metadata = self.0.metadata.as_ref();
        let status = metadata.and_then(Metadata::status);
        status.filter(|status| may_be_status(*status)).unwrap_or(OK)
    }

    /// Whether it has a status or fields of its own.
    #[inline]
    pub(crate) fn is_described(&self) -> bool {
        self.0.metadata.is_some()
    }

    /// The names, in lower case, and values of the fields that the model and the view have set.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.0.metadata.iter().flat_map(Metadata::fields);
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
        std::mem::take(&mut self.0.body)
    }

    /// Takes its entity tag out.
    pub(crate) fn take_etag(&mut self) -> Option<Bytes> {
        self.0.cache_status.as_mut()?.etag.take()
    }

    /// Replaces the page. The new page has no entity tag and no `Last-Modified`, and no client or cache may store it. It
    /// keeps its status and its other fields.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.0.body = body.into();
        self.0.metadata = self.0.metadata.take().and_then(|metadata| {
            let fields = metadata.fields().filter(|(name, _)| *name != LAST_MODIFIED);
            let rest = Metadata::new(metadata.status(), fields).ok();
            rest.filter(|rest| !rest.is_empty())
        });
        self.make_private();
        if let Some(cache_status) = &mut self.0.cache_status {
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
        self.0.cache_status.as_ref()
    }

    /// Whether it may depend on more than its arguments, because the program has middleware. Shared caches must not store
    /// it. A browser does not store it either if middleware has read a field that identifies the reader; it revalidates others.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.0.private
    }
}
