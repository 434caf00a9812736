//! How long a command takes from a cold start: one that computes, and one whose page is in a file, beside
//! `/bin/true`.
//!
//! `cargo bench -p giotto --bench start`. They take turns; what `/bin/true` takes is what the machine takes
//! to start any process at all.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use giotto::prelude::*;

const RUNS: usize = 100;

/// The promise, for the median.
const MAX_MILLISECONDS: f64 = 10.0;

/// The square of a number, and the process that computed it: a page of another process was in the cache.
#[model]
fn square(x: i64) -> Square {
    Square {
        x: x * x,
        process: std::process::id(),
    }
}

#[derive(Serialize)]
struct Square {
    x: i64,
    process: u32,
}

fn manifest() -> Manifest {
    Manifest::new([(
        "squared",
        Program::new(square)
            .controllers([CMD])
            .cache(3600)
            .view(BasicView::new().cmd(|s: &Square| format!("{} by {}", s.x, s.process))),
    )])
}

/// A command line, what it prints, and how long it took.
struct Contender {
    name: &'static str,
    command: Command,
    output: String,
    times: Vec<f64>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("cmd") => return Ok(giotto::run(manifest())),
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let cache = format!(
        "cache=sqlite://{}",
        folder.path().join("pages.db").display()
    );
    let this = std::env::current_exe()?;
    output(&mut command(&this, &["cmd", "--set", &cache, "mgt/syncdb"]))?;
    let mut cached = command(&this, &["cmd", "--set", &cache, "squared", "x=12"]);
    let page = output(&mut cached)?;
    let mut contenders = [
        Contender::new("/bin/true", command(Path::new("/bin/true"), &[]), ""),
        Contender::new(
            "computed",
            command(&this, &["cmd", "squared", "x=12"]),
            "144 by ",
        ),
        Contender::new("from SQLite", cached, &page),
    ];
    for _ in 0..RUNS {
        for contender in &mut contenders {
            contender.run()?;
        }
    }
    println!("cmd squared x=12, {RUNS} runs each, milliseconds\n");
    println!("{:<12} {:>8} {:>8} {:>8}", "", "median", "least", "most");
    for Contender { name, times, .. } in &mut contenders {
        times.sort_by(f64::total_cmp);
        let (median, most) = (times[RUNS / 2], times[RUNS - 1]);
        println!("{name:<12} {median:>8.2} {:>8.2} {most:>8.2}", times[0]);
    }
    println!();
    for Contender { name, times, .. } in &contenders[1..] {
        let median = times[RUNS / 2];
        let verdict = if median <= MAX_MILLISECONDS {
            "kept"
        } else {
            "BROKEN"
        };
        println!("promised: {name}, at most {MAX_MILLISECONDS} ms: {median:.2} ({verdict})");
    }
    Ok(())
}

fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    // Where no giotto.toml is.
    command
        .args(arguments)
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

impl Contender {
    fn new(name: &'static str, command: Command, output: &str) -> Self {
        Self {
            name,
            command,
            output: output.to_owned(),
            times: Vec::new(),
        }
    }

    /// Runs once, which must print what it should.
    fn run(&mut self) -> io::Result<()> {
        let started = Instant::now();
        let printed = output(&mut self.command)?;
        self.times.push(started.elapsed().as_secs_f64() * 1e3);
        match printed.starts_with(&self.output) {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{} printed {printed:?}, not {:?}",
                self.name, self.output
            ))),
        }
    }
}

/// What `command` prints, which must succeed.
fn output(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(io::Error::other(format!("{command:?}: {output:?}"))),
    }
}
