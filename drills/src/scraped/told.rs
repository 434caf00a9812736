//! What the clients are told of the cache, as the metrics would count it.
//!
//! Each answer's `Cache-Status` (RFC 9211) is read as anybody could read it: by the table of `docs/cache.md`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::Reply;
use crate::load::field;

/// A counter: the name of the metric, the program, and the kind or the reason if it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counter {
    pub(super) metric: String,
    pub(super) program: String,
    pub(super) label: String,
}

impl Counter {
    pub(super) fn new(metric: &str, program: &str, label: &str) -> Self {
        let [metric, program, label] = [metric, program, label].map(str::to_owned);
        Self {
            metric,
            program,
            label,
        }
    }
}

/// Counters and their values.
pub(super) type Counters = BTreeMap<Counter, u64>;

pub(super) const HITS: &str = "giotto_cache_hits_total";
pub(super) const MISSES: &str = "giotto_cache_misses_total";
pub(super) const STORED: &str = "giotto_cache_stored_total";
pub(super) const NOT_STORED: &str = "giotto_cache_not_stored_total";
pub(super) const COALESCED: &str = "giotto_cache_coalesced_total";

/// The reasons why a model is run that clients can be told, and as which the metrics count each. `bypass` and `refresh` are
/// not among them: only the command line asks so, and a command is a process of its own.
pub(super) const REASONS: [(&str, &str); 14] = [
    ("first-seen", "first_seen"),
    ("expired", "expired"),
    ("evicted", "evicted"),
    ("invalidated", "invalidated"),
    ("tag-lost", "tag_lost"),
    ("version", "version"),
    ("backend-error", "backend_failed"),
    ("backend-skipped", "backend_failed"),
    ("backend-timeout", "backend_late"),
    ("undecodable", "undecodable"),
    ("forged", "forged"),
    ("clock-skew", "clock_skew"),
    ("not-storable", "not_storable"),
    ("too-large", "not_storable"),
];

/// Why a result is not stored, in the same way; one without a word is one that nothing wanted to store.
pub(super) const OBSTACLES: [(&str, &str); 8] = [
    ("no-store", "no_store"),
    ("too-large", "too_large"),
    ("bad-tag", "bad_tag"),
    ("invalidated-meanwhile", "invalidated_meanwhile"),
    ("store-failed", "store_failed"),
    ("over-budget", "over_budget"),
    ("first-request", "first_request"),
    ("", "unwanted"),
];

/// The kinds of old pages.
pub(super) const STALE: [(&str, &str); 4] = [
    ("revalidating", "revalidating"),
    ("the model failed lately", "throttled"),
    ("the model failed", "failed"),
    ("the model is late", "late"),
];

/// The answers of a drill, counted.
#[derive(Default)]
pub(super) struct Told {
    counted: Mutex<Counters>,
    /// The reasons as the clients read them, which are finer than those of the metrics.
    reasons: Mutex<BTreeMap<String, u64>>,
}

impl Told {
    /// Counts what `reply` says of `program`; an error says what it does not understand.
    pub(super) fn note(&self, program: &str, reply: &Reply) -> Result<(), String> {
        let Some(status) = field(&reply.head, "cache-status") else {
            return Ok(());
        };
        let not_understood = || format!("{program}: {}", reply.head);
        let member = Member::read(status).ok_or_else(not_understood)?;
        // The cache was not asked.
        if member.is_bypass && member.details.is_empty() {
            return Ok(());
        }
        let mut counted = lock(&self.counted);
        let mut count = |metric: &str, label: &str| {
            *counted
                .entry(Counter::new(metric, program, label))
                .or_default() += 1;
        };
        let stale = STALE.into_iter().find(|(word, _)| member.says(word));
        match stale {
            Some((_, kind)) => count(HITS, kind),
            None if member.is_hit => count(HITS, "fresh"),
            None => {}
        }
        if member.is_hit {
            return Ok(());
        }
        let (word, reason) = member.reason().ok_or_else(not_understood)?;
        count(MISSES, reason);
        *lock(&self.reasons).entry(word.to_owned()).or_default() += 1;
        match () {
            () if stale.is_some() => {}
            () if member.is_stored => count(STORED, ""),
            () if member.is_collapsed => count(COALESCED, ""),
            // An error of the model has no result: the runs of the models have it.
            () if !reply.is_ok() => {}
            () => count(NOT_STORED, member.obstacle()),
        }
        Ok(())
    }

    pub(super) fn counters(&self) -> Counters {
        lock(&self.counted).clone()
    }

    /// How often each reason was told.
    pub(super) fn reasons(&self) -> BTreeMap<String, u64> {
        lock(&self.reasons).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The member of `Cache-Status` that Giotto writes.
struct Member<'s> {
    is_hit: bool,
    is_bypass: bool,
    is_stored: bool,
    is_collapsed: bool,
    /// The parts of `detail`.
    details: Vec<&'s str>,
}

impl<'s> Member<'s> {
    fn read(status: &'s str) -> Option<Self> {
        let status = status.strip_prefix("giotto; ")?;
        let (parameters, detail) = match status.split_once("; detail=") {
            Some((parameters, detail)) => (parameters, detail.trim_matches('"')),
            None => (status, ""),
        };
        let has = |name: &str| parameters.split("; ").any(|parameter| parameter == name);
        Some(Self {
            is_hit: has("hit"),
            is_bypass: has("fwd=bypass"),
            is_stored: has("stored"),
            is_collapsed: has("collapsed"),
            details: detail.split(", ").filter(|part| !part.is_empty()).collect(),
        })
    }

    fn says(&self, word: &str) -> bool {
        self.details.contains(&word)
    }

    /// Why the model was run, and as what the metrics count it.
    fn reason(&self) -> Option<(&'static str, &'static str)> {
        let word = self.details.first()?.split(' ').next()?;
        REASONS.into_iter().find(|(name, _)| *name == word)
    }

    /// Why the result is not stored, as the metrics count it.
    fn obstacle(&self) -> &'static str {
        let mut obstacles = OBSTACLES.into_iter();
        let obstacle = obstacles.find(|(word, _)| self.says(word));
        obstacle.map_or("unwanted", |(_, label)| label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(line: &str, status: &str) -> Vec<(String, String)> {
        let told = Told::default();
        let head = format!("HTTP/1.1 {line}\r\ncache-status: {status}");
        let body = String::new();
        told.note("p", &Reply { head, body })
            .expect("it is understood");
        let counters = told.counters().into_keys();
        counters
            .map(|Counter { metric, label, .. }| {
                let metric = metric
                    .trim_start_matches("giotto_cache_")
                    .trim_end_matches("_total");
                (metric.to_owned(), label)
            })
            .collect()
    }

    #[test]
    fn each_answer_is_counted_as_the_page_about_cache_status_has_it() {
        for (line, status, expected) in [
            ("200 OK", "giotto; hit; ttl=9", &[("hits", "fresh")][..]),
            (
                "200 OK",
                "giotto; hit; ttl=9; detail=redis",
                &[("hits", "fresh")],
            ),
            ("404 Not Found", "giotto; hit; ttl=9", &[("hits", "fresh")]),
            (
                "200 OK",
                "giotto; hit; ttl=-1; detail=\"expired, revalidating\"",
                &[("hits", "revalidating")],
            ),
            (
                "200 OK",
                "giotto; hit; ttl=-1; detail=\"expired, the model failed lately\"",
                &[("hits", "throttled")],
            ),
            (
                "200 OK",
                "giotto; fwd=stale; ttl=-1; detail=\"expired, the model failed\"",
                &[("hits", "failed"), ("misses", "expired")],
            ),
            (
                "200 OK",
                "giotto; fwd=stale; ttl=-1; detail=\"expired, the model is late\"",
                &[("hits", "late"), ("misses", "expired")],
            ),
            (
                "200 OK",
                "giotto; fwd=uri-miss; stored; detail=first-seen",
                &[("misses", "first_seen"), ("stored", "")],
            ),
            (
                "200 OK",
                "giotto; fwd=stale; collapsed; detail=\"invalidated tag a:1\"",
                &[("coalesced", ""), ("misses", "invalidated")],
            ),
            (
                "200 OK",
                "giotto; fwd=uri-miss; detail=\"not-storable, no-store\"",
                &[("misses", "not_storable"), ("not_stored", "no_store")],
            ),
            (
                "200 OK",
                "giotto; fwd=uri-miss; detail=too-large",
                &[("misses", "not_storable"), ("not_stored", "too_large")],
            ),
            (
                "200 OK",
                "giotto; fwd=uri-miss; detail=first-seen",
                &[("misses", "first_seen"), ("not_stored", "unwanted")],
            ),
            (
                "404 Not Found",
                "giotto; fwd=uri-miss; detail=first-seen",
                &[("misses", "first_seen")],
            ),
            (
                "404 Not Found",
                "giotto; fwd=uri-miss; stored; detail=first-seen",
                &[("misses", "first_seen"), ("stored", "")],
            ),
            ("200 OK", "giotto; fwd=bypass", &[]),
        ] {
            let is = counted(line, status);
            let is: Vec<_> = is
                .iter()
                .map(|(metric, label)| (&**metric, &**label))
                .collect();
            assert_eq!(is, expected, "{status}");
        }
    }
}
