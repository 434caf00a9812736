//! The programs of the drill: one for each way in which a request misses, and in which a result is not stored.
//!
//! Each run of a model is noted in a file that all processes share: a second witness beside what the clients are told.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use giotto::prelude::*;

/// Where the runs are noted, in the working directory of the servers.
pub(super) const RUNS: &str = "runs";

/// While this file is there, the model of `fragile` fails.
pub(super) const BROKEN: &str = "broken";

const HOUR: Policy = Policy::seconds(3_600);
const SECOND: Policy = Policy::seconds(1);

const SHORT: Duration = Duration::from_millis(30);

/// Long enough for other requests.
const LONG: Duration = Duration::from_millis(700);

/// Longer than a process waits for another one that computes.
const PATIENT: Duration = Duration::from_millis(6_500);

const VERSION: &str = "DRILL_VERSION";

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Numbered {
    number: u64,
}

/// How a model ended, as it is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    Well,
    Failed,
    Refused,
}

impl Ended {
    const fn name(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// The runs that are noted in `folder`: the program, and how it ended.
pub(super) fn runs(folder: &Path) -> Vec<(String, Ended)> {
    let text = fs::read_to_string(folder.join(RUNS)).unwrap_or_default();
    let run = |line: &str| {
        let (program, ended) = line.split_once(' ')?;
        let mut all = [Ended::Well, Ended::Failed, Ended::Refused].into_iter();
        let ended = all.find(|known| known.name() == ended)?;
        Some((program.to_owned(), ended))
    };
    text.lines().filter_map(run).collect()
}

/// Notes a run of `program`, in one write.
fn note(program: &str, ended: Ended) -> Result<(), Error> {
    let line = format!("{program} {}\n", ended.name());
    let file = File::options().create(true).append(true).open(RUNS);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| Error::other(error.to_string()))
}

/// A program whose model takes `time` and has a page.
fn takes(
    name: &'static str,
    policy: Policy,
    time: Duration,
) -> Program<giotto::Bare<String, Numbered>> {
    let model = move |Numbered { number }: Numbered| async move {
        note(name, Ended::Well)?;
        tokio::time::sleep(time).await;
        Ok::<_, Error>(format!("{name} {number}"))
    };
    Program::new(model).controllers([HTTP_GET]).cache(policy)
}

fn text() -> View<String> {
    View::new().html(String::clone)
}

fn fragile(Numbered { number }: Numbered) -> Result<String, Error> {
    if Path::new(BROKEN).exists() {
        note("fragile", Ended::Failed)?;
        return Err(Error::other("it is broken"));
    }
    note("fragile", Ended::Well)?;
    Ok(format!("fragile {number}"))
}

fn absent(_: Numbered) -> Result<String, Error> {
    note("absent", Ended::Refused)?;
    Err(Error::not_found("there is nothing here"))
}

fn unheard(_: Numbered) -> Result<String, Error> {
    note("unheard", Ended::Well)?;
    Err(Error::not_found("there is nothing here either"))
}

async fn private(Numbered { number }: Numbered, cache: CacheControl) -> Result<String, Error> {
    cache.no_store();
    note("private", Ended::Well)?;
    Ok(format!("private {number}"))
}

/// It names its tag while it computes.
async fn warehouse(numbered: Numbered, cache: CacheControl) -> Result<String, Error> {
    cache.tags(tag(&numbered));
    note("warehouse", Ended::Well)?;
    tokio::time::sleep(LONG).await;
    Ok(format!("warehouse {}", numbered.number))
}

async fn mistagged(Numbered { number }: Numbered, cache: CacheControl) -> Result<String, Error> {
    cache.tags(["a\ttag"]);
    note("mistagged", Ended::Well)?;
    Ok(format!("mistagged {number}"))
}

fn huge(_: Numbered) -> Result<String, Error> {
    note("huge", Ended::Well)?;
    Ok("x".repeat(2 << 20))
}

fn version() -> u32 {
    let version = std::env::var(VERSION).ok();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or(0)
}

/// The variable, with its value, of a server that has another version of `versioned`.
pub(super) const OTHER_VERSION: (&str, &str) = (VERSION, "1");

fn tag(numbered: &Numbered) -> [String; 1] {
    [format!("stock:{}", numbered.number)]
}

/// The program whose reads and sales the tag of its pages joins.
fn stock() -> [Program; 2] {
    let sold = |_: Numbered| Redirection::to("/");
    let stock = takes("stock", HOUR, SHORT).tags(tag).view(text());
    let sale = Program::new(sold)
        .controllers([HTTP_POST])
        .invalidates(tag)
        .view(BasicView::new());
    [stock, sale]
}

/// Programs whose pages are kept after their time.
fn stale(manifest: Manifest) -> Manifest {
    let revalidated = SECOND.stale_while_revalidate(600);
    let late = SECOND
        .stale_if_error(600)
        .soft_timeout(Duration::from_millis(50));
    let kept = SECOND.stale_if_error(600).throttle(2);
    let fragile = Program::new(fragile).controllers([HTTP_GET]).cache(kept);
    manifest
        .with("news", takes("news", revalidated, SHORT).view(text()))
        .with("late", takes("late", late, LONG).view(text()))
        .with("fragile", fragile.view(text()))
}

/// Programs whose results are not stored, or not all.
fn unstored(manifest: Manifest) -> Manifest {
    let crawled = takes("crawled", HOUR, SHORT).cache_on_second_request();
    let capped = takes("capped", HOUR, SHORT).max_entries(3);
    let private = Program::new(private).controllers([HTTP_GET]).cache(HOUR);
    let mistagged = Program::new(mistagged).controllers([HTTP_GET]).cache(HOUR);
    let warehouse = Program::new(warehouse).controllers([HTTP_GET]).cache(HOUR);
    let huge = Program::new(huge).controllers([HTTP_GET]).cache(HOUR);
    let absent = Program::new(absent).controllers([HTTP_GET]).cache(HOUR);
    manifest
        .with("patient", takes("patient", HOUR, PATIENT).view(text()))
        .with("crawled", crawled.view(text()))
        .with("capped", capped.view(text()))
        .with("private", private.view(text()))
        .with("mistagged", mistagged.view(text()))
        .with("warehouse", warehouse.view(text()))
        .with("huge", huge.view(text()))
        .with("absent", absent.view(text()))
}

pub(crate) fn programs() -> Manifest {
    let versioned = takes("versioned", HOUR, SHORT).version(version());
    let unheard = Program::new(unheard)
        .controllers([HTTP_GET])
        .cache(HOUR.negative(600));
    let manifest = Manifest::default()
        .with("lasting", takes("lasting", HOUR, SHORT).view(text()))
        .with("probe", takes("probe", HOUR, Duration::ZERO).view(text()))
        .with("brief", takes("brief", SECOND, SHORT).view(text()))
        .with("versioned", versioned.view(text()))
        .with("stock", stock())
        .with("unheard", unheard.view(text()));
    unstored(stale(manifest))
}
