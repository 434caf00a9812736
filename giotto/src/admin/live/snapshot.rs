//! What the live page shows of one moment, as it is sent to all that watch it.
//!
//! Beside every request: read from the counters of the cache once a second, and only while a page is open.

use std::process;
use std::time::Duration;

use giotto_cache::{Counts, LayerCounts, PastInvalidation, Place, ProgramCounts};
use serde::Serialize;

use super::figures::{Bounds, Layer, Program, Tally, milliseconds};
use super::measured::{Measured, PageFigures};
use crate::app::App;

/// The most programs that are shown; the page says how many more there are.
const MOST_PROGRAMS: usize = 50;
/// The most invalidations that are shown.
const MOST_PURGES: usize = 20;

#[derive(Serialize)]
pub(super) struct Snapshot<'s> {
    /// In milliseconds since 1970.
    at: u64,
    server: Server<'s>,
    /// How many pages watch this process.
    watching: usize,
    /// Whether other processes use the store.
    shared: bool,
    keeps_nothing: bool,
    total: Tally,
    minute: Tally,
    in_flight: usize,
    /// Invalidations that the store has not accepted.
    pending: usize,
    saved_ms: f64,
    /// The upper bounds of the buckets of all histograms.
    bounds_ms: Bounds,
    programs: Vec<Program>,
    programs_left_out: usize,
    layers: Vec<Layer<'s>>,
    pages: &'s [PageFigures],
    pages_note: &'s str,
    purges: Vec<Purge>,
}

/// The process.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Server<'s> {
    pub(super) name: &'s str,
    pub(super) process: u32,
    pub(super) version: &'static str,
    /// Differs for each start of a server: the figures begin anew.
    pub(super) instance: &'s str,
    pub(super) up_ms: u64,
}

#[derive(Serialize)]
struct Purge {
    number: u64,
    at: u64,
    what: String,
    hard: bool,
    by: String,
}

impl<'s> Snapshot<'s> {
    pub(super) fn of(
        app: &App,
        server: Server<'s>,
        counted: &'s Counted,
        measured: &'s Measured,
        watching: usize,
        at: u64,
    ) -> Self {
        let cache = app.shared_cache();
        let place = cache.store().place();
        let Counted { programs, layers } = counted;
        let total: Counts = programs.iter().map(|program| program.counts).sum();
        let minute: Counts = programs.iter().map(|program| program.last_minute).sum();
        let saved: Duration = programs.iter().map(|program| program.saved).sum();
        let shown = busiest(programs);
        Self {
            at,
            server,
            watching,
            shared: matches!(place, Place::Shared | Place::Layered),
            keeps_nothing: place == Place::Nowhere,
            total: Tally::of(&total),
            minute: Tally::of(&minute),
            in_flight: cache.in_flight(),
            pending: cache.pending_invalidations(),
            saved_ms: milliseconds(saved),
            bounds_ms: Bounds::of(programs, layers),
            programs_left_out: programs.len() - shown.len(),
            programs: shown.into_iter().map(Program::of).collect(),
            layers: layers
                .iter()
                .map(|layer| Layer::of(layer, measured.layer(&layer.name)))
                .collect(),
            pages: measured.pages(),
            pages_note: measured.note(),
            purges: cache
                .past_invalidations()
                .into_iter()
                .take(MOST_PURGES)
                .map(Purge::of)
                .collect(),
        }
    }
}

/// The counters of the cache, which a snapshot is made of.
pub(super) struct Counted {
    programs: Vec<ProgramCounts>,
    layers: Vec<LayerCounts>,
}

impl Counted {
    pub(super) fn of(app: &App) -> Self {
        let cache = app.shared_cache();
        Self {
            programs: cache.programs(),
            layers: cache.layers(),
        }
    }
}

/// The programs with the most lookups of the last minute, or since the start.
fn busiest(programs: &[ProgramCounts]) -> Vec<&ProgramCounts> {
    let lookups = |counts: &Counts| counts.hits + counts.stale + counts.misses;
    let mut programs: Vec<_> = programs.iter().collect();
    let business =
        |program: &&ProgramCounts| (lookups(&program.last_minute), lookups(&program.counts));
    programs.sort_by_key(|program| std::cmp::Reverse(business(program)));
    programs.truncate(MOST_PROGRAMS);
    programs
}

impl Purge {
    fn of(past: PastInvalidation) -> Self {
        Self {
            number: past.number,
            at: past.at_ms,
            what: past.what.to_string(),
            hard: past.is_hard,
            by: past
                .by
                .map_or_else(|| "this application".to_owned(), |by| by.to_string()),
        }
    }
}

/// The process that serves the page `instance`.
pub(super) fn server<'s>(name: &'s str, instance: &'s str, up: Duration) -> Server<'s> {
    Server {
        name,
        process: process::id(),
        version: env!("CARGO_PKG_VERSION"),
        instance,
        up_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
    }
}
