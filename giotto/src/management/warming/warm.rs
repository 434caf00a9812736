//! `cache/warm`: computes pages before they are asked for.
//!
//! It asks for each page as a request does, under the same leases. Fresh pages are skipped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use giotto_cache::{Mode, Staleness, Status};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::progress::Progress;
use super::range::Invocations;
use super::warmed::{Outcome, Report};
use crate::app::App;
use crate::asked::Asked;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::management::invocation::{FrontEnd, Invocation, Target, no_front_end};
use crate::management::model::{Documented, FIELDS, INVOCATION, refused, shown};
use crate::management::operator::Operator;
use crate::management::servers::LONG;
use crate::mime::Mime;
use crate::negotiate;
use crate::program::Program;
use crate::request::{CMD, Controller, Request};

const MOST_JOBS: usize = 64;
/// How long the end of a command waits until the last pages are stored.
const SETTLING: Duration = Duration::from_secs(5);

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: warm,
        parameters: &[
            (
                INVOCATION,
                "A program and its arguments, as on the command line itself, where whole numbers may be ranges with both \
                 ends (x=1..100), with steps (x=0..100..10), or lists (x=1,2,5..9); a parameter of another kind has none.",
            ),
            FIELDS,
            (
                "formats",
                "The formats to compute, for example html,json; without it the one that is named (squared.html), \
                 else all of the program's.",
            ),
            ("jobs", "How many models run at the same time, 64 at most."),
            (
                "budget",
                "The seconds after which no more pages are begun; then the exit code is 1 if pages are left. Without it, there is no limit.",
            ),
            ("refresh", "Compute fresh pages, too."),
        ],
    };
    Program::new(model)
        .description(
            "Computes pages before they are asked for: squared x=1..100 --formats=html,json\n\n\
             Fresh pages are skipped. If a model or the store failed, or if the budget ran out, the exit code is 1, and over \
             HTTP the status is 500; both come with the report.",
        )
        .collects(INVOCATION)
        .view(shown().fails_by(Report::failure))
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    #[serde(default)]
    invocation: Vec<String>,
    #[serde(default)]
    header: Vec<String>,
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

async fn warm(arguments: Arguments, operator: Operator) -> Result<Report> {
    let started = Instant::now();
    let work = Arc::new(plan(&arguments, &operator, started).await?);
    operator.check_keeps("warm")?;
    if operator.has_own_memory() {
        return in_memories(&arguments, &operator).await;
    }
    let cache = operator.app.shared_cache();
    let failures = || {
        let counts = cache.counts();
        counts.backend_errors + counts.backend_skipped
    };
    let failures_before = failures();
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..arguments.jobs {
        jobs.spawn(Arc::clone(&work).run());
    }
    let mut report = Report::default();
    report.pages = work.pages();
    while let Some(part) = jobs.join_next().await {
        report.add(part?);
    }
    work.progress.finish();
    report.left = report.pages - report.done();
    if report.left == 0 && operator.controller == CMD {
        let _ = tokio::time::timeout(SETTLING, cache.settle()).await;
    }
    report.store_failures = failures() - failures_before;
    report.took_ms = started.elapsed().as_millis();
    Ok(report)
}

/// Has each server compute the pages for its own memory.
async fn in_memories(arguments: &Arguments, operator: &Operator) -> Result<Report> {
    let awake = operator.awake("warm").await?;
    let asked = awake
        .operator
        .ask_memories::<Report>("warm", "cache/warm", arguments, LONG);
    let asked = asked.await?;
    let mut report = Report::default();
    report.silent = [awake.silent, asked.told().silent].concat();
    for (_, part) in asked.answers {
        report.add_process(part);
    }
    Ok(report)
}

async fn plan(arguments: &Arguments, operator: &Operator, started: Instant) -> Result<Work> {
    let app = &operator.app;
    if !(1..=MOST_JOBS).contains(&arguments.jobs) {
        return Err(refused("jobs", arguments.jobs.to_string(), "it is 1 to 64"));
    }
    if arguments.budget == Some(0) {
        let message = "a budget of 0 seconds computes nothing: give more seconds, or leave it out";
        return Err(refused("budget", "0".to_owned(), message));
    }
    let pattern = Invocation::read(&arguments.invocation, &arguments.header)?;
    let front_ends = FrontEnd::all(&pattern, app)?;
    let front_end = front_ends.first().ok_or_else(no_front_end)?;
    let invocations = Invocations::new(pattern, front_end)?;
    // Errors of the first and the last page are found before anything is computed.
    let (first, last) = (invocations.at(0), invocations.at(invocations.count() - 1));
    let target = Target::of(&first, app).await?;
    Target::of(&last, app).await?;
    let mimes = chosen(arguments.formats.as_deref(), &target)?;
    let controller = target.request.controller();
    let pages = invocations.count().saturating_mul(mimes.len() as u64);
    let until = arguments
        .budget
        .and_then(|seconds| started.checked_add(Duration::from_secs(seconds)));
    let is_shown = operator.is_watched();
    Ok(Work {
        app: app.clone(),
        controller,
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

/// The media types that `formats` names, `html,json`, or else the ones that are meant.
fn chosen(formats: Option<&str>, target: &Target<'_>) -> Result<Vec<Mime>> {
    let Some(formats) = formats else {
        return Ok(target.mimes().to_vec());
    };
    if target.has_format {
        let message = "the invocation names a format already: leave one of them out";
        return Err(refused("formats", formats, message));
    }
    let mut mimes: Vec<Mime> = Vec::new();
    for format in formats.split(',').map(str::trim) {
        let mime = negotiate::choose(Some(format), "", target.asked.program.mimes())
            .map_err(|error| refused("formats", formats, format!("{}: {error}", quoted(format))))?;
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

    /// Computes one page after another until there are no more, or no time.
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
                // The computation goes on, and its page is stored if this process lives long enough.
                Some(until) => match tokio::time::timeout_at(until, page).await {
                    Ok(outcome) => outcome,
                    Err(_) => return report,
                },
                None => page.await,
            };
            report.count(outcome, number, || invocation.shown(mime));
            self.progress.advance();
        }
    }

    /// What `request` asks for, if that is the page that `invocation` names.
    async fn asked(
        &self,
        invocation: &Invocation,
        request: &mut Request<'_>,
    ) -> Result<Asked<'_>, Outcome> {
        let failed = |error: Error| Outcome::Failed(error.to_string());
        let front_ends = FrontEnd::all(invocation, &self.app).map_err(failed)?;
        let mut front_ends = front_ends.iter();
        let front_end = front_ends.find(|at| at.controller == self.controller);
        let front_end = front_end.ok_or_else(no_front_end).map_err(failed)?;
        match self.app.asked(request).await {
            // A range may have values that the program does not take.
            Err(error)
                if *error.kind() == ErrorKind::InvalidInput
                    && front_end.changed(invocation, request).is_empty() =>
            {
                Err(Outcome::NoPage(error))
            }
            asked => front_end
                .admitted(invocation, request, asked)
                .map_err(failed),
        }
    }

    async fn page(&self, invocation: &Invocation, mime: &Mime) -> Outcome {
        let mut request = invocation
            .request(self.controller)
            .accept(mime.essence().to_owned())
            .take_stale(false)
            .mode(self.mode);
        request.is_admitted = true;
        let asked = match self.asked(invocation, &mut request).await {
            Ok(asked) => asked,
            Err(outcome) => return outcome,
        };
        let rendered = self.app.answer(asked, &mut request).await;
        // "Not found" may be stored, too.
        let cache_status = match &rendered {
            Ok(rendered) => rendered.cache_status(),
            Err(error) => error.cache_status(),
        };
        let status = cache_status.and_then(|cache_status| cache_status.status);
        match rendered {
            Err(error) if status.is_none_or(|status| status == Status::NotStored) => {
                return match error.is_answer() {
                    true => Outcome::NoPage(error),
                    false => Outcome::Failed(error.to_string()),
                };
            }
            _ => {}
        }
        match status {
            Some(Status::Hit) => Outcome::Skipped,
            Some(Status::Stored | Status::Collapsed) => Outcome::Computed,
            Some(Status::Stale(Staleness::Throttled)) => Outcome::Failed(
                "the model failed a moment ago, and does not run again yet".to_owned(),
            ),
            Some(Status::Stale(_)) => {
                Outcome::Failed("the model failed or is late; there is an old page".to_owned())
            }
            _ => Outcome::NotStored,
        }
    }
}
