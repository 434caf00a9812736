//! The incidents of `docs/operations.md`: each is staged, found by the command that the page names, and ended by it.
//!
//! `drills incidents`, or `drills incidents crawler hot-page` for some of them; `--show` prints the commands with what they said.
//! Each is staged twice: with four processes on memory and Redis in layers, and with one process on its own memory.

mod alerting;
mod changed_template;
mod contents;
mod crawler;
mod deploy;
mod full_store;
mod hot_page;
mod memory_eater;
mod memory_only;
mod moving;
mod programs;
mod rolling_restart;
mod said;
mod scene;
mod stale_server;
mod wrong_page;

use std::error::Error;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

pub(crate) use programs::programs;
use said::Result;
use scene::{Scene, Store};

/// An incident must be over within this time, from the moment in which it is noticed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Incident {
    name: &'static str,
    /// It is staged, found and ended; an error says what was not as promised.
    play: fn(&Scene) -> Result<()>,
    stores: &'static [Store],
}

const BOTH: &[Store] = &[Store::Redis, Store::Memory];

const fn incident(
    name: &'static str,
    play: fn(&Scene) -> Result<()>,
    stores: &'static [Store],
) -> Incident {
    Incident { name, play, stores }
}

/// In the order of the page.
const INCIDENTS: &[Incident] = &[
    incident("stale-server", stale_server::play, &[Store::Redis]),
    incident("deploy", deploy::play, BOTH),
    incident("full-store", full_store::play, &[Store::Redis]),
    incident("memory-eater", memory_eater::play, BOTH),
    incident("hot-page", hot_page::play, BOTH),
    incident("crawler", crawler::play, BOTH),
    incident("wrong-page", wrong_page::play, BOTH),
    incident("contents", contents::play, BOTH),
    incident("memory-only", memory_only::play, &[Store::Memory]),
    incident("changed-template", changed_template::play, BOTH),
    incident("moving", moving::play, &[Store::Redis]),
    incident("alerting", alerting::play, &[Store::Redis]),
    incident("rolling-restart", rolling_restart::play, BOTH),
];

/// Plays those whose names begin with one of `words`, or all, and prints a table; whether all ended as promised.
pub(crate) fn run(runtime: &Handle, words: &[String]) -> std::result::Result<bool, Box<dyn Error>> {
    let shows = words.iter().any(|word| word == "--show");
    let words: Vec<_> = words.iter().filter(|word| *word != "--show").collect();
    let is_chosen =
        |name: &str| words.is_empty() || words.iter().any(|word| name.starts_with(*word));
    if !INCIDENTS.iter().any(|incident| is_chosen(incident.name)) {
        let names: Vec<_> = INCIDENTS.iter().map(|incident| incident.name).collect();
        return Err(format!(
            "no incident has such a name: there are {}",
            names.join(", ")
        )
        .into());
    }
    println!("{:<20}{:<10}{:>9}", "an incident", "on", "over in");
    let mut all_over = true;
    for incident in INCIDENTS.iter().filter(|incident| is_chosen(incident.name)) {
        for store in incident.stores {
            let scene = Scene::start(*store, runtime)?;
            let started = Instant::now();
            let played = (incident.play)(&scene);
            let took = started.elapsed();
            let verdict = match &played {
                Err(broken) => format!("BROKEN: {broken}"),
                Ok(()) if took > PATIENCE => "BROKEN: it took too long".to_owned(),
                Ok(()) => "kept".to_owned(),
            };
            println!(
                "{:<20}{:<10}{:>7.1} s  {verdict}",
                incident.name,
                store.name(),
                took.as_secs_f64()
            );
            if shows || played.is_err() {
                println!("\n{}", scene.transcript());
            }
            all_over &= verdict == "kept";
        }
    }
    Ok(all_over)
}
