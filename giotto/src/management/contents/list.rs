//! `cache/list`: the entries of the store, a page at a time, without their bodies.
//!
//! Runs no model. It looks at a bounded number of keys for a bounded time, with rests, so that requests are hardly slower
//! meanwhile.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use giotto_cache::{Key, KeyValue, ListedEntry, Listing, Place, Policy};
use serde::{Deserialize, Serialize};

use super::filter::{Filter, Sort};
use super::found::Found;
use super::listed::{Listed, OfProcess};
use super::pattern::Pattern;
use super::view::Report;
use crate::app::App;
use crate::error::{Error, Result};
use crate::management::model::{Documented, INVOCATION, refused, shown};
use crate::management::operator::Operator;
use crate::program::Program;
use crate::request::Controller;
use crate::socket::PATIENCE;
use crate::view::BasicView;

/// The most entries that are shown at once.
const MOST: usize = 1_000;
/// The keys that are looked at, if nothing is said: a first page comes within a second.
const BUDGET: u64 = 50_000;
const TIME: Duration = Duration::from_millis(800);
/// The keys that are looked at for one page of the store.
const PAGE: usize = 1_000;
const PAGE_OF_MEMORY: usize = 20_000;

const PARAMETERS: &[(&str, &str)] = &[
    (
        INVOCATION,
        "A program and arguments, whose values may have a star: price sku=app*. Without it, all programs.",
    ),
    (
        "state",
        "Only entries that are fresh, stale, expired, invalidated, purged, unreadable or unknown; several with commas.",
    ),
    (
        "older",
        "Only entries that were computed at least so many seconds ago.",
    ),
    ("larger", "Only entries of at least so many bytes."),
    (
        "sort",
        "The first entries by bytes, age, newest, cost, expires or key. Without it, the first that are found.",
    ),
    ("limit", "How many entries are shown, 1,000 at most."),
    ("after", "Where to go on: what the last page said."),
    (
        "budget",
        "How many keys are looked at. Without it, those of about a second.",
    ),
    (
        "layer",
        "The number of the layer, 1 for the fastest. Without it, the last one, which has everything.",
    ),
    (
        "process",
        "Only the memory of the server with this process id, if the layer is the memory of servers.",
    ),
];

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: list,
        parameters: PARAMETERS,
    };
    Program::new(model)
        .description(
            "Lists what is in the cache: price sku=app* --sort=bytes\n\n\
             The bodies are not read. It looks at a part of the keys if there are many, says so, and says where to go on. With \
             the format .ndjson each line is one entry in JSON.",
        )
        .collects(INVOCATION)
        .view(shown().shows("application/x-ndjson", Listed::lines))
}

/// What this process has in its memory, for a command that asks it.
pub(in crate::management) fn of_process() -> Program {
    let model = |arguments: Arguments, operator: Operator| async move {
        OfProcess::new(&here(&arguments, &operator).await?)
    };
    Program::new(model)
        .description("Lists what is in the memory of this process")
        .view(BasicView::new())
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    #[serde(default)]
    invocation: Vec<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    older: Option<u64>,
    #[serde(default)]
    larger: Option<u64>,
    #[serde(default)]
    sort: Option<String>,
    #[serde(default = "twenty")]
    limit: usize,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    budget: Option<u64>,
    #[serde(default)]
    layer: Option<usize>,
    #[serde(default)]
    process: Option<u32>,
}

const fn twenty() -> usize {
    20
}

async fn list(arguments: Arguments, operator: Operator) -> Result<Listed> {
    operator.check_keeps("list")?;
    if layer(&arguments, &operator)?.store.place() == Place::InProcess && operator.is_command() {
        let operator = match arguments.process {
            Some(process) => operator.only(vec![process]),
            None => operator,
        };
        let asked = operator.ask_memories("list", "process/list", &arguments, PATIENCE);
        return Ok(Listed::Servers(asked.await?.into()));
    }
    here(&arguments, &operator).await.map(Listed::Here)
}

/// Lists a layer that this process can see.
async fn here(arguments: &Arguments, operator: &Operator) -> Result<Report> {
    if !(1..=MOST).contains(&arguments.limit) {
        return Err(refused(
            "limit",
            arguments.limit.to_string(),
            "it is 1 to 1,000",
        ));
    }
    let meant = Meant::read(arguments, &operator.app)?;
    let sort = arguments.sort.as_deref().map(Sort::read).transpose()?;
    let layer = layer(arguments, operator)?;
    let (skip, cursor) = position(arguments.after.as_deref())?;
    let mut listing = Listing::new(layer.page())
        .layer(layer.number)
        .after(cursor.clone());
    listing.scan.part = meant
        .pattern
        .as_ref()
        .map(Pattern::part)
        .unwrap_or_default();
    let listing = listing.policies(policies(&operator.app));
    let walk = operator.app.shared_cache().walk(listing);
    let mut walk = match arguments.budget {
        Some(budget) => walk.budget(budget),
        None => walk.budget(BUDGET).until(Instant::now() + TIME),
    };
    let mut found = Found::new(sort, arguments.limit, skip, cursor);
    while !found.is_full() {
        let page = walk.next().await;
        let Some(page) = page.map_err(|error| foreign(error, arguments))? else {
            break;
        };
        let entries = page.entries.into_iter().filter(|entry| meant.has(entry));
        found.take(entries, walk.cursor());
    }
    let next = found.next(walk.cursor());
    Ok(Report {
        store: format!("{:?}", layer.store),
        entries: found.into_entries(),
        looked_at: walk.looked_at(),
        is_complete: next.is_none(),
        sorted_by: arguments.sort.clone(),
        next,
        note: layer.note,
    })
}

/// A cursor of another store is a wrong argument.
fn foreign(error: giotto_cache::Error, arguments: &Arguments) -> Error {
    let after = arguments.after.clone().unwrap_or_default();
    match error.kind() {
        giotto_cache::ErrorKind::Configuration => refused("after", after, error.to_string()),
        _ => error.into(),
    }
}

/// The entries that are meant.
struct Meant {
    pattern: Option<Pattern>,
    filter: Filter,
}

impl Meant {
    fn read(arguments: &Arguments, app: &App) -> Result<Self> {
        let words = &arguments.invocation;
        let pattern = match words.is_empty() {
            true => None,
            false => Some(Pattern::of_words(words, app)?),
        };
        let Arguments {
            state,
            older,
            larger,
            ..
        } = arguments;
        let filter = Filter::read(state.as_deref(), *older, *larger)?;
        Ok(Self { pattern, filter })
    }

    fn has(&self, entry: &ListedEntry) -> bool {
        let is_of_it = |pattern: &Pattern| pattern.has(entry);
        self.pattern.as_ref().is_none_or(is_of_it) && self.filter.admits(entry)
    }
}

/// The layer that is listed.
struct Layer<'a> {
    number: Option<usize>,
    store: &'a dyn KeyValue,
    note: Option<&'static str>,
}

impl Layer<'_> {
    /// The keys that are looked at for one page.
    fn page(&self) -> usize {
        match self.store.place() {
            Place::InProcess => PAGE_OF_MEMORY,
            _ => PAGE,
        }
    }
}

fn layer<'a>(arguments: &Arguments, operator: &'a Operator) -> Result<Layer<'a>> {
    let store = operator.app.shared_cache().store();
    let mut layers = store.layers();
    if layers.is_empty() {
        layers.push(store);
    }
    let number = arguments.layer.unwrap_or(layers.len());
    let chosen = number.checked_sub(1).and_then(|at| layers.get(at).copied());
    let chosen = chosen.ok_or_else(|| {
        let message = format!("the layers are 1 to {}, the fastest first", layers.len());
        refused("layer", number.to_string(), message)
    })?;
    let is_own = chosen.place() == Place::InProcess;
    Ok(Layer {
        number: Some(number - 1),
        store: chosen,
        note: is_own.then_some("this is the memory of one process: others have their own"),
    })
}

/// How many of the entries after a cursor of the store were shown already, and that cursor: `20~17` or `0~`.
fn position(after: Option<&str>) -> Result<(usize, Option<String>)> {
    let Some(after) = after else {
        return Ok((0, None));
    };
    let parts = after.split_once('~');
    let parts = parts.and_then(|(skip, cursor)| Some((skip.parse().ok()?, cursor)));
    let (skip, cursor) = parts.ok_or_else(|| {
        refused(
            "after",
            after,
            "it is what the last page said; leave it out to begin again",
        )
    })?;
    Ok((skip, (!cursor.is_empty()).then(|| cursor.to_owned())))
}

/// The policy of each program that has one, by its name in keys.
pub(in crate::management) fn policies(app: &App) -> HashMap<String, Policy> {
    let controllers = Controller::ALL.into_iter();
    let programs = controllers.flat_map(|controller| app.manifest().programs(controller));
    let policies = programs.filter_map(|program| {
        let name = Key::new(program.path(), "", "").program().to_owned();
        Some((name, *program.cache_policy()?))
    });
    policies.collect()
}
