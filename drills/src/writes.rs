//! Programs that write while the store does not accept what they invalidate.
//!
//! Two processes share a store. Each of 40 values has a page, kept for an hour; a POST to one process changes a value and
//! invalidates its page. While the store fails, values are changed and read in both processes. An oracle knows of each
//! value what the last answered POST has made of it. The process that was posted to must never show an older page as
//! fresh; the other one may, until the store is back and a second has passed.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use giotto::prelude::*;
use test_servers::Redis;
use tokio::runtime::Handle;

use crate::client;
use crate::drill::{Stage, Step};
use crate::server::{self, Server};

const VALUES: u64 = 40;
/// How long the store fails.
const FAULT: Duration = Duration::from_secs(4);
/// How long after the store is back another process may not know.
const SETTLED: Duration = Duration::from_millis(1_500);

#[derive(Serialize, Deserialize)]
struct Value {
    number: u64,
}

fn file(number: u64) -> PathBuf {
    PathBuf::from(format!("value-{number}"))
}

fn read(number: u64) -> io::Result<u64> {
    match fs::read_to_string(file(number)) {
        Ok(text) => text.trim().parse().map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

fn show(Value { number }: Value) -> io::Result<u64> {
    read(number)
}

fn change(Value { number }: Value) -> io::Result<u64> {
    let next = read(number)? + 1;
    fs::write(file(number), next.to_string())?;
    Ok(next)
}

pub(crate) fn programs() -> (&'static str, [Program; 2]) {
    let view = || View::new().html(u64::to_string);
    let tag = |args: &Value| [format!("value:{}", args.number)];
    let show = Program::new(show)
        .controllers([HTTP_GET])
        .tags(tag)
        .cache(3600)
        .view(view());
    let change = Program::new(change)
        .controllers([HTTP_POST])
        .invalidates(tag)
        .view(view());
    ("value", [show, change])
}

struct Scene {
    name: &'static str,
    stage: fn(&Path) -> Stage,
}

const SCENES: [Scene; 5] = [
    Scene {
        name: "redis-stopped",
        stage: |_| redis_stopped(str::to_owned),
    },
    Scene {
        name: "redis-full",
        stage: |_| redis_full(str::to_owned),
    },
    Scene {
        name: "layers-redis-stopped",
        stage: |_| redis_stopped(layers),
    },
    Scene {
        name: "layers-redis-full",
        stage: |_| redis_full(layers),
    },
    Scene {
        name: "sqlite-disk-full",
        stage: sqlite_full,
    },
];

fn layers(below: &str) -> String {
    format!("{{layers = [\"locmem\", \"{below}\"]}}")
}

fn redis_stopped(cache: impl Fn(&str) -> String) -> Stage {
    let redis = Redis::start();
    let cache = cache(&format!("redis://127.0.0.1:{}", redis.port()));
    Stage::new(cache, redis, |redis, step| match step {
        Step::Fail => redis.process.freeze(),
        Step::Heal => redis.process.thaw(),
    })
}

fn redis_full(cache: impl Fn(&str) -> String) -> Stage {
    let redis = Redis::start();
    let cache = cache(&format!("redis://127.0.0.1:{}", redis.port()));
    Stage::new(cache, redis, |redis, step| {
        let memory = match step {
            Step::Fail => "1",
            Step::Heal => "0",
        };
        redis.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
        redis.cli(&["config", "set", "maxmemory", memory]);
    })
}

/// A disk of 8 MiB, which another file fills. It takes root to make one.
fn sqlite_full(folder: &Path) -> Stage {
    let disk = folder.join("disk");
    fs::create_dir(&disk).expect("the folder is writable");
    let mount = |words: &[&str], target: &Path| {
        let status = Command::new(words[0])
            .args(&words[1..])
            .arg(target)
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "this drill makes a disk: run it as root"
        );
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs"], &disk);
    let cache = format!("sqlite://{}", disk.join("pages.sqlite3").display());
    Stage::new(cache, Disk(disk), |Disk(disk), step| {
        let filler = disk.join("filler");
        match step {
            // It fails once nothing more fits.
            Step::Fail => drop(fs::write(filler, vec![0; 16 << 20])),
            Step::Heal => fs::remove_file(filler).expect("it was written"),
        }
    })
}

struct Disk(PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the servers may still have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What was seen.
#[derive(Default)]
struct Outcome {
    writes: usize,
    reads: usize,
    failed: usize,
    /// Older pages that were told as fresh, by the process that was posted to.
    old_here: usize,
    /// The same by the other one, once it must know.
    old_there: usize,
    slowest_write: Duration,
}

impl Outcome {
    fn is_kept(&self) -> bool {
        self.failed + self.old_here + self.old_there == 0 && self.writes > 0
    }
}

/// Prints a table; whether every promise was kept.
pub(crate) fn run(runtime: &Handle) -> Result<bool, Box<dyn Error>> {
    println!(
        "{:<24}{:>8}{:>8}{:>9}{:>11}{:>12}{:>15}",
        "writes, while the store",
        "writes",
        "reads",
        "failed",
        "old, here",
        "old, there",
        "slowest write"
    );
    let mut all_kept = true;
    for scene in &SCENES {
        let outcome = play(runtime, scene)?;
        println!(
            "{:<24}{:>8}{:>8}{:>9}{:>11}{:>12}{:>12.0} ms  {}",
            scene.name,
            outcome.writes,
            outcome.reads,
            outcome.failed,
            outcome.old_here,
            outcome.old_there,
            outcome.slowest_write.as_secs_f64() * 1e3,
            if outcome.is_kept() { "kept" } else { "BROKEN" }
        );
        all_kept &= outcome.is_kept();
    }
    Ok(all_kept)
}

fn play(runtime: &Handle, scene: &Scene) -> Result<Outcome, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut stage = (scene.stage)(folder.path());
    server::syncdb(folder.path(), &stage.cache)?;
    let here = Server::start(folder.path(), &stage.cache)?;
    let there = Server::start(folder.path(), &stage.cache)?;
    let mut oracle = Oracle {
        outcome: Outcome::default(),
        last: HashMap::new(),
    };
    // Every page is stored, and a hit in both.
    for _ in 0..2 {
        for number in 0..VALUES {
            runtime.block_on(oracle.read(here.address(), number, Place::Here))?;
            runtime.block_on(oracle.read(there.address(), number, Place::There))?;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    stage.take(Step::Fail);
    let failed = Instant::now();
    for number in (0..).map(|turn| turn % VALUES) {
        if failed.elapsed() >= FAULT {
            break;
        }
        runtime.block_on(oracle.write(here.address(), number))?;
        runtime.block_on(oracle.read(here.address(), number, Place::Here))?;
        runtime.block_on(oracle.read(there.address(), number, Place::Uninformed))?;
    }
    stage.take(Step::Heal);
    let healed = Instant::now();
    for number in (0..).map(|turn| turn % VALUES) {
        let place = match healed.elapsed() < SETTLED {
            true => Place::Uninformed,
            false => Place::There,
        };
        runtime.block_on(oracle.read(here.address(), number, Place::Here))?;
        runtime.block_on(oracle.read(there.address(), number, place))?;
        if healed.elapsed() >= 3 * SETTLED {
            break;
        }
    }
    Ok(oracle.outcome)
}

/// Where a page is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the process that is posted to.
    Here,
    /// In the other one, which must know.
    There,
    /// In the other one, which cannot know yet.
    Uninformed,
}

struct Oracle {
    outcome: Outcome,
    /// By value, what the last answered POST has made of it.
    last: HashMap<u64, u64>,
}

impl Oracle {
    async fn write(&mut self, address: SocketAddr, number: u64) -> io::Result<()> {
        let began = Instant::now();
        let reply = client::ask(address, "POST", &format!("/value/{number}")).await?;
        self.outcome.writes += 1;
        self.outcome.slowest_write = self.outcome.slowest_write.max(began.elapsed());
        match reply.body.parse() {
            Ok(value) if reply.is_ok() => drop(self.last.insert(number, value)),
            _ => self.outcome.failed += 1,
        }
        Ok(())
    }

    async fn read(&mut self, address: SocketAddr, number: u64, place: Place) -> io::Result<()> {
        let reply = client::ask(address, "GET", &format!("/value/{number}")).await?;
        self.outcome.reads += 1;
        let last = self.last.get(&number).copied().unwrap_or_default();
        match reply.body.parse::<u64>() {
            Ok(value) if reply.is_ok() && (value >= last || !reply.is_fresh_hit()) => {}
            Ok(_) if reply.is_ok() => match place {
                Place::Here => self.outcome.old_here += 1,
                Place::There => self.outcome.old_there += 1,
                Place::Uninformed => {}
            },
            _ => self.outcome.failed += 1,
        }
        Ok(())
    }
}
