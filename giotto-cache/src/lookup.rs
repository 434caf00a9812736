//! What a caller asks the cache for.
//!
//! A ground type: the argument of [`Cache::answer`](crate::Cache::answer), passed from step to step.

use std::sync::Arc;

use bytes::Bytes;

use crate::acceptance::{Acceptance, Judge, Stored};
use crate::key::Key;
use crate::policy::Policy;

/// What a caller asks the cache for: an entry, and the rules by which it is served or computed.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub(crate) key: Key,
    pub(crate) policy: Policy,
    pub(crate) tags: Vec<String>,
    pub(crate) mode: Mode,
    pub(crate) waits_for_fresh: bool,
    pub(crate) allows_own_time: bool,
    pub(crate) accepts_coded: bool,
    pub(crate) is_admitted: bool,
    pub(crate) is_independent: bool,
    /// One pointer, so that a lookup without it moves few bytes more.
    pub(crate) judge: Option<Arc<Judge>>,
    /// Whether a stored body is what the caller can use.
    pub(crate) is_usable: Option<fn(&[u8]) -> bool>,
}

/// How a lookup may use the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Serve what is stored, otherwise compute.
    #[default]
    Prefer,
    /// Serve what is stored, otherwise return an error. Nothing is computed.
    Only,
    /// Compute, and store the result.
    Refresh,
    /// Compute. The store is neither read nor written.
    Bypass,
}

impl Lookup {
    /// A lookup of the entry of `key`, under `policy`.
    #[must_use]
    #[inline]
    pub const fn new(key: Key, policy: Policy) -> Self {
        Self {
            key,
            policy,
            tags: Vec::new(),
            mode: Mode::Prefer,
            waits_for_fresh: false,
            allows_own_time: true,
            accepts_coded: false,
            is_admitted: false,
            is_independent: false,
            judge: None,
            is_usable: None,
        }
    }

    /// The tags of the entry, as far as they are known before it is computed. Invalidating one of them makes the entry old.
    /// A tag is 1 to 200 bytes long and has no control characters. A result with an invalid tag, or with more than 64 tags,
    /// is not stored.
    #[must_use]
    // Every hit calls it: without, it would copy the lookup.
    #[inline(always)]
    pub fn tags(mut self, tags: Vec<String>) -> Self {
        if !tags.is_empty() {
            self.tags = sorted(tags);
        }
        self
    }

    /// How the lookup may use the cache.
    #[must_use]
    #[inline]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Waits for a fresh result instead of being served a stale one at once. An old one is served only if the computation
    /// fails and [`stale_if_error`](Policy::stale_if_error) allows it.
    #[must_use]
    #[inline]
    pub const fn wait_for_fresh(mut self, waits: bool) -> Self {
        self.waits_for_fresh = waits;
        self
    }

    /// What this caller accepts beyond the policy. `judge` is asked about an entry that is found and might be served, and
    /// about a result that was computed for another caller; for one that it refuses, this caller computes its own, which is
    /// not stored. [`Cache::explain`](crate::Cache::explain) asks it as well.
    ///
    /// ```
    /// use giotto_cache::{Acceptance, Key, Lookup, Policy, Stored};
    ///
    /// # let (key, policy) = (Key::plain("page"), Policy::seconds(3600));
    /// // `Cache-Control: max-age=60` of a request.
    /// let lookup = Lookup::new(key, policy).accept(|stored: &Stored| match stored.age().as_secs() {
    ///     0..=60 => Acceptance::AsStored,
    ///     _ => Acceptance::Recompute,
    /// });
    /// ```
    #[must_use]
    pub fn accept(mut self, judge: impl Fn(&Stored) -> Acceptance + Send + Sync + 'static) -> Self {
        self.judge = Some(Arc::new(Judge::new(judge)));
        self
    }

    /// Whether a computation of this entry may set its own [time to live](crate::CacheControl::ttl); true by default. If
    /// not, a stored entry is never fresh for longer than the policy says, whatever its clocks say.
    #[must_use]
    #[inline]
    pub const fn allow_own_time(mut self, allows: bool) -> Self {
        self.allows_own_time = allows;
        self
    }

    /// Stores the result whatever the rate of the program's [`Budget`](crate::Budget), and on the first request: for an
    /// operator who fills the cache. The limit of entries holds all the same.
    #[must_use]
    #[inline]
    pub const fn admit(mut self, is_admitted: bool) -> Self {
        self.is_admitted = is_admitted;
        self
    }

    /// Takes a result that is stored under the content coding zstd as it is: see [`Entry::coded`](crate::Entry::coded). By
    /// default it is decoded.
    #[must_use]
    #[inline]
    pub const fn accept_coded(mut self, accepts: bool) -> Self {
        self.accepts_coded = accepts;
        self
    }

    /// Gives nothing to the computation that this lookup is made in: that inherits neither tags nor the life of the result,
    /// and may store what it makes of a result that must not be stored. See [`Computing`](crate::Computing).
    #[must_use]
    #[inline]
    pub const fn independent(mut self) -> Self {
        self.is_independent = true;
        self
    }
}

/// `tags` in order, each once.
fn sorted(mut tags: Vec<String>) -> Vec<String> {
    tags.sort_unstable();
    tags.dedup();
    tags
}

impl Lookup {
    /// The key of what is looked up.
    #[doc(hidden)]
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Whether the caller can use a stored `body`.
    pub(crate) fn can_use(&self, body: impl FnOnce() -> Bytes) -> bool {
        self.is_usable.is_none_or(|is_usable| is_usable(&body()))
    }

    /// Whether an entry is served as long as it is fresh, and nothing else is due meanwhile.
    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self.mode, Mode::Prefer | Mode::Only)
            && self.judge.is_none()
            && self.is_usable.is_none()
            && !self.policy.refreshes_early()
    }
}
