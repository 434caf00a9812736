//! `cache/invalidate` and `cache/purge`: the pages of a program, with a tag, or all.
//!
//! An invalidated page is served only where the policy of its program allows an old page. A purged page is never served
//! again. Exactly one scope must be named, and a person or `--yes` must agree: nothing is purged by accident.

use giotto_cache::Scope;
use serde::{Deserialize, Serialize};

use super::carry_out::{change_scope, in_each_memory, remove};
use super::chosen::Chosen;
use super::consent::{YES, consent};
use super::dry_run;
use super::outcome::Report;
use crate::app::App;
use crate::arguments::nearest;
use crate::error::{Result, quoted};
use crate::management::contents::Pattern;
use crate::management::invocation::{no_cache, shown as shown_path, wrong};
use crate::management::model::{Documented, INVOCATION, refused, shown};
use crate::management::operator::Operator;
use crate::program::Program;
use crate::request::{Controller, Request};

const PARAMETERS: &[(&str, &str)] = &[
    (
        INVOCATION,
        "A program and arguments with a star, only for `purge`: price sku=app*. `expire` and `remove` are for the pages of one \
         invocation.",
    ),
    (
        "program",
        "All pages of the program of this name, its whole path.",
    ),
    ("tag", "All pages with this tag."),
    ("all", "All pages."),
    YES,
    (
        "dry_run",
        "Do nothing: count the pages that are meant, and show ten.",
    ),
    (
        "reclaim",
        "Only for `purge`: also remove the purged pages from the store, in batches, so that their room is free.",
    ),
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
             `remove`; for those of some arguments: price sku=app*. It says what it will do and asks; without a terminal it \
             needs --yes. One small write, however many pages there are, but for arguments: then the pages are looked for \
             and removed.",
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
    dry_run: bool,
    #[serde(default)]
    reclaim: bool,
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

async fn change(way: Way, arguments: Arguments, operator: Operator) -> Result<Report> {
    let cache = operator.app.shared_cache();
    let chosen = choose(&way, &arguments, &operator.app)?;
    operator.check_keeps(way.name)?;
    if let Chosen::Scope(Scope::Tag(tag)) = &chosen
        && !operator.has_own_memory()
        && !cache.knows_tag(tag).await?
    {
        let message = format!(
            "no page has the tag {}, as far as the store knows: `explain` shows the tags of a page",
            quoted(tag)
        );
        return Err(refused("tag", tag, &message));
    }
    let in_memories = operator.has_own_memory();
    if arguments.dry_run && !in_memories {
        return dry_run::count(way.name, chosen, &operator).await;
    }
    if !arguments.yes && !arguments.dry_run {
        let Way {
            name, means, done, ..
        } = way;
        let plan = format!("this {name}s {}: {means}", chosen.pages());
        consent(&operator, plan, done).await?;
    }
    match chosen {
        _ if in_memories => {
            let arguments = Arguments {
                yes: true,
                ..arguments
            };
            in_each_memory(way.name, &arguments, &operator).await
        }
        Chosen::Scope(scope) => {
            change_scope(way.is_hard, scope, arguments.reclaim, &operator).await
        }
        Chosen::Pattern(pattern) => remove(pattern, &operator).await,
    }
}

/// What is named: a scope, or a pattern of arguments.
fn choose(way: &Way, arguments: &Arguments, app: &App) -> Result<Chosen> {
    if !way.is_hard && arguments.reclaim {
        let message = "only what is purged can be removed: use `purge`, or leave it out";
        return Err(refused("reclaim", "true", message));
    }
    let words = &arguments.invocation;
    let has_star = words.iter().any(|word| word.contains('*'));
    if !way.is_hard || !has_star || arguments.hard.is_some() {
        check_way(way, arguments)?;
        return select(arguments, app).map(Chosen::Scope);
    }
    if arguments.program.is_some() || arguments.tag.is_some() || arguments.all {
        let message = "several things are named: give program=NAME, tag=NAME, --all, or a program and its arguments, one at \
                       a time";
        return Err(wrong(&words.join(" "), message));
    }
    Pattern::of_words(words, app).map(Chosen::Pattern)
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
    if app.is_of_cache() {
        return Ok(Scope::Program(path.to_owned()));
    }
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
