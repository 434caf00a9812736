//! What a hit over HTTP costs: giotto beside bare hyper and beside axum with moka, in one run.
//!
//! `cargo bench -p giotto --bench http`, on a machine that does nothing else. Every rival is a process of its
//! own on one core, the load comes from another; they take turns in every round, and a ratio is the median of
//! the rounds' ratios. Instructions are counted by callgrind, if it is installed: they are free of noise, but
//! leave out the kernel.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod callgrind;
mod load;
mod process;
mod rivals;
mod squared;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use load::{CONNECTIONS, Cost};
use process::{Cores, Server};

/// Many short turns rather than few long ones, so that what else the machine does meets all of them.
const ROUNDS: usize = 31;
const ROUND: Duration = Duration::from_millis(300);

/// If the servers are running for less of the time, it is not they who limit the throughput.
const MIN_BUSY: f64 = 0.9;

/// The promises, both against bare hyper.
const MIN_THROUGHPUT: f64 = 0.90;
const MAX_CPU: f64 = 1.12;

/// A server to be measured: its name, and the arguments under which this executable becomes it.
struct Rival {
    name: &'static str,
    arguments: &'static [&'static str],
}

/// The first is what the others are compared with.
const RIVALS: [Rival; 3] = [
    Rival {
        name: "hyper",
        arguments: &["hyper"],
    },
    Rival {
        name: "axum + moka",
        arguments: &["axum"],
    },
    Rival {
        name: "giotto",
        arguments: &["http", "--port", "0", "--set", "cache=locmem"],
    },
];

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
    let costs = measure(&cores)?;
    let mut instructions = [None; 3];
    if callgrind::is_installed() {
        for (rival, count) in RIVALS.iter().zip(&mut instructions) {
            *count = callgrind::instructions_per_hit(&cores, rival.arguments)?;
        }
    }
    println!(
        "GET /squared?x=12, {CONNECTIONS} connections, {ROUNDS} rounds of {} ms, medians; {cores}\n",
        ROUND.as_millis()
    );
    print_table(&costs, instructions);
    print_promises(&costs);
    Ok(())
}

fn print_table(costs: &[Vec<Cost>; 3], instructions: [Option<f64>; 3]) {
    println!(
        "{:<12} {:>10} {:>6} {:>12} {:>6} {:>6} {:>16} {:>6}",
        "", "requests/s", "hyper", "CPU us / hit", "hyper", "busy", "instructions", "hyper"
    );
    for ((rival, cost), count) in RIVALS.iter().zip(costs).zip(instructions) {
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

/// The costs of every rival, round by round.
fn measure(cores: &Cores) -> Result<[Vec<Cost>; 3], Box<dyn Error>> {
    let mut servers = Vec::new();
    for rival in &RIVALS {
        servers.push(Server::start(&cores.server(), rival.arguments)?);
    }
    check_equal(&servers)?;
    let mut costs = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        // Another one begins each time, so that nobody always comes after the same neighbour.
        for turn in 0..RIVALS.len() {
            let which = (round + turn) % RIVALS.len();
            let cost = load::round(&servers[which], ROUND)?;
            if round > 0 {
                costs[which].push(cost);
            }
        }
    }
    servers.into_iter().try_for_each(Server::stop)?;
    Ok(costs)
}

/// An error unless all servers answer a hit with the same bytes, but for what the clock changes.
fn check_equal(servers: &[Server]) -> Result<(), Box<dyn Error>> {
    let mut first = None;
    for (rival, server) in RIVALS.iter().zip(servers) {
        load::response(server)?; // the miss
        let response = load::response(server)?;
        let expected = first.get_or_insert_with(|| response.clone());
        if response != *expected {
            let message = format!(
                "{} answers\n{response}\nwhich differs from\n{expected}",
                rival.name
            );
            return Err(message.into());
        }
    }
    Ok(())
}

fn median(costs: &[Cost], figure: fn(&Cost) -> f64) -> f64 {
    middle(costs.iter().map(figure).collect())
}

/// The median of the rounds' ratios: what slows a whole round down does not count.
fn ratio(costs: &[Cost], to: &[Cost], figure: fn(&Cost) -> f64) -> f64 {
    let rounds = costs.iter().zip(to);
    middle(rounds.map(|(cost, to)| figure(cost) / figure(to)).collect())
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "BROKEN" }
}
