//! The caches in front of this one, such as a CDN, which are told of every invalidation.
//!
//! No step of a lookup. A page that a cache downstream has stored does not ask this cache whether it is old, so that an
//! invalidation has to be sent there, too. What sends it is not part of this crate: it implements [`Downstream`].

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::key::Key;
use crate::scope::Scope;

/// An invalidation that this cache obeys, for the caches downstream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalidation {
    /// What it makes old.
    pub outdated: Outdated,
    /// Whether the entries must never be served again, not even after an error.
    pub is_hard: bool,
    /// How long other processes may still answer with what is old. A cache downstream that asks again before this time has
    /// passed may get the old page.
    pub settles_within: Duration,
}

/// What an [`Invalidation`] makes old.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outdated {
    /// The entries with a tag, those of a program, or all.
    Scope(Scope),
    /// One entry.
    Entry(Key),
}

/// What tells the caches in front of this one of its invalidations; see
/// [`Cache::add_downstream`](crate::Cache::add_downstream).
#[async_trait]
pub trait Downstream: fmt::Debug + Send + Sync {
    /// Notes `invalidation`, to be sent in the background. It is called inside a Tokio runtime, before the caller of the
    /// invalidation gets its answer, and MUST NOT block. It is called again for an invalidation that the store accepts late:
    /// until then, other processes may have answered with what is old.
    fn invalidated(&self, invalidation: &Invalidation);

    /// Waits for a bounded time until all that was noted is sent, and logs what is not. The process exits after it.
    async fn settle(&self) {}

    /// What was sent, and what waits.
    fn counts(&self) -> DownstreamCounts {
        DownstreamCounts::default()
    }
}

/// What became of the invalidations that are sent to the caches downstream, counted by tag. All but `waiting` never
/// decrease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DownstreamCounts {
    /// Accepted by the cache downstream.
    pub sent: u64,
    /// Refused by it, and given up.
    pub failed: u64,
    /// Replaced by one for everything, because too many were waiting.
    pub collapsed: u64,
    /// Not sent yet.
    pub waiting: u64,
}

/// All that are told.
#[derive(Debug, Default)]
pub(crate) struct Downstreams(RwLock<Vec<Arc<dyn Downstream>>>);

impl Downstreams {
    pub(crate) fn add(&self, downstream: Arc<dyn Downstream>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.push(downstream);
    }

    pub(crate) fn are_any(&self) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !all.is_empty()
    }

    pub(crate) fn tell(&self, outdated: Outdated, is_hard: bool, settles_within: Duration) {
        let invalidation = Invalidation {
            outdated,
            is_hard,
            settles_within,
        };
        for downstream in self.all() {
            downstream.invalidated(&invalidation);
        }
    }

    /// All at the same time, so that one that does not answer leaves the others theirs.
    pub(crate) async fn settle(&self) {
        let mut settling = JoinSet::new();
        for downstream in self.all() {
            settling.spawn(async move { downstream.settle().await });
        }
        while settling.join_next().await.is_some() {}
    }

    /// The sum of all; `None` if there are none.
    pub(crate) fn counts(&self) -> Option<DownstreamCounts> {
        let counts = self.all().into_iter().map(|downstream| downstream.counts());
        counts.reduce(|one, other| DownstreamCounts {
            sent: one.sent + other.sent,
            failed: one.failed + other.failed,
            collapsed: one.collapsed + other.collapsed,
            waiting: one.waiting + other.waiting,
        })
    }

    fn all(&self) -> Vec<Arc<dyn Downstream>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}
