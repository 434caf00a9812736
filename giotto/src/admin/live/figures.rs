//! Figures of the live page: what was counted of a program and of a layer.
//!
//! Part of a snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use giotto_cache::{Counts, LayerCounts, LayerMeasure, ProgramCounts, Times};
use serde::Serialize;

/// What was counted; a kind and a reason stands there only if it was counted.
#[derive(Serialize)]
pub(super) struct Tally {
    fresh: u64,
    stale: BTreeMap<&'static str, u64>,
    misses: BTreeMap<&'static str, u64>,
    not_stored: BTreeMap<&'static str, u64>,
    stored: u64,
    computed: u64,
    failed: u64,
    refreshes: u64,
    coalesced: u64,
}

#[derive(Serialize)]
pub(super) struct Bounds {
    model: Vec<f64>,
    store: Vec<f64>,
}

#[derive(Serialize)]
pub(super) struct Program {
    name: String,
    /// Whether it stands for all programs that are not told apart.
    others: bool,
    total: Tally,
    minute: Tally,
    model: Buckets,
    saved_ms: f64,
}

#[derive(Serialize)]
pub(super) struct Buckets {
    count: u64,
    ms: f64,
    buckets: Vec<u64>,
}

#[derive(Serialize)]
pub(super) struct Layer<'s> {
    name: &'s str,
    hits: u64,
    get: Option<Buckets>,
    set: Option<Buckets>,
    errors: u64,
    skipped: u64,
    reads_open: bool,
    writes_open: bool,
    entries: Option<u64>,
    max_entries: Option<u64>,
    bytes: Option<u64>,
    max_bytes: Option<u64>,
    evictions: Option<u64>,
    /// Why it does not say what it holds.
    error: Option<String>,
}

impl Tally {
    pub(super) fn of(counts: &Counts) -> Self {
        let counted = |all: &[(&'static str, u64)]| {
            let all = all.iter().copied();
            all.filter(|(_, count)| *count > 0)
                .collect::<BTreeMap<_, _>>()
        };
        let [fresh, stale @ ..] = counts.hits_by_kind();
        Self {
            fresh: fresh.1,
            stale: counted(&stale),
            misses: counted(&counts.misses_by_reason()),
            not_stored: counted(&counts.not_stored_by_reason()),
            stored: counts.stored,
            computed: counts.computed,
            failed: counts.failed,
            refreshes: counts.refreshes,
            coalesced: counts.collapsed,
        }
    }
}

impl Bounds {
    pub(super) fn of(programs: &[ProgramCounts], layers: &[LayerCounts]) -> Self {
        let ms = |times: Option<&Times>| {
            let bounds = times.map_or(&[][..], |times| times.bounds);
            bounds.iter().map(|seconds| seconds * 1_000.0).collect()
        };
        let calls = layers.first().and_then(|layer| layer.calls.first());
        Self {
            model: ms(programs.first().map(|program| &program.model)),
            store: ms(calls.map(|(_, times)| times)),
        }
    }
}

impl Program {
    pub(super) fn of(program: &ProgramCounts) -> Self {
        Self {
            others: program.program == "(other)",
            name: program.program.clone(),
            total: Tally::of(&program.counts),
            minute: Tally::of(&program.last_minute),
            model: Buckets::of(&program.model),
            saved_ms: milliseconds(program.saved),
        }
    }
}

impl Buckets {
    pub(super) fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            ms: milliseconds(times.sum),
            buckets: times.counts.clone(),
        }
    }
}

impl<'s> Layer<'s> {
    pub(super) fn of(layer: &'s LayerCounts, measured: Option<&LayerMeasure>) -> Self {
        let calls = |name| {
            let call = layer.calls.iter().find(|(operation, _)| *operation == name);
            call.map(|(_, times)| Buckets::of(times))
        };
        let (measure, error) = match measured.map(|layer| &layer.measure) {
            None => (None, None),
            Some(Ok(measure)) => (Some(measure), None),
            Some(Err(error)) => (None, Some(error.to_string())),
        };
        Self {
            name: &layer.name,
            hits: layer.hits,
            get: calls("get"),
            set: calls("set"),
            errors: layer.errors,
            skipped: layer.skipped,
            reads_open: layer.reads_open,
            writes_open: layer.writes_open,
            entries: measure.and_then(|measure| measure.entries),
            max_entries: measure.and_then(|measure| measure.max_entries),
            bytes: measure.and_then(|measure| measure.bytes),
            max_bytes: measure.and_then(|measure| measure.max_bytes),
            evictions: measure.and_then(|measure| measure.evictions),
            error,
        }
    }
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
