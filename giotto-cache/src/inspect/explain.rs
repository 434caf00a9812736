//! What the cache knows of one entry, and what the next lookup would get.
//!
//! No step of a lookup: it reads as a lookup does, judges by the same rules, and computes nothing.

use std::time::Duration;

use bytes::Bytes;

use crate::clock::remaining;
use crate::engine::lease::lease_key;
use crate::engine::read::{self, Found};
use crate::engine::state::Engine;
use crate::engine::unstored;
use crate::entry::Entry;
use crate::entry::extension::Stamp;
use crate::entry::freshness::{Freshness, StandIn};
use crate::entry::inherited::Link;
use crate::error::ErrorKind;
use crate::guard::deadline::with_deadline;
use crate::inspect::json;
use crate::inspect::measure::layers_of;
use crate::invalidation::generation::Difference;
use crate::key::unescape;
use crate::keyvalue::Place;
use crate::keyvalue::names::names_of;
use crate::lookup::{Lookup, Mode};
use crate::metadata::Metadata;
use crate::reason::{NotStored, Reason, Status};

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
    /// The name of the layer that a lookup finds it in; `None` if it finds nothing, or the store has no layers.
    pub layer: Option<&'static str>,
    /// What a lookup finds.
    pub entry: Option<EntryState>,
    /// How the next lookup would be answered, or the kind of error that it would get.
    pub next: Result<Status, ErrorKind>,
    /// Why the result of the next lookup would not be stored, as far as that is known before it is computed.
    pub not_stored: Option<NotStored>,
    /// Whether a new result would be computed in the background.
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
    /// The name of the layer, as in [`LayerCounts`](crate::LayerCounts).
    pub name: String,
    /// The store.
    pub store: String,
    /// Where it keeps its values: the memory of this process is not that of another.
    #[serde(skip)]
    pub place: Place,
    /// `absent`, `an entry of 123 bytes, computed 1 s ago, expires in 59 s`, or why that is not known.
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
    /// How long it is still fresh; `None` = for ever.
    #[serde(rename = "fresh_for_ms", serialize_with = "json::milliseconds_left")]
    pub fresh_for: Option<Duration>,
    /// How long it may still be served while a new one is computed; `None` = for ever.
    #[serde(rename = "stale_for_ms", serialize_with = "json::milliseconds_left")]
    pub stale_for: Option<Duration>,
    /// How long it may still be served if the computation of a new one fails; `None` = for ever.
    #[serde(rename = "error_for_ms", serialize_with = "json::milliseconds_left")]
    pub error_for: Option<Duration>,
    /// How long the store still has it, for the computation of a new one to see; `None` = for ever.
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
    /// store has no record of it any more, or one that was made anew.
    #[serde(serialize_with = "json::tags")]
    pub tags: Vec<(String, &'static str)>,
    /// The programs of the results that it was made of, and what became of them since: `valid`, `invalidated` or `purged`.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "json::programs"
    )]
    pub programs: Vec<(String, &'static str)>,
    /// The results that it was made of, whose tags and lives it has inherited. Each is followed by those that it was made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<MadeOf>,
    /// How many results are not among them, because there are too many.
    #[serde(skip_serializing_if = "is_none")]
    pub made_of_others: u16,
    /// What belongs to the result besides its body.
    #[serde(
        skip_serializing_if = "Metadata::is_empty",
        serialize_with = "json::metadata"
    )]
    pub metadata: Metadata,
    /// Its entity tag.
    pub etag: String,
    /// The result itself.
    #[serde(rename = "bytes", serialize_with = "json::length")]
    pub body: Bytes,
}

/// A result that an entry was made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct MadeOf {
    /// 1 for a result that the computation itself has asked for, 2 for one that this was made of, and so on.
    pub depth: u8,
    /// The key of the result; a long one is cut.
    pub key: String,
    /// The tags of the entry that are its tags, or stand for them.
    pub tags: Vec<String>,
    /// Whether the entry would be fresh for longer without it.
    pub limits_life: bool,
}

fn is_none(count: &u16) -> bool {
    *count == 0
}

/// Explains what `lookup` would find and do.
pub(crate) async fn explain(engine: &Engine, lookup: &Lookup) -> Explanation {
    let key = &lookup.key;
    let found = read::find(engine, lookup).await;
    let is_leased = match engine.is_shared() {
        true => matches!(engine.store.get(&lease_key(key)).await, Ok(Some(_))),
        false => false,
    };
    let is_computed_now = is_leased || engine.flights.has(key.as_str());
    let not_stored = unstored::expected(engine, lookup, &found);
    let keeps_nothing = engine.keeps_nothing() || not_stored.is_some();
    let (next, refreshes) = predict(lookup, &found.freshness, is_computed_now, keeps_nothing);
    let is_fresh = found.freshness.reason().is_none();
    Explanation {
        key: key.to_string(),
        stored_key: engine.store.store().stored_key(key.as_str()),
        layers: layers(engine, lookup).await,
        layer: engine
            .layer_name(found.layer)
            .filter(|_| found.entry.is_some()),
        entry: EntryState::new(engine, &found),
        not_stored: not_stored.filter(|_| next == Ok(Status::NotStored)),
        next,
        refreshes,
        falls_back: found.entry.is_some() && found.freshness.stand_in() == StandIn::Always,
        reason: (!is_fresh).then(|| read::why_missed(engine, key, &found)),
        is_computed_now,
    }
}

async fn layers(engine: &Engine, lookup: &Lookup) -> Vec<LayerState> {
    let now_ms = engine.clock.now_ms();
    let mut layers = Vec::new();
    let stores = layers_of(engine.store.store());
    for (store, name) in stores.iter().zip(names_of(&stores)) {
        let answered = with_deadline(engine.store.deadline(), store.get(lookup.key.as_str())).await;
        let state = match answered {
            None => "no answer in time".to_owned(),
            Some(Err(error)) => error.to_string(),
            Some(Ok(None)) => "absent".to_owned(),
            Some(Ok(Some(raw))) => {
                let length = raw.len();
                match read::open(engine, lookup, raw, now_ms) {
                    Ok(entry) => format!("an entry of {length} bytes, {}", times(&entry, now_ms)),
                    Err(error) => format!("{length} bytes that are no entry of this key: {error}"),
                }
            }
        };
        layers.push(LayerState {
            name,
            store: format!("{store:?}"),
            place: store.place(),
            state,
        });
    }
    layers
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

/// How the next lookup is answered, if a computation of its own succeeds and its result can be stored; and whether a new
/// result is computed in the background.
fn predict(
    lookup: &Lookup,
    freshness: &Freshness,
    is_computed_now: bool,
    keeps_nothing: bool,
) -> (Result<Status, ErrorKind>, bool) {
    let computed = match keeps_nothing {
        true => Status::NotStored,
        false => Status::Stored,
    };
    match (lookup.mode, freshness.status()) {
        (Mode::Refresh, _) => (Ok(computed), false),
        (Mode::Bypass, _) => (Ok(Status::NotStored), false),
        (Mode::Only, Some(status)) => (Ok(status), false),
        (Mode::Only, None) => (Err(ErrorKind::NotCached), false),
        (Mode::Prefer, Some(status)) => (Ok(status), freshness.refreshes() && !is_computed_now),
        (Mode::Prefer, None) if is_computed_now => (Ok(Status::Collapsed), false),
        (Mode::Prefer, None) => (Ok(computed), false),
    }
}

impl EntryState {
    /// `None` if nothing was found, or an entry whose extension cannot be read.
    fn new(engine: &Engine, found: &Found) -> Option<Self> {
        let now_ms = engine.clock.now_ms();
        let entry = found.entry.as_ref()?;
        let extension = entry.extension()?;
        let clocks = entry.clocks();
        let left = |until| remaining(until, now_ms);
        let tags = extension.tags.iter().map(|stamp| {
            let record = found.generations.record(&stamp.tag);
            let since = record.and_then(|record| record.since(stamp.generation));
            (stamp.tag.clone(), since.map_or("lost", state))
        });
        let programs = extension.inherited.programs.iter();
        let programs = programs.map(|(program, stamped)| {
            let now = engine.generation(program);
            (unescape(program), state(stamped.difference(now)))
        });
        let links = extension.inherited.links.iter();
        Some(Self {
            age: Duration::from_millis(now_ms.saturating_sub(clocks.created)),
            fresh_for: left(clocks.fresh_until),
            stale_for: left(clocks.stale_until),
            error_for: left(clocks.error_until),
            keep_for: left(clocks.keep_until),
            throttled_for: Duration::from_millis(extension.retry_at.saturating_sub(now_ms)),
            cost: entry.cost(),
            is_negative: entry.is_negative(),
            version: extension.version,
            tags: tags.collect(),
            programs: programs.collect(),
            made_of: links.map(|link| made_of(link, &extension.tags)).collect(),
            made_of_others: extension.inherited.left_out,
            metadata: extension.metadata,
            etag: String::from_utf8_lossy(&entry.etag()).into_owned(),
            body: entry.body(),
        })
    }
}

const fn state(difference: Difference) -> &'static str {
    match difference {
        Difference::Same => "valid",
        Difference::Soft => "invalidated",
        Difference::Hard => "purged",
    }
}

fn made_of(link: &Link, stamps: &[Stamp]) -> MadeOf {
    let tags = link.tags_of(stamps);
    MadeOf {
        depth: link.depth,
        key: link.key.clone(),
        tags: tags.map(str::to_owned).collect(),
        limits_life: link.limits,
    }
}
