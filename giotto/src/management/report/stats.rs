//! `cache/stats`: what the store holds, and what the cache of the answering process counted.
//!
//! Runs no model.

use std::fmt;

use giotto_cache::{Counts, LayerMeasure};
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
            Some(("in_flight", self.in_flight.to_string())),
            Some(("pending", self.pending.to_string())),
            self.note.map(|note| ("note", note.to_owned())),
        ];
        let tail = tail.into_iter().flatten();
        f.write_str(&columns(head.chain(counts).chain(tail)))
    }
}
