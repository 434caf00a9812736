//! What the cache has counted at one moment, with the names that Prometheus knows it by.
//!
//! Part of a scrape. No label is made of a key: their number would have no bound. A test compares the sums with `stats`.

use std::fmt;
use std::sync::Arc;

use giotto_cache::{Counts, DownstreamCounts, LayerCounts, LayerMeasure, ProgramCounts};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::families::{Families, Labels};
use crate::app::App;

/// Everything that a scrape tells.
#[derive(Debug)]
pub(super) struct Scrape {
    programs: Vec<ProgramCounts>,
    layers: Vec<LayerCounts>,
    holdings: Arc<Vec<LayerMeasure>>,
    /// The totals, of which only those are told that belong to no program and no layer.
    counts: Counts,
    in_flight: u64,
    pending: u64,
    downstream: Option<DownstreamCounts>,
    /// The lines that its access log has lost, if it has one.
    lost_lines: Option<u64>,
}

impl Scrape {
    /// What the cache of `app` has counted, and what its store `holds`.
    pub(super) fn new(app: &App, holdings: Arc<Vec<LayerMeasure>>) -> Self {
        let cache = app.shared_cache();
        Self {
            lost_lines: app.access.as_ref().map(|access| access.lost()),
            programs: cache.programs(),
            layers: cache.layers(),
            holdings,
            counts: cache.counts(),
            in_flight: cache.in_flight() as u64,
            pending: cache.pending_invalidations() as u64,
            downstream: cache.downstream_counts(),
        }
    }

    /// One value for each program.
    fn by_program(&self, of: fn(&Counts) -> u64) -> impl Iterator<Item = (Labels<'_>, u64)> {
        let programs = self.programs.iter();
        programs.map(move |program| (vec![("program", &*program.program)], of(&program.counts)))
    }

    /// One value for each program and what `of` tells apart, under the `label`.
    fn by_both<const N: usize>(
        &self,
        label: &'static str,
        of: fn(&Counts) -> [(&'static str, u64); N],
    ) -> impl Iterator<Item = (Labels<'_>, u64)> {
        self.programs.iter().flat_map(move |program| {
            let each = of(&program.counts).into_iter();
            each.map(move |(name, value)| {
                (vec![("program", &*program.program), (label, name)], value)
            })
        })
    }

    fn by_layer(&self, of: fn(&LayerCounts) -> u64) -> impl Iterator<Item = (Labels<'_>, u64)> {
        let layers = self.layers.iter();
        layers.map(move |layer| (vec![("layer", &*layer.name)], of(layer)))
    }

    /// What the layers say that they hold.
    fn held(
        &self,
        of: fn(&giotto_cache::Measure) -> Option<u64>,
    ) -> impl Iterator<Item = (Labels<'_>, u64)> {
        self.holdings.iter().filter_map(move |layer| {
            let figure = of(layer.measure.as_ref().ok()?)?;
            Some((vec![("layer", &*layer.name)], figure))
        })
    }

    fn encode_programs(&self, to: &mut Families<'_>) -> fmt::Result {
        to.counters(
            "giotto_cache_hits",
            "Lookups that the store answered: fresh, or with an old page, by kind.",
            self.by_both("kind", Counts::hits_by_kind),
        )?;
        to.counters(
            "giotto_cache_misses",
            "Lookups that found nothing to serve at once, by reason.",
            self.by_both("reason", Counts::misses_by_reason),
        )?;
        to.counters(
            "giotto_cache_stored",
            "Results that the store has accepted.",
            self.by_program(|counts| counts.stored),
        )?;
        to.counters(
            "giotto_cache_replaced",
            "Results that were stored in place of an older one of the same key.",
            self.by_program(|counts| counts.replaced),
        )?;
        to.counters(
            "giotto_cache_unchanged",
            "Results that were the same as the older one whose place they took.",
            self.by_program(|counts| counts.unchanged),
        )?;
        to.counters(
            "giotto_cache_not_stored",
            "Results that were computed and not stored, by reason.",
            self.by_both("reason", Counts::not_stored_by_reason),
        )?;
        to.counters(
            "giotto_cache_coalesced",
            "Lookups that waited for a computation that another lookup had started.",
            self.by_program(|counts| counts.collapsed),
        )?;
        to.counters(
            "giotto_cache_computations",
            "Computations that were started.",
            self.by_program(|counts| counts.computed),
        )?;
        to.counters(
            "giotto_cache_failures",
            "Computations that failed or panicked.",
            self.by_program(|counts| counts.failed),
        )?;
        to.counters(
            "giotto_cache_refusals",
            "Computations that answered with an error of the client, such as not found.",
            self.by_program(|counts| counts.refused),
        )?;
        to.counters(
            "giotto_cache_refreshes",
            "Computations that were started in the background.",
            self.by_program(|counts| counts.refreshes),
        )?;
        to.counters(
            "giotto_cache_lease_reads",
            "Reads of the store while waiting for a computation in another process.",
            self.by_program(|counts| counts.waited),
        )?;
        let programs = || self.programs.iter();
        to.histograms(
            "giotto_cache_model",
            "How long computations took: the model and its view.",
            programs().map(|one| (vec![("program", &*one.program)], &one.model)),
        )?;
        to.seconds(
            "giotto_cache_saved",
            "Time of computations that answers from the store have saved.",
            programs().map(|one| (vec![("program", &*one.program)], one.saved.as_secs_f64())),
        )
    }

    fn encode_layers(&self, to: &mut Families<'_>) -> fmt::Result {
        to.counters(
            "giotto_cache_layer_hits",
            "Reads of an entry that found one in this layer.",
            self.by_layer(|layer| layer.hits),
        )?;
        to.histograms(
            "giotto_cache_store",
            "How long calls to the store took. Calls to the memory of the process are not timed.",
            self.layers.iter().flat_map(|layer| {
                let made = layer.calls.iter().filter(|(_, times)| times.count() > 0);
                made.map(|(operation, times)| {
                    (
                        vec![("layer", &*layer.name), ("operation", *operation)],
                        times,
                    )
                })
            }),
        )?;
        to.counters(
            "giotto_cache_store_errors",
            "Calls to the store that failed or took longer than the deadline.",
            self.by_layer(|layer| layer.errors),
        )?;
        to.counters(
            "giotto_cache_store_skipped",
            "Calls to the store that an open circuit breaker skipped.",
            self.by_layer(|layer| layer.skipped),
        )?;
        to.gauges(
            "giotto_cache_breaker_open",
            "1 if the circuit breaker of the store is open: of all calls (reads), or of those that store (writes).",
            None,
            self.layers.iter().flat_map(|layer| {
                let both = [("reads", layer.reads_open), ("writes", layer.writes_open)];
                both.map(|(of, is_open)| {
                    (vec![("layer", &*layer.name), ("of", of)], u64::from(is_open))
                })
            }),
        )
    }

    fn encode_holdings(&self, to: &mut Families<'_>) -> fmt::Result {
        let bytes = Some(&Unit::Bytes);
        to.gauges(
            "giotto_cache_entries",
            "Values in the store: entries, and the small records beside them.",
            None,
            self.held(|held| held.entries),
        )?;
        to.gauges(
            "giotto_cache",
            "Bytes that the values take in the store.",
            bytes,
            self.held(|held| held.bytes),
        )?;
        to.gauges(
            "giotto_cache_max",
            "Bytes that the store takes at most, if it has a limit.",
            bytes,
            self.held(|held| held.max_bytes),
        )?;
        to.counters(
            "giotto_cache_evictions",
            "Values that the store has evicted before their time, since it started.",
            self.held(|held| held.evictions),
        )
    }

    fn encode_process(&self, to: &mut Families<'_>) -> fmt::Result {
        let one = |value| [(Labels::new(), value)];
        to.gauges(
            "giotto_cache_in_flight",
            "Computations under way.",
            None,
            one(self.in_flight),
        )?;
        to.counters(
            "giotto_cache_invalidations",
            "Invalidations of tags, programs and entries by this process.",
            one(self.counts.invalidations),
        )?;
        to.counters(
            "giotto_cache_deferred_invalidations",
            "Invalidations that the store did not accept at once.",
            one(self.counts.deferred),
        )?;
        to.gauges(
            "giotto_cache_pending_invalidations",
            "Invalidations that the store has not accepted yet, and that this process repeats.",
            None,
            one(self.pending),
        )?;
        if let Some(lines) = self.lost_lines {
            to.counters(
                "giotto_access_log_lost_lines",
                "Lines of the access log that could not be written, or not fast enough.",
                one(lines),
            )?;
        }
        let Some(purges) = self.downstream else {
            return Ok(());
        };
        let outcomes = [
            ("sent", purges.sent),
            ("failed", purges.failed),
            ("collapsed", purges.collapsed),
        ];
        to.counters(
            "giotto_cache_purges",
            "Invalidations for the caches downstream, by what became of them.",
            outcomes.map(|(outcome, value)| (vec![("outcome", outcome)], value)),
        )?;
        to.gauges(
            "giotto_cache_waiting_purges",
            "Invalidations for the caches downstream that are not sent yet.",
            None,
            one(purges.waiting),
        )
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        self.encode_programs(&mut families)?;
        self.encode_layers(&mut families)?;
        self.encode_holdings(&mut families)?;
        self.encode_process(&mut families)
    }
}
