//! What a layer was told: the cache that it asks, how requests are keyed, and what may be stored.
//!
//! Before the first request: made by [`CacheLayer`](crate::CacheLayer), and shared by all of its services.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, IntoDuration, Key, Policy};
use http::{request, response};

use crate::cache_status::written;
use crate::credentials::Refused;
use crate::prepared::Heads;
use crate::rfc::{Rules, Terms, Unsaid};

/// The program under which responses are stored, listed and counted.
const PROGRAM: &str = "http";
/// The longest time that a response is fresh.
const FRESH: Duration = Duration::from_secs(10 * 365 * 86_400);
/// The longest time that a response is served stale while a new one is fetched.
const STALE_WHILE_REVALIDATE: Duration = Duration::from_secs(86_400);
/// The longest time that a response is served stale because no new one can be had.
const STALE_IF_ERROR: Duration = Duration::from_secs(7 * 86_400);
/// How long a response is kept after that, to be revalidated by its validators.
const KEEP: Duration = Duration::from_secs(3_600);

pub(crate) type KeyOf = dyn Fn(&request::Parts) -> Option<String> + Send + Sync;
pub(crate) type TagsOf = dyn Fn(&request::Parts, &response::Parts) -> Vec<String> + Send + Sync;

/// Which part of the query the key has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// All of it, in the order of the names, so that `?a=1&b=2` and `?b=2&a=1` are one.
    #[default]
    Ordered,
    /// All of it, as the client has written it: for services that read more from a query than names and values.
    AsItIs,
    /// The parameters of these names, in their order. Only for a service that reads no others: two requests that differ in
    /// others get the same response.
    Filtered(Vec<Vec<u8>>),
}

impl<N: AsRef<str>, const LENGTH: usize> From<[N; LENGTH]> for Query {
    fn from(names: [N; LENGTH]) -> Self {
        let names = names.iter().map(|name| name.as_ref().as_bytes().to_vec());
        Self::Filtered(names.collect())
    }
}

impl<N: AsRef<str>> From<&[N]> for Query {
    fn from(names: &[N]) -> Self {
        let names = names.iter().map(|name| name.as_ref().as_bytes().to_vec());
        Self::Filtered(names.collect())
    }
}

/// The settings of a layer.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) cache: Cache,
    /// A key of the program under which responses are stored, listed and counted.
    pub(crate) template: Key,
    /// Its name, as it is written in `Cache-Status`.
    pub(crate) written: String,
    /// The policy of every lookup: a response says itself how long it lives, and this is how long it may.
    pub(crate) policy: Policy,
    pub(crate) rules: Rules,
    pub(crate) has_host: bool,
    pub(crate) query: Query,
    pub(crate) key: Option<Arc<KeyOf>>,
    pub(crate) tags: Option<Arc<TagsOf>>,
    pub(crate) obeys_requests: bool,
    pub(crate) tells_status: bool,
    pub(crate) refused: Arc<Refused>,
    pub(crate) heads: Heads,
    default: Option<Policy>,
    longest: Longest,
}

/// How long a stored response may be used after its fresh time.
#[derive(Clone, Copy, Debug)]
struct Longest {
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
    keep: Duration,
}

impl Settings {
    pub(crate) fn new(cache: Cache) -> Self {
        let mut settings = Self {
            cache,
            template: Key::new(PROGRAM, "", ""),
            written: PROGRAM.to_owned(),
            policy: Policy::forever(),
            rules: Rules::default(),
            has_host: true,
            query: Query::default(),
            key: None,
            tags: None,
            obeys_requests: false,
            tells_status: true,
            refused: Arc::default(),
            heads: Heads::default(),
            default: None,
            longest: Longest {
                stale_while_revalidate: STALE_WHILE_REVALIDATE,
                stale_if_error: STALE_IF_ERROR,
                keep: KEEP,
            },
        };
        settings.combine();
        settings
    }

    /// How long a response with validators is kept after it may be served.
    pub(crate) const fn keep(&self) -> Duration {
        self.longest.keep
    }

    pub(crate) fn set_program(&mut self, name: &str) {
        self.template = Key::new(name, "", "");
        self.written = written(name);
    }

    pub(crate) fn set_default(&mut self, policy: Policy) {
        self.rules.unsaid = Some(Unsaid {
            fresh: policy.fresh_time().unwrap_or(FRESH),
            stale_while_revalidate: policy.stale_time(),
            stale_if_error: policy.stale_if_error_time(),
        });
        self.default = Some(policy);
        self.combine();
    }

    pub(crate) fn set_stale_if_error(&mut self, time: impl IntoDuration) {
        self.rules.stale_if_error = duration(time);
    }

    pub(crate) fn set_longest_stale_while_revalidate(&mut self, time: impl IntoDuration) {
        self.longest.stale_while_revalidate = duration(time);
        self.combine();
    }

    pub(crate) fn set_longest_stale_if_error(&mut self, time: impl IntoDuration) {
        self.longest.stale_if_error = duration(time);
        self.combine();
    }

    pub(crate) fn set_keep(&mut self, time: impl IntoDuration) {
        self.longest.keep = duration(time);
        self.combine();
    }

    /// Cuts the times for which a response may be served stale to the longest of this layer. The policy cannot: in it, a time of
    /// zero is an error, not "never".
    pub(crate) fn limit(&self, terms: &mut Terms) {
        let longest = &self.longest;
        terms.stale_while_revalidate = terms
            .stale_while_revalidate
            .min(longest.stale_while_revalidate);
        terms.stale_if_error = terms.stale_if_error.min(longest.stale_if_error);
    }

    /// The policy of lookups: that of responses that say nothing, with its jitter, its timeouts and so on, but with the longest
    /// times that any response may have.
    fn combine(&mut self) {
        let Longest {
            stale_while_revalidate,
            stale_if_error,
            keep,
        } = self.longest;
        let mut policy = self.default.unwrap_or(Policy::forever()).fresh_for(FRESH);
        // What is zero is off.
        if !stale_while_revalidate.is_zero() {
            policy = policy.stale_while_revalidate(stale_while_revalidate);
        }
        let stale_if_error = stale_if_error.max(stale_while_revalidate);
        if !stale_if_error.is_zero() {
            policy = policy.stale_if_error(stale_if_error);
        }
        if !keep.is_zero() {
            policy = policy.keep(keep);
        }
        self.policy = policy;
    }
}

/// `time`; one that makes no sense is none.
fn duration(time: impl IntoDuration) -> Duration {
    Duration::from_millis(time.in_ms().unwrap_or(0))
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("program", &self.template.program_name())
            .field("default", &self.default)
            .field("has_host", &self.has_host)
            .field("query", &self.query)
            .field("obeys_requests", &self.obeys_requests)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}
