//! Fault drills: every store fails in every way while a server is under load, and what its visitors see is counted.
//!
//! `make drill`, or `cargo run --release -p drills redis sqlite-locked` for those whose names begin so; `.. hot`
//! keeps a page hot for a minute on each store instead, `.. writes` has programs write while their store fails, `.. burst`
//! sends 1,000 clients at once, `.. incidents` plays what operators have to find and to end, `.. metrics` compares what a
//! Prometheus counts with what clients are told, and `.. library [SECONDS]` kills the processes of an application and its Redis
//! under readers and writers; without a name all but `hot` run. The server under test is a process of its
//! own; load and stores share the machine with it, so first of all the same load is measured without any cache. It ends with 1
//! if a promise is broken.
#![expect(clippy::print_stdout, reason = "a drill prints its table")]

mod burst;
mod client;
mod database;
mod drill;
mod hits;
mod hot;
mod incidents;
mod library;
mod load;
mod memcache;
mod page;
mod proxy;
mod redis;
mod report;
mod scraped;
mod server;
mod writes;

use std::error::Error;
use std::process::ExitCode;

use drill::Drill;
use giotto::prelude::Manifest;
use report::{Report, Uncached};
use tokio::runtime::Runtime;

/// How long the drill of the library takes among others, in seconds for each cache.
const SHORT: &str = "60";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        // This executable is the server under test, too.
        Some("http" | "cmd") => Ok(giotto::run(manifest())),
        Some("hot") => exit_code(hot::run(runtime()?.handle())?),
        Some("writes") => exit_code(writes::run(runtime()?.handle())?),
        Some("burst") => exit_code(burst::run(runtime()?.handle())?),
        Some("metrics") => exit_code(scraped::run(runtime()?.handle())?),
        Some("library") => exit_code(library::run(runtime()?.handle(), &words[1..])?),
        Some("incidents") => exit_code(incidents::run(runtime()?.handle(), &words[1..])?),
        None => {
            let (runtime, all) = (runtime()?, chosen(&[])?);
            let outcomes = [
                drills(&all)?,
                writes::run(runtime.handle())?,
                burst::run(runtime.handle())?,
                incidents::run(runtime.handle(), &[])?,
                scraped::run(runtime.handle())?,
                library::run(runtime.handle(), &[SHORT.to_owned()])?,
            ];
            exit_code(outcomes.into_iter().all(|is_kept| is_kept))
        }
        _ => exit_code(drills(&chosen(&words)?)?),
    }
}

/// The programs under test: those of every drill.
fn manifest() -> Manifest {
    let ((cold, burst), (value, writes)) = (burst::program(), writes::programs());
    let manifest = Manifest::new(hot::programs())
        .with("page", page::program())
        .with(cold, burst)
        .with(value, writes)
        .with(scraped::MOUNT, scraped::programs());
    let shop = incidents::programs().into_iter();
    shop.fold(manifest, |manifest, (name, program)| {
        manifest.with(name, program)
    })
}

fn exit_code(all_kept: bool) -> Result<ExitCode, Box<dyn Error>> {
    Ok(ExitCode::from(u8::from(!all_kept)))
}

fn runtime() -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build()
}

fn chosen(words: &[String]) -> Result<Vec<Drill>, String> {
    let all = || {
        let redis = redis::DRILLS.into_iter();
        redis.chain(memcache::DRILLS).chain(database::DRILLS)
    };
    for word in words {
        if !all().any(|drill| drill.name.starts_with(word)) {
            let names: Vec<_> = all().map(|drill| drill.name).collect();
            return Err(format!(
                "no drill is called {word}: there are {}",
                names.join(", ")
            ));
        }
    }
    let is_chosen =
        |drill: &Drill| words.is_empty() || words.iter().any(|word| drill.name.starts_with(word));
    Ok(all().filter(is_chosen).collect())
}

fn drills(drills: &[Drill]) -> Result<bool, Box<dyn Error>> {
    let runtime = runtime()?;
    let uncached = Uncached::of(&drill::without_cache(runtime.handle())?);
    println!("{uncached}\n\n{}", Report::HEAD);
    let mut all_kept = true;
    for drill in drills {
        let run = drill::run(drill, runtime.handle())?;
        let report = Report::new(drill.name, &drill.promise, &run, uncached);
        println!("{report}");
        if !report.is_kept() {
            all_kept = false;
            report::details(&run).for_each(|line| println!("    {line}"));
        }
    }
    Ok(all_kept)
}
