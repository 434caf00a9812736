//! How often the listed pages were served in the last minute: what each server has counted, added up.
//!
//! Part of `cache/list`. Hits are counted only while an operator asks, and the first question begins it.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use giotto_cache::{Cache, PopularPages};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::management::model::Nothing;
use crate::management::operator::Operator;
use crate::management::servers::Asked;
use crate::management::text::time;
use crate::program::Program;
use crate::socket::{PATIENCE, Silent};
use crate::view::BasicView;

/// The most pages that a process tells apart in an answer.
const MOST: usize = 10_000;

/// How long hits are counted before the first list by hits.
const BEGINNING: Duration = Duration::from_secs(2);

/// What this process has counted, for a command that asks it.
pub(in crate::management) fn of_process() -> Program {
    let model =
        |_: Nothing, operator: Operator| async move { OfProcess::new(operator.app.shared_cache()) };
    Program::new(model)
        .description("The pages with the most hits in this process in the last minute")
        .view(BasicView::new())
}

/// What a process has counted.
#[derive(Serialize, Deserialize)]
pub(super) struct OfProcess {
    pages: Vec<(String, u64)>,
    counted_for_ms: u64,
    has_all: bool,
}

/// The hits of pages, added up over the processes that were asked.
#[derive(Default)]
pub(super) struct Hits {
    of: HashMap<String, u64>,
    /// How they were counted; `None` if there is no process that counts.
    counted: Option<Counted>,
}

/// How hits were counted.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Counted {
    processes: Vec<u32>,
    /// For how long: a minute at most, and the shortest of the processes.
    counted_for_ms: u64,
    /// Whether a page that is not among them had no hit.
    has_all: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silent: Vec<Silent>,
}

impl OfProcess {
    fn new(cache: &Cache) -> Self {
        let PopularPages {
            pages,
            counted_for,
            has_all,
            ..
        } = cache.popular(MOST);
        Self {
            pages,
            counted_for_ms: u64::try_from(counted_for.as_millis()).unwrap_or(u64::MAX),
            has_all,
        }
    }
}

impl Hits {
    /// Waits until some were counted, if nothing is counted yet.
    pub(super) async fn begin(operator: &Operator) -> Result<()> {
        let hits = Self::ask(operator).await?;
        let begins = |counted: &Counted| !counted.processes.is_empty() && !counted.is_begun();
        if hits.counted.as_ref().is_some_and(begins) {
            tokio::time::sleep(BEGINNING).await;
        }
        Ok(())
    }

    /// Those of all servers for a command, and otherwise those of this process.
    pub(super) async fn ask(operator: &Operator) -> Result<Self> {
        if !operator.is_command() {
            let own = OfProcess::new(operator.app.shared_cache());
            return Ok(Self::summed(vec![(std::process::id(), own)], Vec::new()));
        }
        let asked = operator.ask("process/hits", &Nothing {}, PATIENCE);
        let asked: Asked<OfProcess> = asked.await?;
        let silent = asked.told().silent;
        Ok(Self::summed(asked.answers, silent))
    }

    fn summed(answers: Vec<(u32, OfProcess)>, silent: Vec<Silent>) -> Self {
        let counted = Counted {
            processes: answers.iter().map(|(process, _)| *process).collect(),
            counted_for_ms: answers
                .iter()
                .map(|(_, own)| own.counted_for_ms)
                .min()
                .unwrap_or_default(),
            has_all: answers.iter().all(|(_, own)| own.has_all),
            silent,
        };
        let mut of: HashMap<String, u64> = HashMap::new();
        for (key, hits) in answers.into_iter().flat_map(|(_, own)| own.pages) {
            *of.entry(key).or_default() += hits;
        }
        let is_counted = !counted.processes.is_empty() || !counted.silent.is_empty();
        Self {
            of,
            counted: is_counted.then_some(counted),
        }
    }

    /// Those of the page of this key; `None` if they are not known.
    pub(super) fn of(&self, key: Option<&str>) -> Option<u64> {
        let counted = self.counted.as_ref().filter(|counted| counted.is_begun())?;
        let hits = key.and_then(|key| self.of.get(key)).copied();
        hits.or_else(|| (counted.has_all && key.is_some()).then_some(0))
    }

    /// The pages that had hits, those with the most first.
    pub(super) fn most(&self) -> Vec<String> {
        let mut most: Vec<_> = self.of.iter().collect();
        most.sort_unstable_by(|(one, hits), (other, others)| others.cmp(hits).then(one.cmp(other)));
        most.into_iter().map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn counted(&self) -> Option<&Counted> {
        self.counted.as_ref()
    }
}

impl Counted {
    fn is_begun(&self) -> bool {
        self.counted_for_ms > 0
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted_for = Duration::from_millis(self.counted_for_ms);
        match (self.processes.len(), self.is_begun()) {
            (0, _) => {}
            (_, false) => writeln!(
                f,
                "hits: counting has begun with this command and goes on for a minute: ask again"
            )?,
            (1, true) => writeln!(f, "hits: of the last {}, in 1 process", time(counted_for))?,
            (processes, true) => writeln!(
                f,
                "hits: of the last {}, in {processes} processes",
                time(counted_for)
            )?,
        }
        if self.is_begun() && !self.has_all {
            writeln!(
                f,
                "hits: too many pages to tell all apart; '?' is few or none"
            )?;
        }
        let mut silent = self.silent.iter();
        silent.try_for_each(|silent| writeln!(f, "no answer: {silent}"))
    }
}
