//! Checks of a store: what it does when it is full, its clock, and what it lets this process do.
//!
//! Part of `cache/doctor`. Each layer is checked by itself.

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Cache, Evicts, KeyValue, Measure};
use tokio::time::timeout;

use super::finding::{Finding, listed};
use crate::management::text::time;

/// An operator waits longer for a store than a request does.
const PATIENCE: Duration = Duration::from_secs(2);
/// Clocks that differ by less do no harm. Memcached tells whole seconds.
const APART_MS: u64 = 2_000;
/// The end of the name makes it a record: no page has such a key.
const PROBE: &str = "{doctor:";
const PROBE_LIFE: Duration = Duration::from_secs(60);

/// What a store was found to be like.
pub(super) struct Examined {
    pub(super) name: String,
    /// What was checked, or could not be.
    pub(super) checked: String,
    pub(super) findings: Vec<Finding>,
    /// Whether the store told its figures.
    is_measured: bool,
    /// Whether it has hardly any room left.
    is_full: bool,
}

/// Checks what `store`, a layer of `cache`, says of itself. The pages of the programs at `unlimited` stay there for ever.
pub(super) async fn examine(cache: &Cache, store: &dyn KeyValue, unlimited: &[&str]) -> Examined {
    let name = store.name().to_owned();
    let before_ms = cache.now_ms();
    let measure = timeout(PATIENCE, store.measure()).await;
    let after_ms = cache.now_ms();
    let (checked, findings) = match &measure {
        Ok(Ok(measure)) => {
            let findings = [
                full(&name, measure, unlimited),
                clock(&name, measure.clock_ms, before_ms, after_ms),
            ];
            let checks = [
                ("eviction", measure.evicts.is_some()),
                ("clock", measure.clock_ms.is_some()),
            ];
            let told = checks.iter().filter(|(_, is_told)| *is_told);
            let told: Vec<_> = told.map(|(check, _)| *check).collect();
            let found = findings.into_iter().flatten().collect();
            (told.join(", "), found)
        }
        Ok(Err(error)) => (format!("it does not tell its figures: {error}"), Vec::new()),
        Err(_) => (
            format!("it does not tell its figures within {PATIENCE:?}"),
            Vec::new(),
        ),
    };
    Examined {
        is_measured: matches!(measure, Ok(Ok(_))),
        is_full: matches!(&measure, Ok(Ok(measure)) if is_full(measure)),
        name,
        checked,
        findings,
    }
}

impl Examined {
    /// The same after `store` was asked to write, to read and to delete.
    pub(super) async fn with_rights(mut self, store: &dyn KeyValue) -> Self {
        let probed = Probe::new(store).run().await;
        let first = probed.iter().find_map(|(_, result)| result.as_ref().err());
        match first {
            None => self.checked = join(&self.checked, "rights"),
            Some(error) if probed.iter().all(|(_, result)| result.is_err()) => {
                self.findings.push(unusable(&self.name, error));
            }
            // A user who may read and delete lacks no right: there is no room.
            Some(error) if self.is_full && Probe::needs_room(&probed) => {
                self.findings.push(without_room(&self.name, error));
            }
            Some(_) => {
                let refused = probed.iter().filter_map(|(what, result)| {
                    let error = result.as_ref().err()?;
                    Some(missing(&self.name, what, error))
                });
                self.findings.extend(refused);
            }
        }
        self
    }

    /// The same as [`with_rights`](Self::with_rights), for a store that has answered so far.
    pub(super) async fn with_rights_if_measured(self, store: &dyn KeyValue) -> Self {
        match self.is_measured {
            true => self.with_rights(store).await,
            false => self,
        }
    }
}

fn join(checked: &str, more: &str) -> String {
    match checked {
        "" => more.to_owned(),
        checked => format!("{checked}, {more}"),
    }
}

/// What becomes of the store when there is no more room.
fn full(name: &str, measure: &Measure, unlimited: &[&str]) -> Option<Finding> {
    let programs = listed(unlimited);
    let has_limit = measure.max_bytes.is_some() || measure.max_entries.is_some();
    match measure.evicts? {
        _ if !has_limit && !unlimited.is_empty() => Some(Finding::new(
            "never-expires",
            format!("{name} has no limit of memory, and pages never expire: {programs}"),
            "the store grows with every new argument, until its machine has no memory left",
            "give the store a limit (for Redis maxmemory, with maxmemory-policy allkeys-lru), or the programs a time or \
             .max_entries(..)",
        )),
        Evicts::Nothing if has_limit => Some(Finding::new(
            "noeviction",
            format!("{name} evicts nothing when it is full (maxmemory-policy noeviction)"),
            "once it is full, no new page is stored until old ones expire, and models run for every request",
            "set maxmemory-policy allkeys-lru, or allkeys-lfu, if the store is for this cache alone",
        )),
        Evicts::Expiring if has_limit && !unlimited.is_empty() => Some(Finding::new(
            "volatile",
            format!(
                "{name} evicts only what expires (maxmemory-policy volatile-..), and pages never expire: {programs}"
            ),
            "these pages push out all others, and once they fill the store, no new page is stored",
            "set maxmemory-policy allkeys-lru, or give the programs a time or .max_entries(..)",
        )),
        _ => None,
    }
}

/// Whether it has so little room left that it refuses values. A store counts some of its memory apart from the limit.
fn is_full(measure: &Measure) -> bool {
    let is_at = |held: Option<u64>, most: Option<u64>| {
        let at = held.zip(most);
        at.is_some_and(|(held, most)| held >= most - most / 20)
    };
    is_at(measure.bytes, measure.max_bytes) || is_at(measure.entries, measure.max_entries)
}

/// How far the clock of a store, read between two moments of the cache's clock, is from it.
fn clock(name: &str, clock_ms: Option<u64>, before_ms: u64, after_ms: u64) -> Option<Finding> {
    let clock_ms = clock_ms?;
    let (apart_ms, how) = match clock_ms < before_ms {
        true => (before_ms - clock_ms, "behind"),
        false => (clock_ms.saturating_sub(after_ms), "ahead of"),
    };
    (apart_ms >= APART_MS).then(|| {
        let apart = time(Duration::from_millis(apart_ms));
        Finding::new(
            "clock",
            format!("the clock of {name} is {apart} {how} that of this process"),
            "pages from a machine whose clock is ahead are not used (clock-skew), and pages live longer or shorter than they \
             should",
            "synchronise the clocks of all machines, for example with chrony, and restart the processes that were started \
             before",
        )
    })
}

fn unusable(name: &str, error: &str) -> Finding {
    Finding::new(
        "unusable",
        format!("{name} cannot be used: {error}"),
        "models run for every request, and invalidations wait",
        "start the store, correct its address in the configuration, or give this process the right to use it",
    )
}

fn without_room(name: &str, error: &str) -> Finding {
    Finding::new(
        "full",
        format!("{name} is full, and refuses what needs room: {error}"),
        "new pages are not stored, and models run for every request",
        "give it more memory, let it evict (for Redis maxmemory-policy allkeys-lru), or free room with mgt/cache/purge \
         --reclaim",
    )
}

fn missing(name: &str, what: &str, error: &str) -> Finding {
    Finding::new(
        "rights",
        format!("{name} does not let this process {what}: {error}"),
        "pages are not stored, or invalidations of them fail",
        "give the user of the store the rights that it needs (docs/backends.md names them), and a file to the user of this \
         process; then run mgt/cache/doctor again",
    )
}

/// A value that is written, read and deleted again.
struct Probe<'s> {
    store: &'s dyn KeyValue,
    key: String,
}

/// What was tried, and what is wrong with it.
type Tried = Vec<(&'static str, Result<(), String>)>;

impl<'s> Probe<'s> {
    fn new(store: &'s dyn KeyValue) -> Self {
        let key = format!("{PROBE}{}}}", std::process::id());
        Self { store, key }
    }

    /// Whether all that was refused needs room, and nothing else was.
    fn needs_room(tried: &Tried) -> bool {
        let frees = ["read a page", "delete a page"];
        tried
            .iter()
            .all(|(what, result)| result.is_ok() || !frees.contains(what))
    }

    /// Does what the cache does. It goes on after an error: a user may have some rights and not others.
    async fn run(&self) -> Tried {
        let (store, key) = (self.store, &*self.key);
        let [first, second] = [&b"first"[..], b"second"].map(Bytes::from_static);
        let life = Some(PROBE_LIFE);
        vec![
            ("read a page", tried(store.get(key)).await),
            (
                "store a page",
                tried(store.set(key, first.clone(), life)).await,
            ),
            (
                "take a lease",
                tried(store.add(key, second.clone(), life)).await,
            ),
            (
                "replace a record",
                tried(store.replace(key, &first, Some(second), life)).await,
            ),
            ("delete a page", tried(store.delete(key)).await),
        ]
    }
}

async fn tried<T>(call: impl Future<Output = giotto_cache::Result<T>>) -> Result<(), String> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no reply within {PATIENCE:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_apart_only_if_it_was_so_at_any_moment_of_the_call() {
        let apart = |clock_ms| {
            let finding = clock("redis", Some(clock_ms), 100_000, 103_000)?;
            Some(finding.found)
        };
        for near in [98_001, 100_000, 101_000, 103_000, 104_999] {
            assert_eq!(apart(near), None, "{near}");
        }
        let found = |how| Some(format!("the clock of redis is {how} that of this process"));
        assert_eq!(apart(98_000), found("2 s behind"));
        assert_eq!(apart(163_000), found("1 min ahead of"));
        assert!(clock("redis", None, 0, 0).is_none());
    }
}
