//! What a hit over HTTP costs: giotto beside bare hyper and beside axum with moka, in one run.
//!
//! `cargo bench -p giotto --bench http`, on a machine that does nothing else. Every rival is a process of its
//! own on one core, the load comes from another; they take turns in every round, and a ratio is the median of
//! the rounds' ratios. Instructions are counted by callgrind, if it is installed: they are free of noise, but
//! leave out the kernel.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod callgrind;
#[path = "../common/mod.rs"]
mod common;
mod rivals;

use std::error::Error;
use std::process::ExitCode;

use common::contest::{ROUND, ROUNDS, Rival, equal, measure, median, ratio, verdict};
use common::load::{CONNECTIONS, Cost};
use common::process::Cores;
use common::squared;

/// If the servers are running for less of the time, it is not they who limit the throughput.
const MIN_BUSY: f64 = 0.9;

/// The promises, both against bare hyper.
const MIN_THROUGHPUT: f64 = 0.90;
const MAX_CPU: f64 = 1.12;

/// The first is what the others are compared with.
fn rivals() -> [Rival; 3] {
    [
        Rival::new("hyper", &["hyper"]),
        Rival::new("axum + moka", &["axum"]),
        Rival::new("giotto", &["http", "--port", "0", "--set", "cache=locmem"]),
    ]
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("http") => return Ok(giotto::run(squared::manifest())),
        Some("hyper") => rivals::hyper()?,
        Some("axum") => rivals::axum()?,
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Box<dyn Error>> {
    let cores = Cores::new();
    cores.pin_this_process()?;
    let rivals = rivals();
    let costs = measure(&cores, &rivals, equal)?;
    let mut instructions = [None; 3];
    if callgrind::is_installed() {
        for (rival, count) in rivals.iter().zip(&mut instructions) {
            *count = callgrind::instructions_per_hit(&cores, &rival.arguments)?;
        }
    }
    println!(
        "GET /squared?x=12, {CONNECTIONS} connections, {ROUNDS} rounds of {} ms, medians; {cores}\n",
        ROUND.as_millis()
    );
    print_table(&rivals, &costs, instructions);
    print_promises(&costs);
    Ok(())
}

fn print_table(rivals: &[Rival], costs: &[Vec<Cost>; 3], instructions: [Option<f64>; 3]) {
    println!(
        "{:<12} {:>10} {:>6} {:>12} {:>6} {:>6} {:>16} {:>6}",
        "", "requests/s", "hyper", "CPU us / hit", "hyper", "busy", "instructions", "hyper"
    );
    for ((rival, cost), count) in rivals.iter().zip(costs).zip(instructions) {
        let of_hyper = count.zip(instructions[0]).map(|(count, of)| count / of);
        println!(
            "{:<12} {:>10.0} {:>5.2}x {:>12.2} {:>5.2}x {:>5.0}% {:>16} {:>6}",
            rival.name,
            median(cost, Cost::throughput),
            ratio(cost, &costs[0], Cost::throughput),
            median(cost, Cost::cpu),
            ratio(cost, &costs[0], Cost::cpu),
            median(cost, Cost::busy) * 100.0,
            count.map_or_else(|| "-".to_owned(), |count| format!("{count:.0}")),
            of_hyper.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x")),
        );
    }
    if instructions[0].is_none() {
        println!("\n-: install valgrind (apt-get install valgrind) to have instructions counted");
    }
}

fn print_promises([hyper, axum, giotto]: &[Vec<Cost>; 3]) {
    let busy = median(hyper, Cost::busy);
    if busy < MIN_BUSY {
        let percent = busy * 100.0;
        println!("\nNOT VALID: the servers had their core for {percent:.0}% of the time only");
    }
    let throughput = ratio(giotto, hyper, Cost::throughput);
    let cpu = ratio(giotto, hyper, Cost::cpu);
    let ahead = ratio(giotto, axum, Cost::throughput);
    println!(
        "\npromised: at least {MIN_THROUGHPUT:.2} of the throughput of hyper: {throughput:.2} ({})",
        verdict(throughput >= MIN_THROUGHPUT)
    );
    println!(
        "promised: at most {MAX_CPU:.2} of the CPU time of hyper: {cpu:.2} ({})",
        verdict(cpu <= MAX_CPU)
    );
    println!(
        "promised: more throughput than axum + moka: {ahead:.2} ({})",
        verdict(ahead > 1.0)
    );
}
