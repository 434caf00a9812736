//! What an operator's eyes cost a hit: with metrics that are scraped, and with an access log, beside one that nobody watches.
//!
//! `cargo bench -p giotto --features admin --bench observed`, on a machine that does nothing else. Each is a process of its
//! own on one core; they take turns in every round, and a ratio is the median of the rounds' ratios. The last rival is the
//! first once more: what it differs by is noise.
#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

// The page of the other benchmarks is not the one that is asked for here.
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "common/mod.rs"]
mod common;

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use common::contest::{Lengths, ROUND, ROUNDS, Rival, measure, median, ratio, verdict};
use common::load::{self, Cost};
use common::process::{Cores, Server};
use common::squared;

/// More often than Prometheus asks by default, which is once a minute.
const SCRAPED_EVERY: Duration = Duration::from_secs(1);

/// The promises: throughput with metrics, and CPU time with an access log.
const MIN_THROUGHPUT: f64 = 0.99;
const MAX_CPU: f64 = 1.15;

/// With a request id, as from a proxy in front, so that all responses of a server are equally long.
const REQUEST: &[u8] = b"GET /squared?x=12 HTTP/1.1\r\n\
    Host: localhost:5000\r\n\
    User-Agent: curl/8.14.1\r\n\
    X-Request-Id: 67a3ff204a1a0596\r\n\
    Accept: */*\r\n\r\n";

const HTTP: &[&str] = &["http", "--port", "0", "--set", "cache=locmem"];

/// The first is what the others are compared with.
fn rivals(folder: &Path) -> [Rival; 4] {
    let listen = format!("admin.listen={}", admin(folder).display());
    let file = folder.join("access.log");
    let file = format!("log.access_file={}", file.display());
    let metrics = [HTTP, &["--set", &listen]].concat();
    let log = [
        "--set",
        "log.format=json",
        "--set",
        "log.access=on",
        "--set",
        &file,
    ];
    let log = [HTTP, &log].concat();
    let rival = |name, arguments| Rival {
        request: REQUEST,
        ..Rival::new(name, arguments)
    };
    [
        rival("unwatched", HTTP),
        rival("metrics", &metrics),
        rival("access log", &log),
        rival("unwatched", HTTP),
    ]
}

fn admin(folder: &Path) -> PathBuf {
    folder.join("admin")
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("http") => return Ok(giotto::run(squared::manifest())),
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Box<dyn Error>> {
    let cores = Cores::new();
    cores.pin_this_process()?;
    let folder = tempfile::tempdir()?;
    let rivals = rivals(folder.path());
    let socket = admin(folder.path());
    let (stop, stopped) = mpsc::channel::<()>();
    let scraper = std::thread::spawn(move || {
        let mut scrapes = 0;
        while stopped.recv_timeout(SCRAPED_EVERY) == Err(RecvTimeoutError::Timeout) {
            scrapes += i32::from(scrape(&socket).is_ok());
        }
        scrapes
    });
    let costs = measure(&cores, &rivals, lengths)?;
    drop(stop);
    let scrapes = scraper.join().map_err(|_| "the scraper panicked")?;
    if scrapes == 0 {
        return Err("the metrics were never scraped".into());
    }
    print(&cores, &rivals, &costs);
    Ok(())
}

fn scrape(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    match text.contains("giotto_cache_hits_total") {
        true => Ok(()),
        false => Err(io::Error::other(format!("no metrics: {text}"))),
    }
}

/// An access log adds the request id to the response.
fn lengths(rivals: &[Rival], servers: &[Server]) -> Lengths {
    let hits = rivals.iter().zip(servers);
    hits.map(|(rival, server)| Ok(load::hit(server, rival.request)?.0))
        .collect()
}

fn print(cores: &Cores, rivals: &[Rival; 4], costs: &[Vec<Cost>; 4]) {
    println!(
        "GET /squared?x=12, {ROUNDS} rounds of {} ms, medians; {cores}\n",
        ROUND.as_millis()
    );
    println!(
        "{:<12} {:>10} {:>10} {:>12} {:>10} {:>6}",
        "", "requests/s", "unwatched", "CPU us / hit", "unwatched", "busy"
    );
    for (rival, cost) in rivals.iter().zip(costs) {
        println!(
            "{:<12} {:>10.0} {:>9.3}x {:>12.2} {:>9.3}x {:>5.0}%",
            rival.name,
            median(cost, Cost::throughput),
            ratio(cost, &costs[0], Cost::throughput),
            median(cost, Cost::cpu),
            ratio(cost, &costs[0], Cost::cpu),
            median(cost, Cost::busy) * 100.0,
        );
    }
    let throughput = ratio(&costs[1], &costs[0], Cost::throughput);
    let cpu = ratio(&costs[2], &costs[0], Cost::cpu);
    println!(
        "\npromised: with metrics at least {MIN_THROUGHPUT:.2} of the throughput: {throughput:.3} ({})",
        verdict(throughput >= MIN_THROUGHPUT)
    );
    println!(
        "promised: with an access log in JSON at most {MAX_CPU:.2} of the CPU time: {cpu:.2} ({})",
        verdict(cpu <= MAX_CPU)
    );
}
