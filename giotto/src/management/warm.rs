//! `cache/warm`: computes pages before they are asked for.
//!
//! Each is asked for as a request asks for it, under the same leases; what is fresh is left alone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use giotto_cache::{Mode, Staleness, Status};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::invocation::Invocation;
use super::progress::Progress;
use super::range::Invocations;
use super::text::{columns, count, time};
use super::{Documented, INVOCATION, Operator};
use crate::app::App;
use crate::error::{Error, InvalidInput, Result, quoted};
use crate::negotiate;
use crate::program::Program;
use crate::request::{CMD, Controller};
use crate::view::{BasicView, Mime};

/// So many errors are shown.
const SHOWN: usize = 10;
const MOST_JOBS: usize = 64;
/// What was computed last is still on its way into the store when a command ends; one that hangs holds nobody up.
const SETTLING: Duration = Duration::from_secs(5);

pub(super) fn program() -> Program {
    let model = Documented {
        model: warm,
        parameters: &[
            (
                INVOCATION,
                "A program and its arguments, as on the command line itself, where whole numbers may be ranges with both \
                 ends (x=1..100), with steps (x=0..100..10), or lists (x=1,2,5..9).",
            ),
            (
                "formats",
                "The formats to compute, for example html,json; without it the one that is named (squared.html), \
                 else all of the program's.",
            ),
            ("jobs", "How many models run at the same time, 64 at most."),
            (
                "budget",
                "After so many seconds nothing more is begun, and the exit code is 1 if something is left; without it there is no limit.",
            ),
            ("refresh", "Compute what is fresh, too."),
        ],
    };
    let text = |report: &Report| report.told(report.to_string());
    let json = |report: &Report| report.told(serde_json::to_vec(report)?);
    Program::new(model)
        .description(
            "Computes pages before they are asked for: squared x=1..100 --formats=html,json\n\n\
             What is fresh is left alone. The exit code is 1 if a model failed, or if the budget ran out before the end.",
        )
        .collects(INVOCATION)
        .view(BasicView::new().text(text).cmd(text).json(json))
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    #[serde(default)]
    invocation: Vec<String>,
    #[serde(default)]
    formats: Option<String>,
    #[serde(default = "two")]
    jobs: usize,
    #[serde(default)]
    budget: Option<u64>,
    #[serde(default)]
    refresh: bool,
}

const fn two() -> usize {
    2
}

/// What became of the pages.
#[derive(Clone, Debug, Default, Serialize)]
struct Report {
    pages: u64,
    computed: u64,
    /// They were fresh.
    skipped: u64,
    /// Computed, but too large, not to be stored, or the store takes nothing.
    not_stored: u64,
    /// The model says that there is none: not found, for example.
    no_page: u64,
    failed: u64,
    /// The budget ran out before.
    left: u64,
    took_ms: u128,
    /// The first errors, with what they are about.
    errors: Vec<Failure>,
}

#[derive(Clone, Debug, Serialize)]
struct Failure {
    invocation: String,
    error: String,
}

/// The work: every invocation in every format.
struct Work {
    app: App,
    invocations: Invocations,
    mimes: Vec<Mime>,
    controller: Controller,
    mode: Mode,
    next: AtomicU64,
    until: Option<Instant>,
    progress: Progress,
}

/// What became of one page.
enum Outcome {
    Computed,
    Skipped,
    NotStored,
    NoPage(Error),
    Failed(String),
}

async fn warm(arguments: Arguments, operator: Operator) -> Result<Report> {
    let started = Instant::now();
    let work = Arc::new(plan(&arguments, &operator, started)?);
    operator.check_keeps("warm")?;
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..arguments.jobs {
        jobs.spawn(Arc::clone(&work).run());
    }
    let mut report = Report {
        pages: work.pages(),
        ..Report::default()
    };
    while let Some(part) = jobs.join_next().await {
        report.add(part?);
    }
    work.progress.finish();
    report.left = report.pages - report.done();
    if report.left == 0 && operator.controller == CMD {
        let settled = operator.app.shared_cache().settle();
        let _ = tokio::time::timeout(SETTLING, settled).await;
    }
    report.took_ms = started.elapsed().as_millis();
    Ok(report)
}

fn plan(arguments: &Arguments, operator: &Operator, started: Instant) -> Result<Work> {
    let app = &operator.app;
    let refused = |name: &str, given: String, message: &str| -> Error {
        InvalidInput::new().field(name, given, message).into()
    };
    if !(1..=MOST_JOBS).contains(&arguments.jobs) {
        return Err(refused("jobs", arguments.jobs.to_string(), "it is 1 to 64"));
    }
    if arguments.budget == Some(0) {
        let message = "no time is no budget: give the seconds that it may take, or leave it out";
        return Err(refused("budget", "0".to_owned(), message));
    }
    let pattern = Invocation::read(&arguments.invocation)?;
    let front_ends = pattern.front_ends(app)?;
    let front_end = front_ends
        .first()
        .ok_or_else(|| refused(INVOCATION, String::new(), "no front end can ask for it"))?;
    let invocations = Invocations::new(pattern, front_end)?;
    // What is wrong with the first and the last is told before anything is computed.
    let target = invocations.at(0);
    let target = target.target(app)?;
    invocations.at(invocations.count() - 1).target(app)?;
    let mimes = match &arguments.formats {
        Some(formats) if target.has_format => {
            let message = "the invocation names a format already: leave one of them out";
            return Err(refused("formats", formats.clone(), message));
        }
        Some(formats) => chosen(formats, target.asked.program)?,
        None => target.mimes().to_vec(),
    };
    let pages = invocations.count().saturating_mul(mimes.len() as u64);
    let until = arguments
        .budget
        .and_then(|seconds| started.checked_add(Duration::from_secs(seconds)));
    let is_shown = operator.is_watched();
    Ok(Work {
        app: app.clone(),
        controller: target.request.controller(),
        mode: if arguments.refresh {
            Mode::Refresh
        } else {
            Mode::Prefer
        },
        next: AtomicU64::new(0),
        until,
        progress: Progress::new(pages, is_shown),
        mimes,
        invocations,
    })
}

/// The media types of the program that `formats` names, `html,json`.
fn chosen(formats: &str, program: &Program) -> Result<Vec<Mime>> {
    let mut mimes: Vec<Mime> = Vec::new();
    for format in formats.split(',').map(str::trim) {
        let mime = negotiate::choose(Some(format), "", program.mimes()).map_err(|error| {
            InvalidInput::new().field("formats", formats, format!("{}: {error}", quoted(format)))
        })?;
        if !mimes.contains(&mime) {
            mimes.push(mime);
        }
    }
    Ok(mimes)
}

impl Work {
    fn pages(&self) -> u64 {
        self.invocations.count() * self.mimes.len() as u64
    }

    /// Takes one page after the other until there is none, or no time.
    async fn run(self: Arc<Self>) -> Report {
        let mut report = Report::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let is_late = self.until.is_some_and(|until| Instant::now() >= until);
            if number >= self.pages() || is_late {
                return report;
            }
            let formats = self.mimes.len() as u64;
            let invocation = self.invocations.at(number / formats);
            let mime = &self.mimes[(number % formats) as usize];
            let page = self.page(&invocation, mime);
            let outcome = match self.until {
                // The model goes on, and its page is stored if this process lives so long.
                Some(until) => match tokio::time::timeout_at(until, page).await {
                    Ok(outcome) => outcome,
                    Err(_) => return report,
                },
                None => page.await,
            };
            report.count(outcome, || invocation.shown(mime));
            self.progress.advance();
        }
    }

    async fn page(&self, invocation: &Invocation, mime: &Mime) -> Outcome {
        let mut request = invocation
            .request(self.controller)
            .accept(mime.essence().to_owned())
            .take_stale(false)
            .mode(self.mode);
        let rendered = match self.app.invoke(&mut request).await {
            Ok(rendered) => rendered,
            Err(error) if error.receipt().is_some() => return Outcome::Skipped,
            Err(error) if error.is_answer() => return Outcome::NoPage(error),
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        match rendered.receipt().and_then(|receipt| receipt.status) {
            Some(Status::Hit) => Outcome::Skipped,
            Some(Status::Stored | Status::Collapsed) => Outcome::Computed,
            Some(Status::Stale(Staleness::Throttled)) => Outcome::Failed(
                "the model failed a moment ago, and is not run again yet".to_owned(),
            ),
            Some(Status::Stale(_)) => {
                Outcome::Failed("the model failed or is late; there is an old page".to_owned())
            }
            _ => Outcome::NotStored,
        }
    }
}

impl Report {
    fn count(&mut self, outcome: Outcome, shown: impl FnOnce() -> String) {
        let (counter, error) = match outcome {
            Outcome::Computed => (&mut self.computed, None),
            Outcome::Skipped => (&mut self.skipped, None),
            Outcome::NotStored => (&mut self.not_stored, None),
            Outcome::NoPage(error) => (&mut self.no_page, Some(error.to_string())),
            Outcome::Failed(error) => (&mut self.failed, Some(error)),
        };
        *counter += 1;
        if let Some(error) = error
            && self.errors.len() < SHOWN
        {
            self.errors.push(Failure {
                invocation: shown(),
                error,
            });
        }
    }

    fn add(&mut self, part: Self) {
        self.computed += part.computed;
        self.skipped += part.skipped;
        self.not_stored += part.not_stored;
        self.no_page += part.no_page;
        self.failed += part.failed;
        self.errors.extend(part.errors);
        self.errors.truncate(SHOWN);
    }

    const fn done(&self) -> u64 {
        self.computed + self.skipped + self.not_stored + self.no_page + self.failed
    }

    /// The page, or an error that has it with it.
    fn told(&self, page: impl Into<bytes::Bytes>) -> Result<bytes::Bytes> {
        let page = page.into();
        let message = match (self.failed, self.left) {
            (0, 0) => return Ok(page),
            (0, left) => format!(
                "the budget ran out with {} left: run it again, or give it more time",
                count(left, "page")
            ),
            (failed, 0) => format!("{} failed: see above", count(failed, "page")),
            (failed, left) => format!(
                "{} failed, and the budget ran out with {} left",
                count(failed, "page"),
                count(left, "page")
            ),
        };
        Err(Error::other(message).with_page(page))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ("computed", self.computed),
            ("skipped, fresh", self.skipped),
            ("not stored", self.not_stored),
            ("no page", self.no_page),
            ("failed", self.failed),
            ("left, no time", self.left),
        ];
        let took = Duration::from_millis(u64::try_from(self.took_ms).unwrap_or(u64::MAX));
        let total = format!("{} in {}", self.pages, time(took));
        // What is usual is shown always, the rest only if there is any.
        let numbers = numbers
            .into_iter()
            .enumerate()
            .filter(|(at, (_, number))| *at < 2 || *number > 0)
            .map(|(_, (name, number))| (name, number.to_string()));
        let errors = self.errors.iter();
        let errors =
            errors.map(|failure| ("", format!("{}: {}", failure.invocation, failure.error)));
        let lines = std::iter::once(("pages", total))
            .chain(numbers)
            .chain(errors);
        f.write_str(&columns(lines))
    }
}
