//! `cache/top`: the programs by what they cost and what their cache saves, in the last minute and since the start.
//!
//! Runs no model. Over HTTP, it is about the process that answers; a command adds up what the servers say that run on its
//! machine.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use giotto_cache::{Counts, Place};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::management::contents::sizes::{Size, Sizes};
use crate::management::invocation::shown as shown_path;
use crate::management::model::{Documented, refused, shown};
use crate::management::operator::Operator;
use crate::management::process::figures::{Counters, Figures, OfProgram, Wanted, count};
use crate::management::servers::Asked;
use crate::management::text::{grouped, size, table, time};
use crate::management::watch;
use crate::program::Program;
use crate::socket::{PATIENCE, Silent};

const ORDERS: [&str; 6] = ["model", "hits", "misses", "computed", "saved", "bytes"];

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: top,
        parameters: &[
            (
                "by",
                "The order: model (time that models took), hits, misses, computed, saved (time that models were spared), or bytes.",
            ),
            ("limit", "How many programs are shown."),
            ("watch", watch::WATCH),
        ],
    };
    Program::new(model)
        .description(
            "Shows the programs by what their models cost and what the cache saves: in the last minute, and since the start\n\n\
             A command asks the servers of this application that run on this machine, and adds up what they have counted. The \
             last column says why pages had to be computed again.",
        )
        .view(shown())
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    #[serde(default = "by")]
    by: String,
    #[serde(default = "limit")]
    limit: usize,
    #[serde(default)]
    watch: bool,
}

fn by() -> String {
    "model".to_owned()
}

const fn limit() -> usize {
    20
}

#[derive(Serialize)]
struct Report {
    /// Those that have counted.
    processes: Vec<u32>,
    programs: Vec<OfProgram>,
    /// How many programs are not shown.
    left: usize,
    /// How many keys were looked at to see what the programs take, and whether these are all.
    looked_at: Option<u64>,
    is_complete: Option<bool>,
    /// The servers that did not answer.
    silent: Vec<Silent>,
}

async fn top(arguments: Arguments, operator: Operator) -> Result<Report> {
    if !ORDERS.contains(&&*arguments.by) {
        let message = format!("it is one of {}", ORDERS.join(", "));
        return Err(refused("by", &arguments.by, message));
    }
    watch::check(arguments.watch, &operator)?;
    loop {
        let report = report(&arguments, &operator).await?;
        if !arguments.watch || !watch::print(&report)? {
            return Ok(report);
        }
        watch::rest().await;
    }
}

async fn report(arguments: &Arguments, operator: &Operator) -> Result<Report> {
    let wanted = Wanted {
        // To look at the store every two seconds would be felt.
        sizes: !arguments.watch,
        ..Wanted::PROGRAMS
    };
    let (figures, silent) = figures(&wanted, operator).await?;
    let sizes = match wanted.sizes {
        true => sizes(&figures, operator).await,
        false => None,
    };
    let processes = figures.iter().map(|one| one.process).collect();
    let mut programs = summed(figures);
    for program in &mut programs {
        program.size = sizes.as_ref().map(|sizes| {
            let size = sizes.programs.get(&program.program);
            size.copied().unwrap_or_default()
        });
    }
    let weight = |program: &OfProgram| weight(program, &arguments.by);
    programs.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
    let left = programs.len().saturating_sub(arguments.limit);
    programs.truncate(arguments.limit);
    Ok(Report {
        processes,
        programs,
        left,
        looked_at: sizes.as_ref().map(|sizes| sizes.looked_at),
        is_complete: sizes.as_ref().map(|sizes| sizes.is_complete),
        silent,
    })
}

/// The figures of each running server, or of this process, and the processes that did not answer.
async fn figures(wanted: &Wanted, operator: &Operator) -> Result<(Vec<Figures>, Vec<Silent>)> {
    if !operator.is_command() {
        let own = Figures::of(operator.app.shared_cache(), wanted).await?;
        return Ok((vec![own], Vec::new()));
    }
    let asked: Asked<Figures> = operator.ask("process/figures", wanted, PATIENCE).await?;
    let silent = asked.told().silent;
    let figures = asked.answers.into_iter().map(|(_, figures)| figures);
    let figures: Vec<_> = figures.collect();
    if figures.is_empty() && silent.is_empty() {
        return Err(Error::other(operator.where_servers_are()));
    }
    Ok((figures, silent))
}

/// What the programs take: in the memory of all processes, or in the store that they share. `None` if that cannot be told.
async fn sizes(figures: &[Figures], operator: &Operator) -> Option<Sizes> {
    let cache = operator.app.shared_cache();
    match cache.store().place() {
        Place::Nowhere => None,
        Place::InProcess => {
            let mut sum = Sizes {
                is_complete: true,
                ..Sizes::default()
            };
            let known = figures.iter().filter_map(|one| one.sizes.as_ref());
            known.for_each(|sizes| sum.add(sizes));
            Some(sum)
        }
        _ => Sizes::of(cache).await.ok(),
    }
}

/// The figures of each program, added up over the processes.
fn summed(figures: Vec<Figures>) -> Vec<OfProgram> {
    let mut programs: BTreeMap<String, OfProgram> = BTreeMap::new();
    for program in figures.into_iter().flat_map(|one| one.programs) {
        let sum = programs
            .entry(program.program.clone())
            .or_insert_with(|| OfProgram {
                program: program.program.clone(),
                ..OfProgram::default()
            });
        sum.add(&program);
    }
    programs.into_values().collect()
}

/// What the programs are ordered by: since the start, so that the order is the same in both tables.
fn weight(program: &OfProgram, by: &str) -> f64 {
    match by {
        "model" => program.model_ms,
        "saved" => program.saved_ms,
        "bytes" => program.size.map_or(0.0, |size| size.bytes as f64),
        name => count(&program.counts, name) as f64,
    }
}

/// The programs with these counters of theirs.
fn shown_as<'p>(
    heading: &str,
    programs: impl Iterator<Item = (&'p OfProgram, &'p Counters, f64)>,
) -> String {
    let head = [
        heading,
        "hits",
        "stale",
        "misses",
        "hit rate",
        "computed",
        "failed",
        "model",
        "stored",
        "computed again because",
    ];
    let rows = programs.map(|(program, counts, model_ms)| {
        let number = |name: &str| grouped(count(counts, name));
        [
            shown_path(&program.program).to_owned(),
            number("hits"),
            number("stale"),
            number("misses"),
            hit_rate(counts),
            number("computed"),
            number("failed"),
            time(Duration::from_secs_f64(model_ms.max(0.0) / 1_000.0)),
            stored(program),
            reasons(counts),
        ]
    });
    table(std::iter::once(head.map(str::to_owned)).chain(rows))
}

/// `12 MiB in 1,204 entries`
fn stored(program: &OfProgram) -> String {
    match program.size {
        None => "-".to_owned(),
        Some(Size { entries, bytes }) => format!("{} in {}", size(bytes), grouped(entries)),
    }
}

/// The part of the lookups that waited for no model.
fn hit_rate(counts: &Counters) -> String {
    let [hits, stale, misses] = ["hits", "stale", "misses"].map(|name| count(counts, name));
    // An old page in place of one that failed or is late is counted as a miss, too.
    let waited = ["stale_failed", "stale_late"].map(|name| count(counts, name));
    let served = hits + stale - waited.into_iter().sum::<u64>().min(stale);
    match served + misses {
        0 => "-".to_owned(),
        all => format!("{} %", served * 100 / all),
    }
}

/// `expired 20, invalidated 8`: why there were misses, the most frequent reason first. A page that is computed for the first
/// time is not computed again.
fn reasons(counts: &Counters) -> String {
    let reasons = Counts::default().misses_by_reason().into_iter();
    let reasons = reasons.map(|(name, _)| (name, count(counts, name)));
    let mut reasons: Vec<_> = reasons
        .filter(|(name, count)| *count > 0 && *name != "first_seen")
        .collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let reasons = reasons.iter().take(3);
    let reasons =
        reasons.map(|(name, count)| format!("{} {}", name.replace('_', " "), grouped(*count)));
    reasons.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let programs = || self.programs.iter();
        let minute = programs().map(|one| (one, &one.last_minute, one.last_minute_model_ms));
        let start = programs().map(|one| (one, &one.counts, one.model_ms));
        write!(
            f,
            "{}\n{}",
            shown_as("last minute", minute),
            shown_as("since start", start)
        )?;
        let processes = self.processes.iter().map(u32::to_string);
        let processes = processes.collect::<Vec<_>>().join(", ");
        writeln!(f, "\nadded up over the processes {processes}")?;
        if let (Some(keys), Some(false)) = (self.looked_at, self.is_complete) {
            writeln!(
                f,
                "stored: only what {} keys of the store show",
                grouped(keys)
            )?;
        }
        if self.left > 0 {
            writeln!(
                f,
                "{} more programs: limit={}",
                self.left,
                self.left + self.programs.len()
            )?;
        }
        self.silent
            .iter()
            .try_for_each(|silent| writeln!(f, "no answer: {silent}"))
    }
}
