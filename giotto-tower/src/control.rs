//! What a handler knows of the cache in front of it, and tells it.
//!
//! Part of a computation: the request that reaches the service behind has a [`CacheControl`] among its extensions.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use giotto_cache::IntoDuration;

/// What a handler knows of the cache in front of it, and tells it. The cache reads it when the handler has returned the head
/// of its response.
///
/// It is an extractor of axum with the feature `axum`, and among the extensions of the request in any case. Without a cache in
/// front, or for a request that is passed on, it does nothing.
///
/// What it says is for this cache alone, and counts in place of the response's `Cache-Control`, which is for the caches and
/// browsers of the clients. A response that sets a cookie is not stored, whatever is said here.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use giotto_tower::CacheControl;
///
/// async fn article(cache: CacheControl) -> &'static str {
///     cache.ttl(60);
///     cache.stale_while_revalidate(300);
///     cache.tags(["article:7"]);
///     "Tea"
/// }
/// # let app: axum::Router = axum::Router::new().route("/", axum::routing::get(article));
/// # }
/// ```
#[derive(Clone, Default)]
pub struct CacheControl(Option<Arc<Shared>>);

struct Shared {
    is_refresh: bool,
    old_age: Option<Duration>,
    said: Mutex<Said>,
}

/// What a handler has said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) ttl: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Vec<String>,
    pub(crate) no_store: bool,
}

impl CacheControl {
    pub(crate) fn new(is_refresh: bool, old_age: Option<Duration>) -> Self {
        Self(Some(Arc::new(Shared {
            is_refresh,
            old_age,
            said: Mutex::default(),
        })))
    }

    /// How long the response is fresh in this cache, in seconds or as a [`Duration`]. With a time of zero or less it is not
    /// stored. It is then for all clients, also if the request has a cookie: this is not for a page of one user.
    pub fn ttl(&self, time: impl IntoDuration) {
        match time.in_ms() {
            Ok(ms) => self.say(|said| said.ttl = Some(Duration::from_millis(ms))),
            Err(_) => self.no_store(),
        }
    }

    /// How long after that it is served stale while a new one is fetched. Only with a [time to live](Self::ttl).
    pub fn stale_while_revalidate(&self, time: impl IntoDuration) {
        let time = Duration::from_millis(time.in_ms().unwrap_or(0));
        self.say(|said| said.stale_while_revalidate = Some(time));
    }

    /// How long after that it is served stale if no new one can be had. Only with a [time to live](Self::ttl).
    pub fn stale_if_error(&self, time: impl IntoDuration) {
        let time = Duration::from_millis(time.in_ms().unwrap_or(0));
        self.say(|said| said.stale_if_error = Some(time));
    }

    /// Tags of the response, in addition to those in its fields.
    pub fn tags<T: Into<String>>(&self, tags: impl IntoIterator<Item = T>) {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        self.say(|said| said.tags.extend(tags));
    }

    /// Does not store the response, and hands it to no other caller. It is final.
    pub fn no_store(&self) {
        self.say(|said| said.no_store = true);
    }

    /// Whether a cache in front may store the response.
    #[must_use]
    pub const fn is_cached(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the response is for the store alone: its caller has been served an older one.
    #[must_use]
    pub fn is_refresh(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.is_refresh)
    }

    /// How long ago the stored response was made that this one replaces; `None` if there is none.
    #[must_use]
    pub fn old_age(&self) -> Option<Duration> {
        self.0.as_ref()?.old_age
    }

    fn say(&self, say: impl FnOnce(&mut Said)) {
        if let Some(shared) = &self.0 {
            say(&mut shared.said.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(crate) fn said(&self) -> Said {
        let said = |shared: &Arc<Shared>| {
            let said = shared.said.lock();
            said.unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.0.as_ref().map(said).unwrap_or_default()
    }
}

#[cfg(feature = "axum")]
impl<S: Sync> axum::extract::FromRequestParts<S> for CacheControl {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _state: &S,
    ) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl fmt::Debug for CacheControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheControl")
            .field("is_refresh", &self.is_refresh())
            .field("old_age", &self.old_age())
            .field("said", &self.said())
            .finish()
    }
}
