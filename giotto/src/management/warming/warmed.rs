//! The report of `cache/warm`.
//!
//! Counts the outcome of each page.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::management::text::{columns, count, time};
use crate::socket::Silent;

/// The most errors that are shown.
const SHOWN: usize = 10;

/// The outcomes of all pages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) pages: u64,
    computed: u64,
    /// They were fresh.
    skipped: u64,
    /// Computed, but too large, not to be stored, or refused by the store.
    not_stored: u64,
    /// The model says that there is none: not found, for example.
    no_page: u64,
    failed: u64,
    /// The budget ran out before these.
    pub(super) left: u64,
    pub(super) took_ms: u128,
    /// How often the store failed.
    pub(super) store_failures: u64,
    /// The first errors, with what they are about.
    errors: Vec<Failure>,
    /// The servers that were to compute pages for their memory, and did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) silent: Vec<Silent>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Failure {
    /// The number of the page, in the order of the invocations.
    #[serde(skip)]
    number: u64,
    invocation: String,
    error: String,
}

/// The outcome of one page.
pub(super) enum Outcome {
    Computed,
    Skipped,
    NotStored,
    NoPage(Error),
    Failed(String),
}

impl Report {
    /// Counts the page of that `number`.
    pub(super) fn count(&mut self, outcome: Outcome, number: u64, shown: impl FnOnce() -> String) {
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
                number,
                invocation: shown(),
                error,
            });
        }
    }

    pub(super) fn add(&mut self, part: Self) {
        self.computed += part.computed;
        self.skipped += part.skipped;
        self.not_stored += part.not_stored;
        self.no_page += part.no_page;
        self.failed += part.failed;
        self.errors.extend(part.errors);
        self.errors.sort_by_key(|failure| failure.number);
        self.errors.truncate(SHOWN);
    }

    /// Adds the report of another process.
    pub(super) fn add_process(&mut self, other: Self) {
        self.pages += other.pages;
        self.left += other.left;
        self.store_failures += other.store_failures;
        self.took_ms = self.took_ms.max(other.took_ms);
        self.add(other);
    }

    pub(super) const fn done(&self) -> u64 {
        self.computed + self.skipped + self.not_stored + self.no_page + self.failed
    }

    /// The error of the whole run, if there is one.
    pub(super) fn failure(&self) -> Option<Error> {
        let problems = [
            (self.failed > 0).then(|| format!("{} failed, see above", count(self.failed, "page"))),
            (self.store_failures > 0).then(|| {
                let times = count(self.store_failures, "time");
                format!("the store failed {times}, so that pages may be missing in it: see the log, and run it again")
            }),
            (self.left > 0).then(|| {
                let left = count(self.left, "page");
                format!("the budget ran out with {left} left: run it again, or give it more time")
            }),
            (!self.silent.is_empty()).then(|| {
                let silent = self.silent.iter().map(ToString::to_string);
                format!("no answer: {}", silent.collect::<Vec<_>>().join("; "))
            }),
        ];
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        (!problems.is_empty()).then(|| Error::other(problems.join("; ")))
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
        // The usual numbers are always shown, the others only if they are not zero.
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
