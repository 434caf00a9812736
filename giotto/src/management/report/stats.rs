//! `cache/stats`: what the store holds, and what the caches in front of it have counted.
//!
//! Runs no model. Over HTTP, it is about the process that answers. A command has counted nothing: it adds up what the servers
//! say that run on its machine.

use std::fmt;

use giotto_cache::{LayerMeasure, Measure, Place};
use serde::Serialize;

use super::holdings;
use crate::error::Result;
use crate::management::model::{Nothing, shown};
use crate::management::operator::Operator;
use crate::management::process::figures::{Counters, Figures, Wanted, add, count, layers_of};
use crate::management::servers::Asked;
use crate::management::text::{columns, grouped, size, table};
use crate::program::Program;
use crate::socket::{PATIENCE, Silent};

pub(in crate::management) fn program() -> Program {
    Program::new(stats)
        .description(
            "Shows what the store holds, and what the caches of the servers have counted since they started\n\n\
             A command asks the servers of this application that run on this machine, adds up their counters, and shows the \
             most important ones of each. The figures of a store are those that it has at hand, mostly of the whole server or \
             table: see `figures of`.",
        )
        .view(shown())
}

#[derive(Serialize)]
struct Report {
    /// The fastest first.
    layers: Vec<LayerMeasure>,
    /// The processes that have counted, and what each of them has.
    processes: Vec<Process>,
    /// What they have counted, added up.
    #[serde(skip_serializing_if = "Counters::is_empty")]
    counts: Counters,
    in_flight: u64,
    /// Invalidations that the store has not accepted yet.
    pending: u64,
    /// Invalidations that are sent to caches downstream, if there are any.
    #[serde(skip_serializing_if = "Counters::is_empty")]
    purges: Counters,
    /// The servers that did not answer.
    silent: Vec<Silent>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Process {
    process: u32,
    #[serde(flatten)]
    counts: Counters,
    /// What it has in memory.
    entries: u64,
    bytes: u64,
}

async fn stats(_: Nothing, operator: Operator) -> Result<Report> {
    let cache = operator.app.shared_cache();
    if !operator.is_command() {
        let own = Figures::of(cache, &Wanted::NOTHING).await?;
        return Ok(Report::of(cache.measure().await, vec![own], Vec::new()));
    }
    let asked: Asked<Figures> = operator
        .ask("process/figures", &Wanted::NOTHING, PATIENCE)
        .await?;
    let silent = asked.told().silent;
    if asked.answers.is_empty() && silent.is_empty() && operator.has_own_memory() {
        return Err(operator.no_server("show"));
    }
    let mut figures: Vec<_> = asked
        .answers
        .into_iter()
        .map(|(_, answer)| answer)
        .collect();
    // As the file of its socket says: in a container of its own, it counts otherwise.
    figures.sort_by_key(|figures| figures.process);
    let layers = layers(&operator, &figures).await;
    let mut report = Report::of(layers, figures, silent);
    if report.processes.is_empty() {
        report.note = Some(format!(
            "there are no counters: {}",
            match report.silent.is_empty() {
                true => operator.where_servers_are(),
                false => "no server answered".to_owned(),
            }
        ));
    }
    Ok(report)
}

/// What the layers hold: the ones in memory as the servers say, and the others as they say themselves.
async fn layers(operator: &Operator, figures: &[Figures]) -> Vec<LayerMeasure> {
    let cache = operator.app.shared_cache();
    let places = layers_of(cache).into_iter().map(|layer| layer.place());
    let layers = cache.measure().await.into_iter().zip(places).enumerate();
    let layers = layers.filter_map(|(number, (layer, place))| match place {
        Place::InProcess => in_memory(number, layer, figures),
        _ => Some(layer),
    });
    layers.collect()
}

/// The memory of all servers in place of the memory of this command, which is `layer`.
fn in_memory(number: usize, mut layer: LayerMeasure, figures: &[Figures]) -> Option<LayerMeasure> {
    let memories: Vec<_> = figures
        .iter()
        .filter_map(|one| one.memory.get(&number))
        .collect();
    let sum = |of: fn(&_) -> u64| memories.iter().map(of).sum::<u64>();
    let mut measure = Measure::new(match memories.len() {
        0 => return None,
        1 => "the memory of 1 process".to_owned(),
        number => format!("the memory of {number} processes"),
    });
    measure.entries = Some(sum(|memory| memory.entries));
    measure.bytes = Some(sum(|memory| memory.bytes));
    measure.max_bytes = Some(sum(|memory| memory.max_bytes));
    measure.evictions = memories.iter().map(|memory| memory.evictions).sum();
    "LocMemKeyValue".clone_into(&mut layer.store);
    layer.measure = Ok(measure);
    Some(layer)
}

impl Report {
    fn of(layers: Vec<LayerMeasure>, figures: Vec<Figures>, silent: Vec<Silent>) -> Self {
        let (mut counts, mut purges) = (Counters::new(), Counters::new());
        for one in &figures {
            add(&mut counts, &one.counts);
            one.purges.iter().for_each(|own| add(&mut purges, own));
        }
        Self {
            layers,
            in_flight: figures.iter().map(|one| one.in_flight).sum(),
            pending: figures.iter().map(|one| one.pending).sum(),
            processes: figures.into_iter().map(Process::new).collect(),
            counts,
            purges,
            silent,
            note: None,
        }
    }

    /// What each process has, if there are several.
    fn table(&self) -> String {
        const COUNTED: [&str; 6] = ["hits", "stale", "misses", "computed", "stored", "failed"];
        let row = |process: String, [a, b, c, d, e, f]: [String; 6], entries, bytes| {
            [process, a, b, c, d, e, f, entries, bytes]
        };
        let head = row(
            "process".to_owned(),
            COUNTED.map(str::to_owned),
            "entries".to_owned(),
            "bytes".to_owned(),
        );
        let rows = self.processes.iter().map(|one| {
            let counts = COUNTED.map(|name| grouped(count(&one.counts, name)));
            let process = one.process.to_string();
            row(process, counts, grouped(one.entries), size(one.bytes))
        });
        table(std::iter::once(head).chain(rows))
    }
}

impl Process {
    fn new(figures: Figures) -> Self {
        let of_all = |of: fn(&_) -> u64| figures.memory.values().map(of).sum();
        Self {
            process: figures.process,
            entries: of_all(|memory| memory.entries),
            bytes: of_all(|memory| memory.bytes),
            counts: figures.counts,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(&str, String)> = self.layers.iter().flat_map(holdings::lines).collect();
        let processes = self.processes.iter().map(|one| one.process.to_string());
        let processes = processes.collect::<Vec<_>>().join(", ");
        match self.processes.len() {
            0 => {}
            1 => lines.push(("process", processes)),
            _ => lines.push(("processes", processes)),
        }
        if !self.processes.is_empty() {
            let counts = self.counts.iter();
            lines.extend(counts.map(|(name, count)| (&**name, count.to_string())));
            lines.push(("in_flight", self.in_flight.to_string()));
            lines.push(("pending", self.pending.to_string()));
        }
        let names: Vec<_> = self
            .purges
            .keys()
            .map(|name| format!("purges_{name}"))
            .collect();
        let purges = names.iter().zip(self.purges.values());
        lines.extend(purges.map(|(name, count)| (&**name, count.to_string())));
        lines.extend(
            self.silent
                .iter()
                .map(|silent| ("no answer", silent.to_string())),
        );
        lines.extend(self.note.iter().map(|note| ("note", note.clone())));
        f.write_str(&columns(lines))?;
        match self.processes.len() {
            0 | 1 => Ok(()),
            _ => write!(f, "\n{}", self.table()),
        }
    }
}
