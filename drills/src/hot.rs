//! A hot page: asked for 200 times a second, it expires every two seconds, and nobody is to notice.
//!
//! One process on its own memory, and four that share a store; with old pages served while a new one is computed, and
//! with early refresh. Counted are the runs of the model for each expiry, and the slowest answers. Last of all the
//! process that computes is killed while others wait.

use std::error::Error;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use giotto::prelude::*;
use test_servers::{Memcached, Postgres, Redis};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::load;
use crate::server::{self, Server};

const TTL: u64 = 2;
const COMPUTING: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_millis(5);
/// So many clients take turns, so that one that waits holds up no other.
const CLIENTS: u32 = 40;
const LASTING: Duration = Duration::from_secs(60);

/// The slowest of a thousand answers may take so long.
const SLOWEST: Duration = Duration::from_millis(10);

/// Long enough to be killed before its end.
const SLOW: Duration = Duration::from_secs(2);
/// A lease ends so long after its owner; who waits for it looks again and again.
const LEASE: Duration = Duration::from_secs(5);
const LEEWAY: Duration = Duration::from_millis(500);

/// Each run of a model adds a line to this file of the working directory: when it began.
const RUNS: &str = "runs";

#[derive(Serialize, Deserialize)]
struct Nothing {}

pub(crate) fn programs() -> [(&'static str, Program); 3] {
    let program = |policy: Policy, time: Duration| {
        let compute = move |Nothing {}: Nothing| async move {
            note_run()?;
            tokio::time::sleep(time).await;
            Ok::<_, io::Error>(String::from("a hot page"))
        };
        Program::new(compute)
            .controllers([HTTP_GET])
            .cache(policy)
            .view(View::new().html(String::clone))
    };
    let fresh = Policy::seconds(TTL);
    [
        (
            "stale",
            program(fresh.stale_while_revalidate(60), COMPUTING),
        ),
        ("early", program(fresh.early_refresh(1.0), COMPUTING)),
        ("slow", program(fresh, SLOW)),
    ]
}

pub(crate) fn note_run() -> io::Result<()> {
    let mut runs = OpenOptions::new().create(true).append(true).open(RUNS)?;
    // One write, so that lines of several processes do not mix.
    runs.write_all(format!("{}\n", unix_ms()).as_bytes())
}

fn unix_ms() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}

/// When the runs so far began.
pub(crate) fn runs(folder: &Path) -> Vec<u128> {
    let text = std::fs::read_to_string(folder.join(RUNS)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// What came of one page on one store.
struct Outcome {
    runs_per_expiry: f64,
    most_runs: f64,
    slowest: Duration,
    failed: usize,
}

impl Outcome {
    fn is_kept(&self) -> bool {
        self.runs_per_expiry <= self.most_runs && self.slowest <= SLOWEST && self.failed == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>15.2} {:>11.1} ms {:>8}  {}",
            self.runs_per_expiry,
            self.slowest.as_secs_f64() * 1_000.0,
            self.failed,
            if self.is_kept() { "kept" } else { "BROKEN" }
        )
    }
}

/// Runs them all and prints a table; whether every promise was kept.
pub(crate) fn run(runtime: &Handle) -> Result<bool, Box<dyn Error>> {
    let mut all_kept = true;
    let (redis, memcached, postgres) = (Redis::start(), Memcached::start(), Postgres::start());
    let stores = [
        ("locmem", "locmem".to_owned(), 1),
        ("redis", format!("redis://127.0.0.1:{}", redis.port()), 4),
        ("memcache", format!("memcache://{}", memcached.host()), 4),
        ("sqlite", "database".to_owned(), 4),
        ("postgres", postgres.url(), 4),
    ];
    println!(
        "{:<24}{:>16}{:>14}{:>9}",
        "a hot page", "runs per expiry", "p99.9", "failed"
    );
    for (name, cache, processes) in &stores {
        for page in ["stale", "early"] {
            let outcome = hot(runtime, cache, *processes, page)?;
            println!("{:<24}{outcome}", format!("{name} x {processes}, {page}"));
            all_kept &= outcome.is_kept();
        }
    }
    println!("\n{:<24}{:>16}", "its owner is killed", "next run after");
    for (name, cache, _) in stores.iter().filter(|(_, _, processes)| *processes > 1) {
        let waited = killed(runtime, cache)?;
        let is_kept = waited <= LEASE + LEEWAY;
        let verdict = if is_kept { "kept" } else { "BROKEN" };
        println!("{name:<24}{:>14.1} s  {verdict}", waited.as_secs_f64());
        all_kept &= is_kept;
    }
    Ok(all_kept)
}

/// `page` for a minute, from `processes` on the store that `cache` names.
fn hot(
    runtime: &Handle,
    cache: &str,
    processes: u32,
    page: &'static str,
) -> Result<Outcome, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let servers = servers(folder.path(), cache, processes)?;
    let addresses: Vec<_> = servers.iter().map(Server::address).collect();
    // The very first request waits for the page.
    runtime.block_on(ask(addresses[0], page))?;
    let answers = runtime.block_on(load(&addresses, page));
    let expiries = LASTING.as_secs_f64() / TTL as f64;
    let runs = runs(folder.path()).len() - 1;
    let mut times: Vec<_> = answers.iter().flatten().copied().collect();
    times.sort_unstable();
    let slowest = times.get(times.len().saturating_sub(1 + times.len() / 1_000));
    Ok(Outcome {
        runs_per_expiry: runs as f64 / expiries,
        most_runs: if processes == 1 { 1.2 } else { 1.5 },
        slowest: slowest.copied().unwrap_or(Duration::MAX),
        failed: answers.len() - times.len(),
    })
}

/// Kills the process that computes a slow page, while another one waits for it: how long it took until the next run
/// began.
fn killed(runtime: &Handle, cache: &str) -> Result<Duration, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut servers = servers(folder.path(), cache, 2)?;
    let (Some(owner), Some(other)) = (servers.pop(), servers.pop()) else {
        return Err("two servers were to be started".into());
    };
    let first = runtime.spawn(ask(owner.address(), "slow"));
    while runs(folder.path()).is_empty() {
        std::thread::sleep(EVERY);
    }
    let second = runtime.spawn(ask(other.address(), "slow"));
    std::thread::sleep(SLOW / 4);
    let killed_ms = unix_ms();
    drop(owner);
    runtime.block_on(second)??;
    // Nobody answers it any more.
    let _ = runtime.block_on(first)?;
    let next = runs(folder.path())
        .get(1)
        .copied()
        .ok_or("there was no second run")?;
    Ok(Duration::from_millis(u64::try_from(
        next.saturating_sub(killed_ms),
    )?))
}

fn servers(folder: &Path, cache: &str, processes: u32) -> io::Result<Vec<Server>> {
    server::syncdb(folder, cache)?;
    (0..processes)
        .map(|_| Server::start(folder, cache))
        .collect()
}

/// Asks for `page` every five milliseconds, each process in turn: what each answer took from when it was due; none
/// for a failure.
async fn load(addresses: &[SocketAddr], page: &'static str) -> Vec<Option<Duration>> {
    let began = Instant::now();
    let requests = u32::try_from(LASTING.as_micros() / EVERY.as_micros()).unwrap_or(u32::MAX);
    let clients = (0..CLIENTS).map(|client| {
        let address = addresses[client as usize % addresses.len()];
        tokio::spawn(async move {
            let mut answers = Vec::new();
            let mut connection = None;
            for request in (client..requests).step_by(CLIENTS as usize) {
                let due = began + EVERY * request;
                tokio::time::sleep_until(due.into()).await;
                let is_answered = ask_on(&mut connection, address, page).await.is_ok();
                answers.push(is_answered.then(|| due.elapsed()));
            }
            answers
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.extend(client.await.unwrap_or_default());
    }
    answers
}

async fn ask(address: SocketAddr, page: &'static str) -> io::Result<()> {
    ask_on(&mut None, address, page).await
}

async fn ask_on(
    connection: &mut Option<TcpStream>,
    address: SocketAddr,
    page: &str,
) -> io::Result<()> {
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => TcpStream::connect(address).await?,
    };
    stream.set_nodelay(true)?;
    let request = format!("GET /{page} HTTP/1.1\r\nHost: drill\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (head, body) = load::receive(&mut stream).await?;
    if !head.starts_with("HTTP/1.1 200 ") || body != b"a hot page" {
        return Err(io::Error::other(head));
    }
    *connection = Some(stream);
    Ok(())
}
