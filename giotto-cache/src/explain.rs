//! What the cache knows of one entry, and what the next lookup would get.
//!
//! For people: it looks as a lookup does, judges by the same rules, and computes nothing.

use std::time::Duration;

use bytes::Bytes;

use crate::answer::{NotStored, Staleness, Status};
use crate::cache::{Cache, Inner};
use crate::entry::Entry;
use crate::generation::Difference;
use crate::in_time::in_time;
use crate::lease::lease_key;
use crate::look::Look;
use crate::lookup::{Lookup, Mode};
use crate::tags::may_be_tags;
use crate::verdict::{Fallback, Reason, Verdict};
use crate::{ErrorKind, Place};

/// What is known of one entry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The key, and the text under which the store has it.
    pub key: String,
    /// The key as the store writes it, with namespace and within its limits.
    pub stored_key: String,
    /// What each layer of the store has, the fastest first.
    pub layers: Vec<LayerState>,
    /// What a lookup finds.
    pub entry: Option<EntryState>,
    /// What the next lookup would be told, or the kind of the error that it would get.
    pub next: Result<Status, ErrorKind>,
    /// Why the result of the next lookup would not be stored, as far as that is known before it is computed.
    pub not_stored: Option<NotStored>,
    /// Whether a new result would be computed behind the scenes.
    pub refreshes: bool,
    /// Whether what is stored would be served if a computation that its caller waits for failed.
    pub falls_back: bool,
    /// Why what is stored is not a fresh hit; `None` if it is.
    pub reason: Option<Reason>,
    /// Whether this or another process computes the entry now.
    pub is_computed_now: bool,
}

/// What one layer of a store has.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct LayerState {
    /// The store.
    pub store: String,
    /// Where it keeps its values: the memory of this process is not that of another.
    #[serde(skip)]
    pub place: Place,
    /// `absent`, `an entry of 123 bytes, computed 1 s ago, expires in 59 s`, or why it cannot be told.
    pub state: String,
}

/// An entry and its clocks, seen from now. It serialises with all times in milliseconds, and the length of the result in
/// place of the result.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct EntryState {
    /// How long ago it was computed.
    #[serde(rename = "age_ms", serialize_with = "json::milliseconds")]
    pub age: Duration,
    /// How long it is still fresh, served stale, and kept; `None` = for ever.
    #[serde(rename = "fresh_for_ms", serialize_with = "json::milliseconds_left")]
    pub fresh_for: Option<Duration>,
    /// How long it may still be served while a new one is computed; `None` = for ever.
    #[serde(rename = "stale_for_ms", serialize_with = "json::milliseconds_left")]
    pub stale_for: Option<Duration>,
    /// How long it is still kept, for when the computation fails; `None` = for ever.
    #[serde(rename = "keep_for_ms", serialize_with = "json::milliseconds_left")]
    pub keep_for: Option<Duration>,
    /// How long no new attempt to compute is made because one failed.
    #[serde(rename = "throttled_for_ms", serialize_with = "json::milliseconds")]
    pub throttled_for: Duration,
    /// How long it took to compute.
    #[serde(rename = "cost_ms", serialize_with = "json::fraction")]
    pub cost: Duration,
    /// Whether it says "there is no such thing".
    pub is_negative: bool,
    /// The version of its program.
    pub version: u32,
    /// Its tags, and what became of them since it was computed: `valid`, `invalidated`, `purged`, or `lost` where the
    /// store has no record of it any more.
    #[serde(serialize_with = "json::tags")]
    pub tags: Vec<(String, &'static str)>,
    /// Its entity tag.
    pub etag: String,
    /// The result itself.
    #[serde(rename = "bytes", serialize_with = "json::length")]
    pub body: Bytes,
}

impl Cache {
    /// Explains what `lookup` would find and do. Nothing is computed, and nothing changes but that layers may be
    /// refilled as by any lookup.
    pub async fn explain(&self, lookup: &Lookup<'_>) -> Explanation {
        let (inner, key) = (&self.inner, &lookup.key);
        let look = inner.look(lookup).await;
        let is_leased = match inner.is_shared() {
            true => matches!(inner.backend.get(&lease_key(key)).await, Ok(Some(_))),
            false => false,
        };
        let is_fresh = look.is_fresh();
        let is_computed_now = is_leased || inner.flights.has(key.as_str());
        let not_stored = inner.known_obstacle(lookup, &look);
        let keeps_nothing = self.keeps_nothing() || not_stored.is_some();
        let (next, refreshes) = predict(lookup, &look.verdict, is_computed_now, keeps_nothing);
        let now_ms = inner.clock.now_ms();
        let entry = look.entry.as_ref().and_then(|entry| {
            let extension = entry.extension()?;
            let known = |tag: &str| {
                let (_, record) = look.marks.tags.iter().find(|(known, _)| known == tag)?;
                record.map(|record| record.generation)
            };
            let tags = extension.tags.iter().map(|stamp| {
                let difference = known(&stamp.tag).map(|now| stamp.generation.difference(now));
                let state = match difference {
                    Some(Difference::Same) => "valid",
                    Some(Difference::Soft) => "invalidated",
                    Some(Difference::Hard) => "purged",
                    None => "lost",
                };
                (stamp.tag.clone(), state)
            });
            Some(EntryState::new(
                entry,
                now_ms,
                extension.retry_at,
                extension.version,
                tags.collect(),
            ))
        });
        Explanation {
            key: key.to_string(),
            stored_key: self.store().stored_key(key.as_str()),
            layers: self.layers(lookup).await,
            entry,
            not_stored: not_stored.filter(|_| next == Ok(Status::NotStored)),
            next,
            refreshes,
            falls_back: look.entry.is_some() && look.fallback() == Fallback::Always,
            reason: (!is_fresh).then(|| inner.reason(key, &look)),
            is_computed_now,
        }
    }

    fn keeps_nothing(&self) -> bool {
        self.store().place() == Place::Nowhere
    }

    async fn layers(&self, lookup: &Lookup<'_>) -> Vec<LayerState> {
        let now_ms = self.inner.clock.now_ms();
        let mut layers = Vec::new();
        for store in self.stores() {
            let deadline = self.inner.backend.deadline();
            let answered = in_time(deadline, store.get(lookup.key.as_str())).await;
            let state = match answered {
                None => "no answer in time".to_owned(),
                Some(Err(error)) => error.to_string(),
                Some(Ok(None)) => "absent".to_owned(),
                Some(Ok(Some(raw))) => {
                    let length = raw.len();
                    match self.inner.open(lookup, raw, now_ms) {
                        Ok(entry) => {
                            format!("an entry of {length} bytes, {}", times(&entry, now_ms))
                        }
                        Err(error) => {
                            format!("{length} bytes that are no entry of this key: {error}")
                        }
                    }
                }
            };
            layers.push(LayerState {
                store: format!("{store:?}"),
                place: store.place(),
                state,
            });
        }
        layers
    }
}

impl Inner {
    /// What would keep the next result from being stored, as far as it is known.
    fn known_obstacle(&self, lookup: &Lookup<'_>, look: &Look) -> Option<NotStored> {
        match () {
            () if !may_be_tags(&lookup.tags) => Some(NotStored::BadTag),
            () if look.reason() == Reason::TooLarge => Some(NotStored::TooLarge),
            () if !look.is_answered || !self.backend.is_writable() => Some(NotStored::StoreFailed),
            () => None,
        }
    }
}

/// How old `entry` is, and whether its time has passed, whatever has been invalidated.
fn times(entry: &Entry, now_ms: u64) -> String {
    let age = now_ms.saturating_sub(entry.created_ms()) / 1_000;
    let end = match entry.fresh_for(now_ms) {
        None => "never expires".to_owned(),
        Some(left) if left.is_zero() => {
            format!("expired {} s ago", entry.stale_for(now_ms).as_secs())
        }
        Some(left) => format!("expires in {} s", left.as_secs()),
    };
    format!("computed {age} s ago, {end}")
}

/// What a lookup does under `verdict`, given that a computation of its own would succeed and its result be storable;
/// and whether it refreshes behind the scenes.
fn predict(
    lookup: &Lookup<'_>,
    verdict: &Verdict,
    is_computed_now: bool,
    keeps_nothing: bool,
) -> (Result<Status, ErrorKind>, bool) {
    let computes = match (is_computed_now, keeps_nothing) {
        (true, _) => Status::Collapsed,
        (false, true) => Status::NotStored,
        (false, false) => Status::Stored,
    };
    let refreshes = lookup.mode != Mode::Only && !is_computed_now;
    match (lookup.mode, verdict) {
        (Mode::Refresh, _) => (
            Ok(if keeps_nothing {
                Status::NotStored
            } else {
                Status::Stored
            }),
            false,
        ),
        (Mode::Bypass, _) => (Ok(Status::NotStored), false),
        (_, Verdict::Fresh) => (Ok(Status::Hit), false),
        (_, Verdict::Early) => (Ok(Status::Hit), refreshes),
        (_, Verdict::Stale { .. }) => (Ok(Status::Stale(Staleness::Revalidating)), refreshes),
        (_, Verdict::Throttled { .. }) => (Ok(Status::Stale(Staleness::Throttled)), false),
        (Mode::Only, _) => (Err(ErrorKind::NotCached), false),
        (_, Verdict::Due { .. }) => (Ok(computes), false),
    }
}

impl EntryState {
    fn new(
        entry: &Entry,
        now_ms: u64,
        retry_at: u64,
        version: u32,
        tags: Vec<(String, &'static str)>,
    ) -> Self {
        let clocks = entry.clocks();
        let left = |until| crate::entry::remaining(until, now_ms);
        Self {
            age: Duration::from_millis(now_ms.saturating_sub(clocks.created)),
            fresh_for: left(clocks.fresh_until),
            stale_for: left(clocks.stale_until),
            keep_for: left(clocks.keep_until),
            throttled_for: Duration::from_millis(retry_at.saturating_sub(now_ms)),
            cost: entry.cost(),
            is_negative: entry.is_negative(),
            version,
            tags,
            etag: String::from_utf8_lossy(&entry.etag()).into_owned(),
            body: entry.body(),
        }
    }
}

/// How an [`EntryState`] serialises.
mod json {
    use std::time::Duration;

    use bytes::Bytes;
    use serde::{Serialize, Serializer};

    pub(super) fn milliseconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        time.as_millis().serialize(to)
    }

    pub(super) fn milliseconds_left<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_millis()).serialize(to)
    }

    pub(super) fn fraction<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        (time.as_secs_f64() * 1_000.0).serialize(to)
    }

    pub(super) fn length<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        body.len().serialize(to)
    }

    /// `[{"tag": "user:7", "state": "valid"}]`
    pub(super) fn tags<S: Serializer>(
        tags: &[(String, &'static str)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tag<'t> {
            tag: &'t str,
            state: &'t str,
        }
        to.collect_seq(tags.iter().map(|(tag, state)| Tag { tag, state }))
    }
}
