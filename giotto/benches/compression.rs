//! What a compressed hit costs: a page of 20 KiB under each coding beside the same page as it is, in one run.
//!
//! `cargo bench -p giotto --features compression --bench compression`, on a machine that does nothing else. Each is a
//! process of its own on one core; they take turns in every round, and a ratio is the median of the rounds' ratios.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

// The page of the other benchmarks is not the one that is asked for here.
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "common/mod.rs"]
mod common;

use std::error::Error;
use std::process::ExitCode;

use common::contest::{Lengths, ROUND, ROUNDS, Rival, measure, median, ratio, verdict};
use common::load::{self, Cost};
use common::process::{Cores, Server};
use giotto::prelude::*;

const PAGE: usize = 20 << 10;
/// The promise, for each coding.
const MAX_CPU: f64 = 1.05;

const HTTP: &[&str] = &["http", "--port", "0", "--set", "cache=locmem"];

macro_rules! request {
    ($field:literal) => {
        concat!(
            "GET /page HTTP/1.1\r\nHost: localhost:5000\r\nAccept: */*\r\n",
            $field,
            "\r\n"
        )
        .as_bytes()
    };
}

/// The first is what the others are compared with.
fn rivals() -> [Rival; 5] {
    let rival = |name, request| Rival {
        request,
        ..Rival::new(name, HTTP)
    };
    let off = [HTTP, &["--set", "http.compression=false"]].concat();
    [
        rival("as it is", request!("")),
        rival(
            "br",
            request!("Accept-Encoding: gzip, deflate, br, zstd\r\n"),
        ),
        rival("zstd", request!("Accept-Encoding: zstd\r\n")),
        rival("gzip", request!("Accept-Encoding: gzip\r\n")),
        Rival {
            request: request!("Accept-Encoding: gzip, deflate, br, zstd\r\n"),
            ..Rival::new("turned off", &off)
        },
    ]
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// A table of flights, whose numbers and times are all different.
fn page(Nothing {}: Nothing) -> String {
    let mut page = "<!doctype html><title>Flights</title><table>".to_owned();
    let mut number = 7_u32;
    while page.len() < PAGE {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (flight, hour, minute) = (number >> 18, number % 24, number % 60);
        page += &format!(
            "<tr><td><a href=\"/flight/{flight}\">UA {flight}</a><td>{hour:02}:{minute:02}<td>EWR to {number:x}\n"
        );
    }
    page
}

fn manifest() -> Manifest {
    let view = View::new().html(|page: &String| page.clone());
    Manifest::new([("page", Program::new(page).cache(3600).view(view))])
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("http") => return Ok(giotto::run(manifest())),
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Box<dyn Error>> {
    let cores = Cores::new();
    cores.pin_this_process()?;
    let rivals = rivals();
    let costs = measure(&cores, &rivals, lengths)?;
    println!(
        "GET /page, {PAGE} bytes, {ROUNDS} rounds of {} ms, medians; {cores}\n",
        ROUND.as_millis()
    );
    println!(
        "{:<12} {:>10} {:>12} {:>10} {:>6}",
        "", "requests/s", "CPU us / hit", "as it is", "busy"
    );
    for (rival, cost) in rivals.iter().zip(&costs) {
        println!(
            "{:<12} {:>10.0} {:>12.2} {:>9.2}x {:>5.0}%",
            rival.name,
            median(cost, Cost::throughput),
            median(cost, Cost::cpu),
            ratio(cost, &costs[0], Cost::cpu),
            median(cost, Cost::busy) * 100.0,
        );
    }
    for (rival, cost) in rivals.iter().zip(&costs).skip(1) {
        let cpu = ratio(cost, &costs[0], Cost::cpu);
        let (name, kept) = (rival.name, verdict(cpu <= MAX_CPU));
        println!(
            "\npromised: {name}: at most {MAX_CPU:.2} of the CPU time of the page as it is: {cpu:.2} ({kept})"
        );
    }
    Ok(())
}

/// Each has its own.
fn lengths(rivals: &[Rival], servers: &[Server]) -> Lengths {
    let both = rivals.iter().zip(servers);
    let lengths = both.map(|(rival, server)| Ok(load::hit(server, rival.request)?.0));
    lengths.collect()
}
