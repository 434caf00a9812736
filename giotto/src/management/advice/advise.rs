//! `cache/advise`: the programs, ranked by what caching saves or wastes.
//!
//! Runs no model. It reads the counters of the answering process.

use std::fmt;

use serde::Serialize;

use super::tally::Tallies;
use super::worth::{self, Worth};
use crate::management::invocation::shown as shown_path;
use crate::management::model::{Nothing, shown};
use crate::management::operator::Operator;
use crate::management::text::{columns, count};
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
    let tallies = Tallies::of(cache);
    Report {
        process: std::process::id(),
        programs: Worth::ranked(&tallies),
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
