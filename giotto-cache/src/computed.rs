//! What a computation returns, and what it may say about its own result.
//!
//! A ground type: [`CacheControl`] is handed to the computation, [`Computed`] comes back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Clock;
use crate::entry::Entry;
use crate::error::Error;
use crate::metadata::Metadata;
use crate::policy::duration::IntoDuration;
use crate::reason::Reason;

/// What a computation returns.
#[derive(Debug)]
#[non_exhaustive]
pub enum Computed {
    /// A result.
    Page(Bytes),
    /// A result with metadata, which is stored and served with it.
    Described(Bytes, Metadata),
    /// A result that says "there is no such thing". It is stored only if the policy has a time for
    /// [negative](crate::Policy::negative) results.
    Negative(Bytes),
    /// The [old value](CacheControl::old_value) is still valid. It becomes fresh again, with the metadata that it had.
    NotModified,
    /// The [old value](CacheControl::old_value) is still valid, with this metadata in place of what it had. It lives on as
    /// the [`CacheControl`] of this computation says.
    Revalidated(Metadata),
    /// An error that is an answer, such as "not allowed". It is not stored, and no old result is served in its place.
    Refused(Error),
    /// An error that is an answer, but says nothing about the result for other callers: it is not stored, and what is stored
    /// stays as it is. Callers that wait get it as well, and may ask again.
    Declined(Error),
}

impl From<Bytes> for Computed {
    fn from(body: Bytes) -> Self {
        Self::Page(body)
    }
}

impl Computed {
    /// An error that is an answer.
    pub fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Refused(Error::refused(error))
    }

    /// An error that is an answer and says nothing about the result for other callers.
    pub fn declined(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Declined(Error::refused(error))
    }
}

/// How a computation controls the storing of its own result, and reads the previous one. The last call wins, except that
/// [`no_store`](Self::no_store) is final.
#[derive(Clone, Default)]
pub struct CacheControl(Arc<Shared>);

#[derive(Default)]
struct Shared {
    old: Option<(Entry, Clock)>,
    /// Why it computes; `None` outside a lookup.
    reason: Option<Reason>,
    is_refresh: bool,
    directives: Mutex<Directives>,
}

/// What a computation has asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Directives {
    /// Here and below in milliseconds; 0 = fresh for no time.
    pub(crate) ttl: Option<u64>,
    pub(crate) stale_while_revalidate: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
    pub(crate) keep: Option<u64>,
    pub(crate) tags: Vec<String>,
    pub(crate) no_store: bool,
}

impl CacheControl {
    pub(crate) fn new(old: Option<Entry>, clock: &Clock, reason: Reason, is_refresh: bool) -> Self {
        let old = old.map(|entry| (entry, clock.clone()));
        Self(Arc::new(Shared {
            old,
            reason: Some(reason),
            is_refresh,
            directives: Mutex::default(),
        }))
    }

    /// How long this result is fresh, in seconds or as a [`Duration`], instead of what the policy says. With a time of zero or
    /// less the result is not stored.
    pub fn ttl(&self, time: impl IntoDuration) {
        match time.in_ms() {
            Ok(ms) => self.change(|directives| directives.ttl = Some(ms)),
            Err(_) => self.no_store(),
        }
    }

    /// How long after its fresh time this result is still served while a new one is computed in the background, at most for
    /// as long as the [policy](crate::Policy::stale_while_revalidate) says; a time of zero or less: not at all.
    pub fn stale_while_revalidate(&self, time: impl IntoDuration) {
        let ms = time.in_ms().unwrap_or(0);
        self.change(|directives| directives.stale_while_revalidate = Some(ms));
    }

    /// How long after its fresh time this result is still served if the computation of a new one fails, at most for as long
    /// as the [policy](crate::Policy::stale_if_error) says; a time of zero or less: not at all. It is never shorter than the
    /// time of [`stale_while_revalidate`](Self::stale_while_revalidate).
    pub fn stale_if_error(&self, time: impl IntoDuration) {
        let ms = time.in_ms().unwrap_or(0);
        self.change(|directives| directives.stale_if_error = Some(ms));
    }

    /// How long after all that this result stays in the store as the [old value](Self::old_value) of the next computation,
    /// at most for as long as the [policy](crate::Policy::keep) says; a time of zero or less: not at all.
    pub fn keep(&self, time: impl IntoDuration) {
        let ms = time.in_ms().unwrap_or(0);
        self.change(|directives| directives.keep = Some(ms));
    }

    /// Serves this result to nobody but its own caller, and stores it as the [old value](Self::old_value) of the next
    /// computation: `no-cache` of RFC 9111, 5.2.2.4. It is fresh for no time, and not served stale unless a time for that is
    /// set after this call. Other callers that wait for it compute their own. It is not stored if nothing
    /// [keeps](crate::Policy::keep) it.
    pub fn no_cache(&self) {
        self.change(|directives| {
            directives.ttl = Some(0);
            directives.stale_while_revalidate = Some(0);
            directives.stale_if_error = Some(0);
        });
    }

    /// Tags of this result, in addition to those that are known before it is computed.
    pub fn tags<T: Into<String>>(&self, tags: impl IntoIterator<Item = T>) {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        self.change(|directives| directives.tags = tags);
    }

    /// Does not store this result, and does not hand it to other callers that wait for it: each computes its own.
    pub fn no_store(&self) {
        self.change(|directives| directives.no_store = true);
    }

    /// The stored result: fresh, stale, or only [kept](crate::Policy::keep); `None` if there is none that may be used.
    #[must_use]
    pub fn old_value(&self) -> Option<Bytes> {
        let (entry, _) = self.0.old.as_ref()?;
        Some(entry.body())
    }

    /// How long ago the [old value](Self::old_value) was computed.
    #[must_use]
    pub fn old_age(&self) -> Option<Duration> {
        let (entry, clock) = self.0.old.as_ref()?;
        let age_ms = clock.now_ms().saturating_sub(entry.created_ms());
        Some(Duration::from_millis(age_ms))
    }

    /// What belongs to the [old value](Self::old_value) besides its body; `None` if there is nothing.
    #[must_use]
    pub fn old_metadata(&self) -> Option<Metadata> {
        let (entry, _) = self.0.old.as_ref()?;
        entry.metadata()
    }

    /// Why nothing fresh was found, so that this computation runs; `None` outside a lookup.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.0.reason.as_ref()
    }

    /// Whether no caller waits for the result: they have been served an older one.
    #[must_use]
    pub fn is_refresh(&self) -> bool {
        self.0.is_refresh
    }

    fn change(&self, change: impl FnOnce(&mut Directives)) {
        let mut directives = self
            .0
            .directives
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !directives.no_store {
            change(&mut directives);
        }
    }

    pub(crate) fn directives(&self) -> Directives {
        let directives = self
            .0
            .directives
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        directives.clone()
    }
}

impl fmt::Debug for CacheControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CacheControl")
            .field(&self.directives())
            .finish()
    }
}
