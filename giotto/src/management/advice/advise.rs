//! `cache/advise`: the programs, ranked by what caching saves or wastes.
//!
//! Runs no model. Over HTTP, it reads the counters of the process that answers; a command adds up those of the servers that run
//! on its machine.

use std::fmt;

use serde::Serialize;

use super::tally::Tallies;
use super::worth::{self, Worth};
use crate::error::Result;
use crate::management::invocation::shown as shown_path;
use crate::management::model::{Nothing, shown};
use crate::management::operator::Operator;
use crate::management::servers::{Asked, Told};
use crate::management::text::{columns, count};
use crate::program::Program;
use crate::socket::{PATIENCE, Silent};
use crate::view::BasicView;

pub(in crate::management) fn program() -> Program {
    Program::new(advise)
        .description(
            "Ranks the programs by what caching saves or wastes, and says what to change\n\n\
             It judges by what the running servers of this machine have counted since they started; over HTTP, by what the \
             answering process has. The time of models that was saved is less that of the store. Few requests say nothing yet.",
        )
        .view(shown())
}

/// What the command adds up: asked through the socket of a server alone.
pub(in crate::management) fn of_process() -> Program {
    Program::new(tallies)
        .description("What this process has counted, as far as it says what caching is worth")
        .view(BasicView::new())
}

#[derive(Serialize)]
struct Report {
    /// Whose counters they are.
    processes: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silent: Vec<Silent>,
    /// Those that save most first.
    programs: Vec<Worth>,
    note: Option<String>,
}

async fn tallies(_: Nothing, operator: Operator) -> Tallies {
    Tallies::of(operator.app.shared_cache())
}

async fn advise(_: Nothing, operator: Operator) -> Result<Report> {
    if !operator.is_command() {
        let own = Tallies::of(operator.app.shared_cache());
        return Ok(Report::of(vec![std::process::id()], Vec::new(), &own));
    }
    let asked = operator.ask("process/tallies", &Nothing {}, PATIENCE);
    let asked: Asked<Tallies> = asked.await?;
    let Told { processes, silent } = asked.told();
    let mut sum = Tallies::default();
    for (_, tallies) in asked.answers {
        sum.add(tallies);
    }
    let mut report = Report::of(processes, silent, &sum);
    if report.processes.is_empty() && report.silent.is_empty() {
        let where_servers_are = operator.where_servers_are();
        report.note = Some(format!("there are no counters: {where_servers_are}"));
    }
    Ok(report)
}

impl Report {
    fn of(processes: Vec<u32>, silent: Vec<Silent>, tallies: &Tallies) -> Self {
        Self {
            processes,
            silent,
            programs: Worth::ranked(tallies),
            note: None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processes: Vec<_> = self.processes.iter().map(u32::to_string).collect();
        let mut lines = vec![("processes", processes.join(", "))];
        let silent = self.silent.iter();
        lines.extend(silent.map(|silent| ("no answer", silent.to_string())));
        for program in &self.programs {
            lines.push((shown_path(&program.program), figures(program)));
            lines.extend(program.advice.iter().map(|advice| ("", advice.clone())));
        }
        lines.extend(self.note.clone().map(|note| ("note", note)));
        f.write_str(&columns(lines))
    }
}

/// `saves 2 min 5 s: 1,204 requests, 98 % from the store, model 12 ms`
fn figures(program: &Worth) -> String {
    let verb = match program.saved_ms < 0.0 {
        true => "wastes",
        false => "saves",
    };
    format!(
        "{verb} {}: {}, {:.0} % from the store, model {}",
        worth::shown(program.saved_ms),
        count(program.lookups, "request"),
        (program.hit_rate * 100.0).floor(),
        worth::shown(program.model_ms)
    )
}
