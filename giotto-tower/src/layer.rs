//! The layer: its settings, one by one, and what can be asked of it beside requests.
//!
//! Before the first request.

use std::sync::Arc;

use giotto_cache::{Cache, Explanation, IntoDuration, IntoPolicy, Result};
use http::{request, response};
use tower_layer::Layer;

use crate::explain;
use crate::service::CacheService;
use crate::settings::{Query, Settings};

/// A shared HTTP cache (RFC 9111) around the service behind it, as a layer of tower.
///
/// A response is stored if its own fields say that it may be: `Cache-Control`, `CDN-Cache-Control`, `Expires`. A response that
/// says nothing is stored only where a [policy](Self::policy) says so.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, http::header::CACHE_CONTROL, routing::get};
/// use giotto_cache::{Cache, LocMemKeyValue};
/// use giotto_tower::CacheLayer;
///
/// let cache = Cache::new(LocMemKeyValue::new());
/// let app: Router = Router::new()
///     .route("/", get(|| async { ([(CACHE_CONTROL, "s-maxage=60")], "rendered once a minute") }))
///     .layer(CacheLayer::new(cache));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CacheLayer {
    settings: Arc<Settings>,
}

impl CacheLayer {
    /// A layer that stores responses in `cache`. What else lives in it, other layers, functions or programs, are told apart by
    /// their [program](Self::program).
    #[must_use]
    pub fn new(cache: Cache) -> Self {
        Self {
            settings: Arc::new(Settings::new(cache)),
        }
    }

    /// Stores responses that do not say whether they may be stored, as `policy` says: for how long they are fresh, and may be
    /// served stale. Their status must be one of those that caches may store unasked (RFC 9110, 15.1). By default they are not
    /// stored.
    ///
    /// A response that says something is stored as it says. One to a request with `Authorization` or a cookie is stored only if
    /// it says so itself: it may be for one user. So is one that sets a cookie.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`](giotto_cache::ErrorKind::Policy) if the policy makes no sense.
    pub fn policy(self, policy: impl IntoPolicy) -> Result<Self> {
        Ok(match policy.into_policy()? {
            Some(policy) => self.with(|settings| settings.set_default(policy)),
            None => self,
        })
    }

    /// Stores responses that say nothing about their time but have `Last-Modified`, for a tenth of their age, at most a day
    /// (RFC 9111, 4.2.2). False by default.
    #[must_use]
    pub fn heuristics(self, uses: bool) -> Self {
        self.with(|settings| settings.rules.heuristics = uses)
    }

    /// What the key has in place of host, path and query; `None` passes the request on without asking the cache.
    ///
    /// Whatever the response depends on must be in the key or in the response's `Vary`. Invalidation by unsafe methods calls
    /// `key` with the parts of a `GET` of the same URI, which has no fields but `Host`.
    ///
    /// `key` sees the URI that the client has asked for, also in a nested router of axum (with the feature `axum`).
    #[must_use]
    pub fn key<F>(self, key: F) -> Self
    where
        F: Fn(&request::Parts) -> Option<String> + Send + Sync + 'static,
    {
        self.with(|settings| settings.key = Some(Arc::new(key)))
    }

    /// Whether the key has the host; true by default. Without it, a service that answers for several hosts answers all of them
    /// with the response of the first.
    #[must_use]
    pub fn host(self, has_host: bool) -> Self {
        self.with(|settings| settings.has_host = has_host)
    }

    /// Which part of the query the key has: [`Query::Ordered`] by default, `["q", "page"]` for the parameters of these names.
    #[must_use]
    pub fn query(self, query: impl Into<Query>) -> Self {
        let query = query.into();
        self.with(|settings| settings.query = query)
    }

    /// Tags of a response, in addition to those in its `Cache-Tag`, `Surrogate-Key` and `Cache-Groups`, and to those that its
    /// handler sets by [`CacheControl`](crate::CacheControl): [`Cache::invalidate`] makes all responses with a tag old.
    #[must_use]
    pub fn tags<F>(self, tags: F) -> Self
    where
        F: Fn(&request::Parts, &response::Parts) -> Vec<String> + Send + Sync + 'static,
    {
        self.with(|settings| settings.tags = Some(Arc::new(tags)))
    }

    /// The program under which `explain`, `stats`, `list`, budgets and invalidations know the responses of this layer; `http`
    /// by default. Two layers of one cache that answer for different services need two names.
    #[must_use]
    pub fn program(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with(|settings| settings.set_program(&name))
    }

    /// Whether the directives in the `Cache-Control` of requests are obeyed (RFC 9111, 5.2.1): `no-cache`, `max-age` and so on.
    /// False by default: a client could have every response computed for itself.
    #[must_use]
    pub fn obey_requests(self, obeys: bool) -> Self {
        self.with(|settings| settings.obeys_requests = obeys)
    }

    /// Whether responses have `Cache-Status` (RFC 9211), which says what the cache did; true by default.
    #[must_use]
    pub fn cache_status(self, tells: bool) -> Self {
        self.with(|settings| settings.tells_status = tells)
    }

    /// How long a response that says nothing about it may be served stale because no new one can be had, unless it forbids that
    /// (RFC 9111, 4.2.4). Zero by default.
    #[must_use]
    pub fn stale_if_error(self, time: impl IntoDuration) -> Self {
        self.with(|settings| settings.set_stale_if_error(time))
    }

    /// The longest time that a response is served stale while a new one is fetched, whatever its `stale-while-revalidate`
    /// says; a day by default, zero = never.
    #[must_use]
    pub fn longest_stale_while_revalidate(self, time: impl IntoDuration) -> Self {
        self.with(|settings| settings.set_longest_stale_while_revalidate(time))
    }

    /// The longest time that a response is served stale because no new one can be had, whatever its `stale-if-error` says; a
    /// week by default, zero = never.
    #[must_use]
    pub fn longest_stale_if_error(self, time: impl IntoDuration) -> Self {
        self.with(|settings| settings.set_longest_stale_if_error(time))
    }

    /// How long a response that must not be served any more is kept, so that the service behind can say by its validators that
    /// it is still valid (RFC 9111, 4.3); an hour by default, zero = not at all.
    #[must_use]
    pub fn keep(self, time: impl IntoDuration) -> Self {
        self.with(|settings| settings.set_keep(time))
    }

    /// What the next `GET` with `parts` would be answered with, and why; `None` if it has no key. Nothing is computed.
    pub async fn explain(&self, parts: &request::Parts) -> Option<Explanation> {
        explain::explain(&self.settings, parts).await
    }

    /// The cache that has the responses: to invalidate, list and count them.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.settings.cache
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(inner, Arc::clone(&self.settings))
    }
}
