//! The metrics against what clients are told: a real Prometheus reads four processes on one Redis, and the sums that it gives
//! are those that the clients have counted by `Cache-Status`, for every program, kind and reason.
//!
//! `drills metrics`. Clients ask for all kinds of pages at once, then each reason that is left is staged, and the store fails in
//! three ways. Where a client is not told what becomes of a result, because it has an older page already, the models
//! themselves are the witness. Each reason that a client can be told must have occurred.

mod clients;
mod programs;
mod prometheus;
mod stage;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use tokio::runtime::Handle;

pub(crate) use clients::MOUNT;
use programs::Ended;
pub(crate) use programs::programs;
use stage::Stage;
use told::{
    COALESCED, Counter, Counters, HITS, MISSES, NOT_STORED, OBSTACLES, REASONS, STALE, STORED,
};

const COMPUTATIONS: &str = "giotto_cache_computations_total";
const FAILURES: &str = "giotto_cache_failures_total";
const REFUSALS: &str = "giotto_cache_refusals_total";

/// Programs whose readers get an older page while the result is stored.
const IN_BACKGROUND: [&str; 2] = ["news", "late"];

/// Programs whose readers wait for each other and do nothing else. Of others, a lookup may wait for a computation whose
/// result is of no use to it.
const COALESCED_ALONE: [&str; 3] = ["lasting", "brief", "versioned"];

/// Asked while the store fails to store: a process tells its client whether it stores a result before the store has answered.
const GUESSED: &str = "probe";

/// Plays the drill, and prints the counters; whether all are equal and every reason has occurred.
pub(crate) fn run(runtime: &Handle) -> Result<bool, Box<dyn Error>> {
    let mut stage = Stage::start(runtime)?;
    stage.play()?;
    stage.prometheus.wait_until_all_is_read();
    let expected = expected(&stage);
    let scraped = scraped(&stage)?;
    let counters: BTreeSet<_> = expected.keys().chain(scraped.keys()).collect();
    let differs = |counter: &&Counter| expected.get(*counter) != scraped.get(*counter);
    let different: Vec<&Counter> = counters.into_iter().filter(differs).collect();
    print_sums(&expected, &scraped);
    for counter in &different {
        let (told, counted) = (expected.get(*counter), scraped.get(*counter));
        println!("BROKEN: {counter:?}: the clients count {told:?}, Prometheus {counted:?}");
    }
    let missing = missing(&stage, &expected);
    for what in &missing {
        println!("BROKEN: {what} has not occurred");
    }
    Ok(different.is_empty() && missing.is_empty())
}

/// What the counters should be, by what clients were told and by the runs of the models. None is zero.
fn expected(stage: &Stage) -> Counters {
    let mut counters = stage.told.counters();
    let mut runs: BTreeMap<(String, Ended), u64> = BTreeMap::new();
    for (program, ended) in programs::runs(stage.folder()) {
        let program = format!("{MOUNT}/{program}");
        *counters
            .entry(Counter::new(COMPUTATIONS, &program, ""))
            .or_default() += 1;
        let metric = match ended {
            Ended::Well => None,
            Ended::Failed => Some(FAILURES),
            Ended::Refused => Some(REFUSALS),
        };
        if let Some(metric) = metric {
            *counters
                .entry(Counter::new(metric, &program, ""))
                .or_default() += 1;
        }
        *runs.entry((program, ended)).or_default() += 1;
    }
    for name in IN_BACKGROUND {
        let program = format!("{MOUNT}/{name}");
        let results = runs.get(&(program.clone(), Ended::Well)).copied();
        let is_not_stored =
            |counter: &Counter| counter.metric == NOT_STORED && counter.program == program;
        let not_stored = counters
            .iter()
            .filter(|(counter, _)| is_not_stored(counter));
        let not_stored: u64 = not_stored.map(|(_, value)| value).sum();
        let stored = results.unwrap_or(0) - not_stored;
        counters.insert(Counter::new(STORED, &program, ""), stored);
    }
    comparable(counters)
}

/// What Prometheus has counted.
fn scraped(stage: &Stage) -> Result<Counters, Box<dyn Error>> {
    let metrics = [
        HITS,
        MISSES,
        STORED,
        NOT_STORED,
        COALESCED,
        COMPUTATIONS,
        FAILURES,
        REFUSALS,
    ];
    let mut counters = Counters::new();
    for metric in metrics {
        let sum = format!("sum by (program, kind, reason) ({metric}) > 0");
        for sample in stage.prometheus.query(&sum)? {
            let label = |name: &str| sample.metric.get(name).map_or("", String::as_str);
            let of = match label("kind") {
                "" => label("reason"),
                kind => kind,
            };
            let counter = Counter::new(metric, label("program"), of);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is a count"
            )]
            counters.insert(counter, sample.value() as u64);
        }
    }
    Ok(comparable(counters))
}

/// The counters without what clients are not told in full.
fn comparable(counters: Counters) -> Counters {
    let mut comparable = Counters::new();
    for (mut counter, value) in counters {
        let name = counter.program.rsplit('/').next().unwrap_or_default();
        if counter.metric == COALESCED && !COALESCED_ALONE.contains(&name) {
            continue;
        }
        if name == GUESSED && [STORED, NOT_STORED].contains(&&*counter.metric) {
            counter = Counter::new("stored or not", &counter.program, "");
        }
        *comparable.entry(counter).or_default() += value;
    }
    comparable
}

/// The kinds and reasons that no client was told.
fn missing(stage: &Stage, expected: &Counters) -> Vec<String> {
    let reasons = stage.told.reasons();
    let reasons = REASONS
        .into_iter()
        .filter(|(name, _)| !reasons.contains_key(*name));
    let absent = |metric: &'static str, label: &'static str| {
        let has = |counter: &Counter| counter.metric == metric && counter.label == label;
        (!expected.keys().any(has)).then(|| format!("{metric} {label}"))
    };
    let kinds = STALE.into_iter().filter_map(|(_, kind)| absent(HITS, kind));
    let obstacles = OBSTACLES
        .into_iter()
        .filter_map(|(_, label)| absent(NOT_STORED, label));
    reasons
        .map(|(name, _)| name.to_owned())
        .chain(kinds)
        .chain(obstacles)
        .collect()
}

/// Prints the sums over the programs.
fn print_sums(expected: &Counters, scraped: &Counters) {
    let mut sums: BTreeMap<(&str, &str), [u64; 2]> = BTreeMap::new();
    for (at, counters) in [expected, scraped].into_iter().enumerate() {
        for (counter, value) in counters {
            sums.entry((&counter.metric, &counter.label)).or_default()[at] += value;
        }
    }
    println!("{:<60}{:>10}{:>12}", "a counter", "clients", "Prometheus");
    for ((metric, label), [told, counted]) in sums {
        println!("{:<60}{told:>10}{counted:>12}", format!("{metric} {label}"));
    }
}
