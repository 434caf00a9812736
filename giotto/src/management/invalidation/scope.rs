//! `cache/invalidate` and `cache/purge`: the pages of a program, with a tag, or all.
//!
//! An invalidated page is served only where the policy of its program allows an old page. A purged page is never served
//! again. Exactly one scope must be named, and a person or `--yes` must agree: nothing is purged by accident.

use std::fmt;
use std::time::Duration;

use giotto_cache::{Place, Scope};
use serde::{Deserialize, Serialize};

use super::consent::{YES, consent};
use crate::app::App;
use crate::arguments::nearest;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::management::invocation::{no_cache, shown as shown_path, wrong};
use crate::management::model::{Documented, INVOCATION, refused, shown};
use crate::management::operator::Operator;
use crate::management::process::forget::Changed;
use crate::management::servers::Told;
use crate::management::text::{count, time};
use crate::program::Program;
use crate::request::{Controller, Request};
use crate::socket::PATIENCE;

const PARAMETERS: &[(&str, &str)] = &[
    (
        INVOCATION,
        "Always refused: `expire` and `remove` are for the pages of one invocation.",
    ),
    (
        "program",
        "All pages of the program of this name, its whole path.",
    ),
    ("tag", "All pages with this tag."),
    ("all", "All pages."),
    YES,
    (
        "hard",
        "Always refused: `purge` is the hard one, `invalidate` the soft one.",
    ),
];

pub(in crate::management) fn invalidate() -> Program {
    let model = Documented {
        model: |arguments: Arguments, operator: Operator| change(SOFT, arguments, operator),
        parameters: PARAMETERS,
    };
    Program::new(model)
        .description(
            "Makes pages old: those of a program, those with a tag, or all\n\n\
             Name one of them: program=squared, tag=user:7, or --all. An old page is served only where its program's cache \
             setting says so: stale, or when the model fails; `purge` forbids that, too. For the pages of one invocation \
             there is `expire`. It says what it will do and asks; without a terminal it needs --yes. One small write, \
             however many pages there are.",
        )
        .collects(INVOCATION)
        .view(shown().fails_by(|report: &Report| report.failure.clone()))
}

pub(in crate::management) fn purge() -> Program {
    let model = Documented {
        model: |arguments: Arguments, operator: Operator| change(HARD, arguments, operator),
        parameters: PARAMETERS,
    };
    Program::new(model)
        .description(
            "Purges pages, which are never served again: those of a program, those with a tag, or all\n\n\
             Name one of them: program=squared, tag=user:7, or --all. The pages are not served again, not even while new \
             ones are computed or if the model fails; `invalidate` allows that. For the pages of one invocation there is \
             `remove`. It says what it will do and asks; without a terminal it needs --yes. One small write, however many \
             pages there are.",
        )
        .collects(INVOCATION)
        .view(shown().fails_by(|report: &Report| report.failure.clone()))
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    /// Words of an invocation, which belong to `expire` and `remove`.
    #[serde(default)]
    invocation: Vec<String>,
    #[serde(default)]
    program: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    yes: bool,
    #[serde(default)]
    hard: Option<bool>,
}

/// What distinguishes the two programs.
struct Way {
    is_hard: bool,
    name: &'static str,
    done: &'static str,
    /// The other program, and the one for the pages of one invocation.
    other: &'static str,
    of_one: &'static str,
    /// What it means for a page.
    means: &'static str,
}

const SOFT: Way = Way {
    is_hard: false,
    name: "invalidate",
    done: "invalidated",
    other: "purge",
    of_one: "expire",
    means: "they are served only where an old page may be",
};
const HARD: Way = Way {
    is_hard: true,
    name: "purge",
    done: "purged",
    other: "invalidate",
    of_one: "remove",
    means: "they are never served again",
};

#[derive(Serialize, Deserialize)]
struct Report {
    pages: String,
    is_hard: bool,
    /// The number of small writes.
    writes: usize,
    #[serde(flatten)]
    told: Told,
    /// When the processes know that were not told, if that is not at once.
    #[serde(default)]
    others_know_within_ms: Option<u64>,
    note: Option<String>,
    /// Why a command that works on the memory of servers fails.
    #[serde(skip)]
    failure: Option<Error>,
}

async fn change(way: Way, arguments: Arguments, operator: Operator) -> Result<Report> {
    let cache = operator.app.shared_cache();
    check_way(&way, &arguments)?;
    let scope = select(&arguments, &operator.app)?;
    operator.check_keeps(way.name)?;
    if let Scope::Tag(tag) = &scope
        && !operator.has_own_memory()
        && !cache.knows_tag(tag).await?
    {
        let message = format!(
            "no page has the tag {}, as far as the store knows: `explain` shows the tags of a page",
            quoted(tag)
        );
        return Err(refused("tag", tag, &message));
    }
    if !arguments.yes {
        let Way {
            name, means, done, ..
        } = way;
        let plan = format!("this {name}s {}: {means}", pages(&scope));
        consent(&operator, plan, done).await?;
    }
    if operator.has_own_memory() {
        return in_memories(&way, arguments, &scope, &operator).await;
    }
    match way.is_hard {
        true => cache.purge(scope.clone()).await?,
        false => cache.invalidate(scope.clone()).await?,
    }
    let within = cache.settles_within(&scope);
    let told = match within.is_zero() {
        true => Told::default(),
        false => operator.tell(&Changed::default()).await?,
    };
    // Processes elsewhere cannot be told. Where none could, they are waited for.
    let is_told = !told.processes.is_empty();
    if !is_told {
        tokio::time::sleep(within).await;
    }
    let is_own = cache.store().place() == Place::InProcess;
    Ok(Report {
        pages: pages(&scope),
        is_hard: way.is_hard,
        writes: 1,
        others_know_within_ms: is_told.then(|| within.as_millis() as u64),
        note: operator.behind().filter(|_| is_own).map(str::to_owned),
        told,
        failure: None,
    })
}

/// The same for what each server has in its memory.
async fn in_memories(
    way: &Way,
    arguments: Arguments,
    scope: &Scope,
    operator: &Operator,
) -> Result<Report> {
    let arguments = Arguments {
        yes: true,
        ..arguments
    };
    let program = format!("cache/{}", way.name);
    let asked = operator.ask_memories::<Report>(way.name, &program, &arguments, PATIENCE);
    let mut asked = asked.await?;
    // A server in whose memory no page has the tag has nothing to do.
    asked.refused.retain(|(_, error)| *error.kind() != ErrorKind::InvalidInput);
    let told = asked.told();
    Ok(Report {
        pages: pages(scope),
        is_hard: way.is_hard,
        writes: asked.answers.len(),
        failure: told.failure(),
        told,
        others_know_within_ms: None,
        note: None,
    })
}

/// Refuses what belongs to another program.
fn check_way(way: &Way, arguments: &Arguments) -> Result<()> {
    let Way {
        name,
        other,
        of_one,
        ..
    } = way;
    if arguments.hard.is_some() {
        let message = format!(
            "`purge` is always hard and `invalidate` never: leave it out, or use `{other}`"
        );
        return Err(refused("hard", "", message));
    }
    if !arguments.invocation.is_empty() {
        let given = arguments.invocation.join(" ");
        let message = format!(
            "{name} takes program=NAME, tag=NAME or --all; for the pages of one invocation use `{of_one}`: {of_one} {given}"
        );
        return Err(wrong(&given, &message));
    }
    Ok(())
}

/// The one scope that is named.
fn select(arguments: &Arguments, app: &App) -> Result<Scope> {
    let Arguments {
        program, tag, all, ..
    } = arguments;
    match (program, tag, all) {
        (Some(program), None, false) => program_scope(program, app),
        (None, Some(tag), false) if tag.is_empty() => {
            Err(refused("tag", tag, "the name of the tag is missing"))
        }
        (None, Some(tag), false) => Ok(Scope::Tag(tag.clone())),
        (None, None, true) => Ok(Scope::All),
        (None, None, false) => {
            let message = "nothing is named: give program=NAME, tag=NAME, or --all";
            Err(refused("program", "", message))
        }
        _ => {
            let message =
                "several things are named: give program=NAME, tag=NAME or --all, one at a time";
            Err(refused(
                "program",
                program.clone().unwrap_or_default(),
                message,
            ))
        }
    }
}

/// The program whose whole path is `name`; `/` is the one at the root.
fn program_scope(name: &str, app: &App) -> Result<Scope> {
    if name.is_empty() {
        let message = "the name of the program is missing; / is the one at the root";
        return Err(refused("program", name, message));
    }
    let path = if name == "/" { "" } else { name };
    let programs = Controller::ALL
        .into_iter()
        .flat_map(|controller| app.manifest().programs(controller));
    let programs: Vec<&Program> = programs.collect();
    let of_name = programs.iter().filter(|program| program.path() == path);
    let of_name: Vec<_> = of_name.collect();
    let is_cached = |program: &&&Program| program.cache_policy().is_some();
    match of_name.iter().any(is_cached) {
        true => Ok(Scope::Program(path.to_owned())),
        false if of_name.is_empty() => Err(refused(
            "program",
            name,
            unknown(name, path, &programs, app),
        )),
        false => Err(refused("program", name, no_cache(path))),
    }
}

/// There is no program `name`, whose path would be `path`.
fn unknown(name: &str, path: &str, programs: &[&Program], app: &App) -> String {
    // The path may be an alias, or a program with its arguments.
    let found = Controller::ALL.into_iter().find_map(|controller| {
        let request = Request::new(controller, path.trim_matches('/'));
        let found = app.manifest().find(request.path(), controller).ok()?;
        Some(found.program.path())
    });
    let near = found.or_else(|| nearest(path, programs.iter().map(|program| program.path())));
    let name = quoted(name);
    match near.map(shown_path) {
        Some(near) => format!("there is no program {name}; did you mean '{near}'?"),
        None => format!("there is no program {name}: the list of programs has their whole paths"),
    }
}

fn pages(scope: &Scope) -> String {
    match scope {
        Scope::Program(path) => format!("all pages of the program {}", shown_path(path)),
        Scope::Tag(tag) => format!("all pages with the tag {tag}"),
        _ => "all pages".to_owned(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.is_hard {
            true => "never served again",
            false => "old",
        };
        let known = match (&self.note, self.told.processes.is_empty()) {
            (Some(_), _) => "this process knows".to_owned(),
            (None, true) => "every process knows".to_owned(),
            (None, false) => format!("{} know", self.told.shown()),
        };
        let others = self.others_know_within_ms.map(Duration::from_millis);
        let others = others.map(|within| format!(", others within {}", time(within)));
        let writes = count(self.writes as u64, "write");
        let others = others.unwrap_or_default();
        writeln!(f, "{} are {how}: {writes}, and {known}{others}", self.pages)?;
        for silent in &self.told.silent {
            writeln!(f, "no answer from {silent}")?;
        }
        match &self.note {
            Some(note) => writeln!(f, "note: {note}"),
            None => Ok(()),
        }
    }
}
