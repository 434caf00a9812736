//! `cache/advise`: the programs, ranked by what caching saves or wastes.
//!
//! Runs no model. It reads the counters of the answering process.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::worth::{StoreTimes, Worth, lookups};
use crate::management::invocation::shown as shown_path;
use crate::management::model::{Nothing, shown};
use crate::management::operator::Operator;
use crate::management::text::{columns, count, time};
use crate::program::Program;
use crate::request::CMD;

pub(in crate::management) fn program() -> Program {
    Program::new(advise)
        .description(
            "Ranks the programs by what caching saves or wastes, and says what to change\n\n\
             It judges by what the answering process has counted since it started. The time of models that was saved is less \
             that of the store. Few requests say nothing yet.",
        )
        .view(shown())
}

#[derive(Serialize)]
struct Report {
    process: u32,
    /// Those that save most first.
    programs: Vec<Worth>,
    note: Option<&'static str>,
}

async fn advise(_: Nothing, operator: Operator) -> Report {
    let cache = operator.app.shared_cache();
    let programs = cache.programs();
    let all = programs
        .iter()
        .map(|program| lookups(&program.counts))
        .sum();
    let store = StoreTimes::of(&cache.layers(), all);
    let programs = programs.into_iter();
    let mut programs: Vec<_> = programs.map(|program| Worth::of(program, store)).collect();
    programs.sort_by(|one, other| other.saved_ms.total_cmp(&one.saved_ms));
    Report {
        process: std::process::id(),
        programs,
        note: (operator.controller == CMD).then_some(
            "this command has just started, and has counted nothing; list this program over HTTP to see a server's",
        ),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![("process", self.process.to_string())];
        for program in &self.programs {
            lines.push((shown_path(&program.program), figures(program)));
            lines.extend(program.advice.iter().map(|advice| ("", advice.clone())));
        }
        lines.extend(self.note.map(|note| ("note", note.to_owned())));
        f.write_str(&columns(lines))
    }
}

/// `saves 2 min 5 s: 1,204 requests, 98 % from the store, model 12 ms`
fn figures(program: &Worth) -> String {
    let saved = Duration::from_secs_f64(program.saved_ms.abs() / 1_000.0);
    let verb = if program.saved_ms < 0.0 {
        "wastes"
    } else {
        "saves"
    };
    format!(
        "{verb} {}: {}, {:.0} % from the store, model {}",
        time(saved),
        count(program.lookups, "request"),
        (program.hit_rate * 100.0).floor(),
        time(program.model_ms)
    )
}
