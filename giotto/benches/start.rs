//! How long a command takes from a cold start: `squared cmd squared x=12` beside `/bin/true`.
//!
//! `cargo bench -p giotto --bench start`. Both take turns; what `/bin/true` takes is what the machine takes
//! to start any process at all.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

#[path = "common/squared.rs"]
mod squared;

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

const RUNS: usize = 100;

/// The promise, for the median.
const MAX_MILLISECONDS: f64 = 10.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("cmd") => return Ok(giotto::run(squared::manifest())),
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Box<dyn Error>> {
    let mut commands = [
        ("/bin/true", Path::new("/bin/true").to_owned(), vec![], ""),
        (
            "cmd squared x=12",
            std::env::current_exe()?,
            vec!["cmd", "squared", "x=12"],
            "144",
        ),
    ]
    .map(|(name, program, arguments, output)| {
        let mut command = Command::new(program);
        // Where no giotto.toml is.
        command
            .args(arguments)
            .current_dir(env!("CARGO_TARGET_TMPDIR"));
        (name, command, output, Vec::new())
    });
    for _ in 0..RUNS {
        for (_, command, output, times) in &mut commands {
            times.push(time(command, output)?);
        }
    }
    println!("{RUNS} runs each, milliseconds\n");
    println!("{:<18} {:>8} {:>8} {:>8}", "", "median", "least", "most");
    let mut median = 0.0;
    for (name, _, _, times) in &mut commands {
        times.sort_by(f64::total_cmp);
        median = times[RUNS / 2];
        println!(
            "{name:<18} {median:>8.2} {:>8.2} {:>8.2}",
            times[0],
            times[RUNS - 1]
        );
    }
    let verdict = if median <= MAX_MILLISECONDS {
        "kept"
    } else {
        "BROKEN"
    };
    println!("\npromised: at most {MAX_MILLISECONDS} ms ({verdict})");
    Ok(())
}

/// Milliseconds until `command` has ended, which must succeed and print `expected`.
fn time(command: &mut Command, expected: &str) -> io::Result<f64> {
    let started = Instant::now();
    let output = command.output()?;
    let elapsed = started.elapsed();
    let printed = String::from_utf8_lossy(&output.stdout);
    match output.status.success() && printed.contains(expected) {
        true => Ok(elapsed.as_secs_f64() * 1e3),
        false => Err(io::Error::other(format!("{command:?}: {output:?}"))),
    }
}
