//! What a caller asks the cache for.
//!
//! The first argument of [`Cache::answer`](crate::Cache::answer).

use crate::key::Key;
use crate::policy::Policy;

/// A question to the cache: which entry, by which rules.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub(crate) key: Key,
    pub(crate) policy: Policy,
    pub(crate) tags: Vec<String>,
    pub(crate) mode: Mode,
    pub(crate) waits_for_fresh: bool,
    pub(crate) allows_own_time: bool,
}

/// How a lookup may use the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// What is stored, else what is computed.
    #[default]
    Prefer,
    /// What is stored, else an error: nothing is computed.
    Only,
    /// What is computed now, which is stored.
    Refresh,
    /// What is computed now; the store is neither asked nor told.
    Bypass,
}

impl Lookup {
    /// Asks for the entry of `key`, under `policy`.
    #[must_use]
    pub const fn new(key: Key, policy: Policy) -> Self {
        Self {
            key,
            policy,
            tags: Vec::new(),
            mode: Mode::Prefer,
            waits_for_fresh: false,
            allows_own_time: true,
        }
    }

    /// Tags of the entry, known before it is computed: invalidating one of them makes the entry old. A tag is 1 to 200
    /// bytes long and has no control characters; a result with another one, or with more than 64, is not stored.
    #[must_use]
    pub fn tags(mut self, tags: Vec<String>) -> Self {
        if !tags.is_empty() {
            self.tags = tags;
            self.tags.sort_unstable();
            self.tags.dedup();
        }
        self
    }

    /// How the lookup may use the cache.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Waits for a fresh result instead of taking a stale one at once. An old one is only served if the computation
    /// fails and the policy says [so](Policy::stale_if_error).
    #[must_use]
    pub const fn wait_for_fresh(mut self, waits: bool) -> Self {
        self.waits_for_fresh = waits;
        self
    }

    /// Whether a computation of this entry may set its own [time to live](crate::CacheControl::ttl); true if not set.
    /// Without it a stored entry is never fresh for longer than the policy says, whatever its clocks say.
    #[must_use]
    pub const fn allow_own_time(mut self, allows: bool) -> Self {
        self.allows_own_time = allows;
        self
    }
}

impl Lookup {
    /// Whether a fresh entry is served whatever else there is to know of it.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.mode, Mode::Prefer | Mode::Only)
            && self.tags.is_empty()
            && !self.policy.refreshes_early()
            && self.policy.version_number() == 0
    }
}
