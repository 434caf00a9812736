//! `cache/stats`: what the store holds, and what the cache of the answering process counted.
//!
//! Runs no model.

use std::fmt;

use giotto_cache::{Counts, DownstreamCounts, LayerMeasure};
use serde::Serialize;

use super::holdings;
use crate::management::model::{Nothing, shown};
use crate::management::operator::Operator;
use crate::management::text::columns;
use crate::program::Program;
use crate::request::CMD;

pub(in crate::management) fn program() -> Program {
    Program::new(stats)
        .description(
            "Shows what the store holds, and what the cache of the answering process has counted since it started\n\n\
             The figures are those that the store has at hand, mostly of the whole server or table: see `figures of`.",
        )
        .view(shown())
}

#[derive(Serialize)]
struct Report {
    /// The fastest first.
    layers: Vec<LayerMeasure>,
    process: u32,
    counts: Counts,
    in_flight: usize,
    /// Invalidations that the store has not accepted yet.
    pending: usize,
    /// Invalidations that are sent to caches downstream, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    purges: Option<DownstreamCounts>,
    note: Option<&'static str>,
}

async fn stats(_: Nothing, operator: Operator) -> Report {
    let cache = operator.app.shared_cache();
    Report {
        layers: cache.measure().await,
        process: std::process::id(),
        counts: cache.counts(),
        in_flight: cache.in_flight(),
        pending: cache.pending_invalidations(),
        purges: cache.downstream_counts(),
        note: (operator.controller == CMD).then_some(
            "these are the counters of this command, which has just started; list this program over HTTP to see a \
             server's",
        ),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.by_name().into_iter();
        let counts = counts.map(|(name, count)| (name, count.to_string()));
        let layers = self.layers.iter().flat_map(holdings::lines);
        let head = layers.chain([("process", self.process.to_string())]);
        let tail = [
            ("in_flight", self.in_flight.to_string()),
            ("pending", self.pending.to_string()),
        ];
        let purges = self.purges.into_iter().flat_map(|purges| {
            [
                ("purges_sent", purges.sent.to_string()),
                ("purges_failed", purges.failed.to_string()),
                ("purges_collapsed", purges.collapsed.to_string()),
                ("purges_waiting", purges.waiting.to_string()),
            ]
        });
        let note = self.note.map(|note| ("note", note.to_owned()));
        let tail = tail.into_iter().chain(purges).chain(note);
        f.write_str(&columns(head.chain(counts).chain(tail)))
    }
}
