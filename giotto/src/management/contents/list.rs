//! `cache/list`: the entries of the store, a page at a time, without their bodies.
//!
//! Runs no model. It looks at a bounded number of keys for a bounded time, with rests, so that requests are hardly slower
//! meanwhile.

use std::time::{Duration, Instant};

use super::filter::Sort;
use super::found::Found;
use super::hits::Hits;
use super::listed::{Listed, OfProcess};
use super::meant::{Arguments, Layer, Meant};
use super::view::{Report, Shown};
use crate::error::{Error, Result};
use crate::management::model::{Documented, INVOCATION, refused, shown};
use crate::management::operator::Operator;
use crate::management::watch;
use crate::program::Program;
use crate::socket::PATIENCE;
use crate::view::BasicView;
use giotto_cache::Place;

/// The most entries that are shown at once.
const MOST: usize = 1_000;
/// The keys that are looked at, if nothing is said: a first page comes within a second.
const BUDGET: u64 = 50_000;
const TIME: Duration = Duration::from_millis(800);
/// The pages with the most hits that are read at a time, until there are as many as are to be shown.
const READ: usize = 100;

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
        "The first entries by hits, bytes, age, newest, cost, expires or key. Without it, the first that are found.",
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
    ("watch", watch::WATCH),
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
             the format .ndjson each line is one entry in JSON. The hits are those of the last minute in all servers of this \
             machine; the first question begins to count them, for a minute.",
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

async fn list(arguments: Arguments, operator: Operator) -> Result<Listed> {
    operator.check_keeps("list")?;
    watch::check(arguments.watch, &operator)?;
    if arguments.sort.as_deref() == Some(Sort::HITS) {
        Hits::begin(&operator).await?;
    }
    loop {
        let listed = once(&arguments, &operator).await?;
        if !arguments.watch || !watch::print(&listed)? {
            return Ok(listed);
        }
        watch::rest().await;
    }
}

async fn once(arguments: &Arguments, operator: &Operator) -> Result<Listed> {
    let layer = Layer::of(arguments, operator)?;
    if layer.store.place() != Place::InProcess || !operator.is_command() {
        return here(arguments, operator).await.map(Listed::Here);
    }
    let operator = match arguments.process {
        Some(process) => operator.clone().only(vec![process]),
        None => operator.clone(),
    };
    let asked = operator.ask_memories("list", "process/list", arguments, PATIENCE);
    Ok(Listed::Servers(asked.await?.into()))
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
    let layer = Layer::of(arguments, operator)?;
    match sort {
        Some(Sort::Hits) => by_hits(arguments, operator, &meant, &layer).await,
        sort => by_walk(arguments, operator, &meant, &layer, sort).await,
    }
}

/// Goes through the keys of the layer.
async fn by_walk(
    arguments: &Arguments,
    operator: &Operator,
    meant: &Meant,
    layer: &Layer<'_>,
    sort: Option<Sort>,
) -> Result<Report> {
    let (skip, cursor) = position(arguments.after.as_deref())?;
    let mut listing = layer.listing(operator).after(cursor.clone());
    listing.scan.part = meant.part();
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
    let hits = Hits::ask(operator).await?;
    let entries = found.into_entries().into_iter();
    Ok(Report {
        store: format!("{:?}", layer.store),
        entries: entries.map(|entry| Shown::new(entry, &hits)).collect(),
        looked_at: walk.looked_at(),
        is_complete: next.is_none(),
        sorted_by: arguments.sort.clone(),
        next,
        hits: hits.counted().cloned(),
        note: layer.note,
    })
}

/// Reads the pages that had hits, those with the most first: they are found without going through the store.
async fn by_hits(
    arguments: &Arguments,
    operator: &Operator,
    meant: &Meant,
    layer: &Layer<'_>,
) -> Result<Report> {
    if let Some(after) = &arguments.after {
        let message = "a list by hits has one page: raise limit";
        return Err(refused("after", after, message));
    }
    let hits = Hits::ask(operator).await?;
    if hits.counted().is_none() {
        return Err(Error::other(operator.where_servers_are()));
    }
    let (mut entries, mut looked_at) = (Vec::new(), 0);
    for keys in hits.most().chunks(READ) {
        let listing = layer.listing(operator).keys(keys.to_vec());
        let page = operator.app.shared_cache().list(&listing).await?;
        looked_at += page.looked_at;
        let found = page.entries.into_iter().filter(|entry| meant.has(entry));
        entries.extend(found.map(|entry| Shown::new(entry, &hits)));
        if entries.len() >= arguments.limit {
            break;
        }
    }
    entries.truncate(arguments.limit);
    Ok(Report {
        store: format!("{:?}", layer.store),
        entries,
        looked_at,
        is_complete: false,
        sorted_by: arguments.sort.clone(),
        next: None,
        hits: hits.counted().cloned(),
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
