//! `cache/purge`: makes pages old, or removes them: those of an invocation, of a program, with a tag, or all.
//!
//! One thing must be named exactly, and somebody must agree to what will be done: nothing is purged by accident.

use std::fmt;
use std::io::{self, BufRead};

use giotto_cache::{Place, Scope};
use serde::{Deserialize, Serialize};

use super::expire::pages;
use super::invocation::{Invocation, Target, no_cache, shown, wrong};
use super::{Documented, INVOCATION, Operator, WORDS, refused};
use crate::app::App;
use crate::arguments::nearest;
use crate::controller::cmd::ask;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::program::Program;
use crate::request::{Controller, Request};

pub(super) fn program() -> Program {
    let model = Documented {
        model: purge,
        parameters: &[
            WORDS,
            (
                "program",
                "All pages of the program of this name, its whole path.",
            ),
            ("tag", "All pages with this tag."),
            ("all", "All pages."),
            (
                "hard",
                "Never serve them again, not even while a new one is computed or if the model fails.",
            ),
            ("yes", "Do it without asking."),
        ],
    };
    Program::new(model)
        .description(
            "Makes pages old: those of an invocation, of a program, with a tag, or all\n\n\
             Name one of them: `squared x=12` (its pages in all formats, or the one that is named, are removed), \
             program=squared, tag=user:7, or --all. It says what it will do and asks; where nobody can be asked it \
             needs --yes. One small write, however many pages there are.",
        )
        .collects(INVOCATION)
        .view(super::shown())
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    #[serde(default)]
    invocation: Vec<String>,
    #[serde(default)]
    program: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    hard: bool,
    #[serde(default)]
    yes: bool,
}

/// What was named.
enum Selection<'a> {
    Invocation(Box<Target<'a>>),
    Scope(Scope),
}

#[derive(Serialize)]
struct Report {
    purged: String,
    is_hard: bool,
    /// The media types of the pages that were there; `null` for a program, a tag or all, whose pages nobody counts.
    removed: Option<Vec<String>>,
    /// How many small writes it took.
    writes: usize,
    note: Option<&'static str>,
}

async fn purge(arguments: Arguments, operator: Operator) -> Result<Report> {
    let cache = operator.app.shared_cache();
    let selection = select(&arguments, &operator.app)?;
    operator.check_keeps("purge")?;
    if let Selection::Scope(Scope::Tag(tag)) = &selection
        && !cache.knows_tag(tag).await?
    {
        let message = format!(
            "no page has the tag {}, as far as the store knows: `explain` shows the tags of a page",
            quoted(tag)
        );
        return Err(refused("tag", tag, &message));
    }
    if !arguments.yes {
        let plan = plan(&selection, arguments.hard);
        agree(&operator, plan).await?;
    }
    match selection {
        Selection::Invocation(target) => {
            let mut removed = Vec::new();
            for mime in target.mimes() {
                if cache.remove(&target.key(mime)).await? {
                    removed.push(mime.essence().to_owned());
                }
            }
            Ok(Report {
                purged: target.name(),
                is_hard: true,
                writes: target.mimes().len(),
                removed: Some(removed),
                note: operator.behind(),
            })
        }
        Selection::Scope(scope) => {
            match arguments.hard {
                true => cache.purge(scope.clone()).await?,
                false => cache.invalidate(scope.clone()).await?,
            }
            tokio::time::sleep(cache.settles_within(&scope)).await;
            let is_own = cache.store().place() == Place::InProcess;
            Ok(Report {
                purged: named(&scope),
                is_hard: arguments.hard,
                removed: None,
                writes: 1,
                note: operator.behind().filter(|_| is_own),
            })
        }
    }
}

/// The one thing that is named.
fn select<'a>(arguments: &Arguments, app: &'a App) -> Result<Selection<'a>> {
    let Arguments {
        invocation,
        program,
        tag,
        all,
        ..
    } = arguments;
    let named = [
        !invocation.is_empty(),
        program.is_some(),
        tag.is_some(),
        *all,
    ];
    match named.iter().filter(|named| **named).count() {
        1 => {}
        0 => {
            let message = "nothing is named: give an invocation (squared x=12), program=NAME, tag=NAME, or --all";
            return Err(wrong("", message));
        }
        _ => {
            let message = "several things are named: give an invocation, program=NAME, tag=NAME or --all, one at a time";
            return Err(wrong(&invocation.join(" "), message));
        }
    }
    Ok(match (program, tag) {
        (Some(program), _) => Selection::Scope(program_scope(program, app)?),
        (_, Some(tag)) if tag.is_empty() => {
            return Err(refused("tag", tag, "the name of the tag is missing"));
        }
        (_, Some(tag)) => Selection::Scope(Scope::Tag(tag.clone())),
        _ if *all => Selection::Scope(Scope::All),
        _ => Selection::Invocation(Box::new(Invocation::read(invocation)?.target(app)?)),
    })
}

/// The program whose whole path is `name`; `/` is the one at the root.
fn program_scope(name: &str, app: &App) -> Result<Scope> {
    if name.is_empty() {
        let message = "the name of the program is missing; / is the one at the root";
        return Err(refused("program", name, message));
    }
    let path = if name == "/" { "" } else { name };
    let manifest = app.manifest();
    let programs = Controller::ALL
        .into_iter()
        .flat_map(|controller| manifest.programs(controller));
    let programs: Vec<&Program> = programs.collect();
    let of_name = programs.iter().filter(|program| program.path() == path);
    let of_name: Vec<_> = of_name.collect();
    if of_name
        .iter()
        .any(|program| program.cache_policy().is_some())
    {
        return Ok(Scope::Program(path.to_owned()));
    }
    if !of_name.is_empty() {
        return Err(refused("program", name, no_cache(path)));
    }
    // What is found under the path all the same is an alias, or a program and its arguments.
    let found = Controller::ALL.into_iter().find_map(|controller| {
        let request = Request::new(controller, path.trim_matches('/'));
        let found = manifest.find(request.path(), controller).ok()?;
        Some(found.program.path())
    });
    let near = found.or_else(|| nearest(path, programs.iter().map(|program| program.path())));
    let message = match near {
        Some(near) => format!(
            "there is no program {}; did you mean '{}'?",
            quoted(name),
            shown(near)
        ),
        None => format!(
            "there is no program {}: the list of programs has their whole paths",
            quoted(name)
        ),
    };
    Err(refused("program", name, &message))
}

/// What will be done, as a sentence.
fn plan(selection: &Selection<'_>, is_hard: bool) -> String {
    let served = match is_hard {
        true => "they are never served again",
        false => "they are served only where an old page may be",
    };
    match selection {
        Selection::Invocation(target) => {
            let mimes: Vec<_> = target.mimes().iter().map(|mime| mime.essence()).collect();
            format!(
                "this removes the pages of {} as {}",
                target.name(),
                mimes.join(", ")
            )
        }
        Selection::Scope(scope) => format!("this makes {} old: {served}", named(scope)),
    }
}

fn named(scope: &Scope) -> String {
    match scope {
        Scope::Program(path) => format!("all pages of the program {}", shown(path)),
        Scope::Tag(tag) => format!("all pages with the tag {tag}"),
        _ => "all pages".to_owned(),
    }
}

/// Asks whoever sits at the terminal.
async fn agree(operator: &Operator, plan: String) -> Result<()> {
    if !operator.can_ask() {
        let message = format!("{plan}. Nothing was done: say yes (--yes, yes=true) to do it");
        return Err(refused("yes", "", &message));
    }
    let asked = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        ask(&format!("{plan}. Go on? [y/N] "));
        io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    match asked.await??.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::new(ErrorKind::Other, "nothing was purged")),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.removed {
            Some(removed) => writeln!(f, "{}", pages("removed", &self.purged, removed))?,
            None => {
                let how = if self.is_hard {
                    "never served again"
                } else {
                    "old"
                };
                let purged = &self.purged;
                let known = match self.note {
                    Some(_) => "this process knows",
                    None => "every process knows",
                };
                writeln!(f, "{purged} are {how}: 1 write, and {known}")?;
            }
        }
        match self.note {
            Some(note) => writeln!(f, "note: {note}"),
            None => Ok(()),
        }
    }
}
