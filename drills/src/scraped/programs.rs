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
    time: fn(u64) -> Duration,
) -> Program<giotto::Bare<String, Numbered>> {
    let model = move |Numbered { number }: Numbered| async move {
        note(name, Ended::Well)?;
        tokio::time::sleep(time(number)).await;
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

fn private(Numbered { number }: Numbered, cache: CacheControl) -> Result<String, Error> {
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

fn mistagged(Numbered { number }: Numbered, cache: CacheControl) -> Result<String, Error> {
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

pub(crate) fn programs() -> Manifest {
    let (hour, second) = (Policy::seconds(3_600), Policy::seconds(1));
    let short = |_| Duration::from_millis(30);
    let sold = |_: Numbered| Redirection::to("/");
    let stock = takes("stock", hour, short).tags(tag).view(text());
    let sale = Program::new(sold)
        .controllers([HTTP_POST])
        .invalidates(tag)
        .view(BasicView::new());
    let late = second
        .stale_if_error(600)
        .soft_timeout(Duration::from_millis(50));
    let kept = second.stale_if_error(600).throttle(2);
    let get = [HTTP_GET];
    Manifest::default()
        .with("lasting", takes("lasting", hour, short).view(text()))
        .with(
            "probe",
            takes("probe", hour, |_| Duration::ZERO).view(text()),
        )
        .with("brief", takes("brief", second, short).view(text()))
        .with("stock", [stock, sale])
        .with(
            "news",
            takes("news", second.stale_while_revalidate(600), short).view(text()),
        )
        .with("late", takes("late", late, |_| LONG).view(text()))
        .with("patient", takes("patient", hour, |_| PATIENT).view(text()))
        .with(
            "crawled",
            takes("crawled", hour, short)
                .cache_on_second_request()
                .view(text()),
        )
        .with(
            "capped",
            takes("capped", hour, short).max_entries(3).view(text()),
        )
        .with(
            "versioned",
            takes("versioned", hour, short)
                .version(version())
                .view(text()),
        )
        .with(
            "fragile",
            Program::new(fragile)
                .controllers(get)
                .cache(kept)
                .view(text()),
        )
        .with(
            "absent",
            Program::new(absent)
                .controllers(get)
                .cache(hour)
                .view(text()),
        )
        .with(
            "unheard",
            Program::new(unheard)
                .controllers(get)
                .cache(hour.negative(600))
                .view(text()),
        )
        .with(
            "private",
            Program::new(private)
                .controllers(get)
                .cache(hour)
                .view(text()),
        )
        .with(
            "warehouse",
            Program::new(warehouse)
                .controllers(get)
                .cache(hour)
                .view(text()),
        )
        .with(
            "mistagged",
            Program::new(mistagged)
                .controllers(get)
                .cache(hour)
                .view(text()),
        )
        .with(
            "huge",
            Program::new(huge).controllers(get).cache(hour).view(text()),
        )
}
