//! What was seen: how much, and every promise that was broken.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub(super) const HEAD: &str =
    "library, cache       pages   hits   writes  kills   cut  failed  old  old, pending  leaks";

/// The most broken promises that are told in words.
const MOST: usize = 12;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) pages: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) kills: AtomicU64,
    /// Requests to a process that was killed, or not yet started again.
    pub(super) cut: AtomicU64,
    /// Older pages of other processes while the store had not accepted the invalidation.
    pub(super) pending: AtomicU64,
    failed: Broken,
    old: Broken,
    leaks: Broken,
    joined: AtomicU32,
}

/// How often a promise was broken, and how at first.
#[derive(Debug, Default)]
struct Broken {
    count: AtomicU64,
    first: Mutex<Vec<String>>,
}

impl Broken {
    fn note(&self, what: String) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.len() < MOST {
            first.push(what);
        }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(super) fn failed(&self, what: String) {
        self.failed.note(what);
    }

    pub(super) fn old(&self, what: String) {
        self.old.note(what);
    }

    pub(super) fn leaked(&self, what: String) {
        self.leaks.note(what);
    }

    /// One of the people has a session.
    pub(super) fn joined(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) async fn until_all_have_joined(&self, all: u32) {
        while self.joined.load(Ordering::Relaxed) < all {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        let broken = [&self.failed, &self.old, &self.leaks];
        broken.iter().all(|broken| broken.count() == 0) && self.writes.load(Ordering::Relaxed) > 0
    }

    pub(super) fn row(&self, name: &str) -> String {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let pages = number(&self.pages).max(1);
        format!(
            "{name:<15}{:>11}{:>5} %{:>9}{:>7}{:>6}{:>8}{:>5}{:>14}{:>7}  {}",
            pages,
            number(&self.hits) * 100 / pages,
            number(&self.writes),
            number(&self.kills),
            number(&self.cut),
            self.failed.count(),
            self.old.count(),
            number(&self.pending),
            self.leaks.count(),
            if self.is_kept() { "kept" } else { "BROKEN" }
        )
    }

    /// The first broken promises.
    pub(super) fn details(&self) -> Vec<String> {
        let broken = [
            ("failed", &self.failed),
            ("old", &self.old),
            ("leak", &self.leaks),
        ];
        let lines = broken.iter().flat_map(|(kind, broken)| {
            let first = broken.first.lock().unwrap_or_else(PoisonError::into_inner);
            let lines = first.iter().map(|what| format!("{kind}: {what}"));
            lines.collect::<Vec<_>>()
        });
        lines.collect()
    }
}
