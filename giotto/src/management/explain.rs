//! `cache/explain`: what the cache has of an invocation, and what the next request would get.
//!
//! Runs no model. It understands the invocation and judges what is stored as a request does.

use std::fmt;

use giotto_cache::{EntryState, ErrorKind, Explanation, Staleness, Status};
use serde::Serialize;

use super::invocation::{Invocation, lookup, no_cache, shown};
use super::text::{columns, time};
use super::{Documented, INVOCATION, Operator, WORDS, Words};
use crate::app::Asked;
use crate::error::{Error, Result};
use crate::program::Program;
use crate::request::{CMD, Controller};

pub(super) fn program() -> Program {
    let model = Documented {
        model: explain,
        parameters: &[WORDS],
    };
    Program::new(model)
        .description(
            "Explains an invocation: its key, what is stored, and what the next request would get",
        )
        .collects(INVOCATION)
        .view(super::shown())
}

/// What is known of an invocation. All times of its JSON are in milliseconds; `null` = for ever.
#[derive(Serialize)]
struct Report {
    program: String,
    /// As they stand in the key.
    arguments: String,
    ignored: Vec<String>,
    mimetype: String,
    is_cached: bool,
    key: Option<String>,
    stored_key: Option<String>,
    layers: Vec<Layer>,
    entry: Option<Entry>,
    is_computed_now: bool,
    next: Vec<Next>,
    note: Option<&'static str>,
}

#[derive(Serialize)]
struct Layer {
    store: String,
    state: String,
}

/// An entry and its clocks.
#[derive(Serialize)]
pub(super) struct Entry {
    bytes: usize,
    age_ms: u128,
    fresh_for_ms: Option<u128>,
    stale_for_ms: Option<u128>,
    keep_for_ms: Option<u128>,
    throttled_for_ms: u128,
    cost_ms: f64,
    is_negative: bool,
    version: u32,
    tags: Vec<Tag>,
    etag: String,
    #[serde(skip)]
    clocks: String,
}

#[derive(Serialize)]
struct Tag {
    tag: String,
    state: &'static str,
}

/// What the next request over one front end would get.
#[derive(Clone, PartialEq, Serialize)]
struct Next {
    over: &'static str,
    status: &'static str,
    reason: Option<String>,
    refreshes: bool,
    /// Whether the old page is served if the model is run and fails.
    falls_back: bool,
    /// The key, if it is not that of the others: middleware tells front ends apart.
    key: Option<String>,
    says: String,
}

async fn explain(words: Words, operator: Operator) -> Result<Report> {
    let (app, cache) = (&operator.app, operator.app.shared_cache());
    let invocation = Invocation::read(&words.invocation)?;
    let mut report: Option<Report> = None;
    let mut nexts = Vec::new();
    let mut refused = None;
    for front_end in invocation.front_ends(app)? {
        let controller = front_end.controller;
        let mut request = invocation.request(controller);
        let asked = match app.understand(&mut request) {
            Ok(asked) => asked,
            Err(error) => {
                nexts.push(Next::refused(controller, &error));
                refused = refused.or(Some(error));
                continue;
            }
        };
        let explained = match asked.program.cache_policy() {
            Some(policy) => Some(cache.explain(&lookup(&asked, policy, &request)).await),
            None => None,
        };
        let next = explained
            .as_ref()
            .map(|explained| Next::new(controller, explained));
        let report =
            report.get_or_insert_with(|| Report::new(&invocation, &asked, explained.as_ref()));
        let other = explained
            .map(|explained| explained.key)
            .filter(|key| Some(key) != report.key.as_ref());
        nexts.extend(next.map(|next| Next { key: other, ..next }));
    }
    let mut report = report.ok_or_else(|| {
        let nobody = || super::invocation::wrong("", "no front end can ask for it");
        refused.unwrap_or_else(nobody)
    })?;
    report.next = nexts;
    if operator.has_own_memory() {
        report.note = Some(
            "this cache lives in the memory of each process, and a command has its own, which is empty: \
             ask a server over HTTP, where the application lists this program",
        );
    }
    Ok(report)
}

impl Report {
    fn new(invocation: &Invocation, asked: &Asked<'_>, explained: Option<&Explanation>) -> Self {
        let layers = explained.map(|explained| &explained.layers);
        let layers = layers.into_iter().flatten().map(|layer| Layer {
            store: layer.store.clone(),
            state: layer.state.clone(),
        });
        let entry = explained.and_then(|explained| explained.entry.as_ref());
        Self {
            program: asked.program.path().to_owned(),
            arguments: asked.args.canonical.clone(),
            ignored: invocation.ignored(asked.program),
            mimetype: asked.mime.essence().to_owned(),
            is_cached: explained.is_some(),
            key: explained.map(|explained| explained.key.clone()),
            stored_key: explained.map(|explained| explained.stored_key.clone()),
            layers: layers.collect(),
            entry: entry.map(Entry::new),
            is_computed_now: explained.is_some_and(|explained| explained.is_computed_now),
            next: Vec::new(),
            note: None,
        }
    }
}

impl Entry {
    pub(super) fn new(entry: &EntryState) -> Self {
        let ms = |time: std::time::Duration| time.as_millis();
        let tags = entry.tags.iter().map(|(tag, state)| Tag {
            tag: tag.clone(),
            state,
        });
        Self {
            bytes: entry.body.len(),
            age_ms: ms(entry.age),
            fresh_for_ms: entry.fresh_for.map(ms),
            stale_for_ms: entry.stale_for.map(ms),
            keep_for_ms: entry.keep_for.map(ms),
            throttled_for_ms: ms(entry.throttled_for),
            cost_ms: entry.cost.as_secs_f64() * 1_000.0,
            is_negative: entry.is_negative,
            version: entry.version,
            tags: tags.collect(),
            etag: entry.etag.clone(),
            clocks: clocks(entry),
        }
    }
}

/// `120 bytes, computed 5 min ago in 12 ms` and the clocks that still run.
fn clocks(entry: &EntryState) -> String {
    let what = if entry.is_negative {
        "\"not found\", "
    } else {
        ""
    };
    let mut text = format!(
        "{what}{} bytes, computed {} ago in {}\n",
        entry.body.len(),
        time(entry.age),
        time(entry.cost)
    );
    let left = |left: Option<std::time::Duration>| match left {
        None => "for ever".to_owned(),
        Some(left) if left.is_zero() => "no more".to_owned(),
        Some(left) => format!("for {}", time(left)),
    };
    text.push_str(&format!("fresh {}", left(entry.fresh_for)));
    if entry.stale_for != entry.fresh_for {
        text.push_str(&format!(", stale {}", left(entry.stale_for)));
    }
    if entry.keep_for != entry.stale_for {
        text.push_str(&format!(", kept {}", left(entry.keep_for)));
    }
    if !entry.throttled_for.is_zero() {
        let again = time(entry.throttled_for);
        text.push_str(&format!("\nthe model failed: it is left alone for {again}"));
    }
    text
}

impl Next {
    fn new(controller: Controller, explained: &Explanation) -> Self {
        let (status, says) = match explained.next {
            Ok(status) => (name(status), says(status, explained)),
            Err(kind) => (not_cached(kind), "an error".to_owned()),
        };
        let runs = matches!(
            explained.next,
            Ok(Status::Stored | Status::NotStored | Status::Collapsed)
        );
        Self {
            over: over(controller),
            status,
            reason: explained.reason.as_ref().map(ToString::to_string),
            refreshes: explained.refreshes,
            falls_back: runs && explained.falls_back,
            key: None,
            says,
        }
    }

    fn refused(controller: Controller, error: &Error) -> Self {
        Self {
            over: over(controller),
            status: "refused",
            reason: None,
            refreshes: false,
            falls_back: false,
            key: None,
            says: format!("an error, before the cache is asked: {error}"),
        }
    }
}

fn over(controller: Controller) -> &'static str {
    if controller == CMD { "cmd" } else { "http" }
}

const fn not_cached(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotCached => "not-cached",
        _ => "error",
    }
}

/// The name of what a request is told.
pub(super) const fn name(status: Status) -> &'static str {
    match status {
        Status::Hit => "hit",
        Status::Stale(Staleness::Revalidating) => "stale-revalidating",
        Status::Stale(Staleness::Throttled) => "stale-throttled",
        Status::Stale(Staleness::Failed) => "stale-failed",
        Status::Stale(_) => "stale-late",
        Status::Stored => "stored",
        Status::Collapsed => "collapsed",
        _ => "not-stored",
    }
}

fn says(status: Status, explained: &Explanation) -> String {
    let reason = explained.reason.as_ref();
    let why = reason.map(|reason| format!(" ({reason})"));
    let why = why.unwrap_or_default();
    let fallback = match explained.falls_back {
        true => "; if it fails, the old page",
        false => "",
    };
    match status {
        Status::Hit if explained.refreshes => {
            "a hit; by chance, a new page would be computed early, behind the scenes".to_owned()
        }
        Status::Hit => "a hit: the stored page".to_owned(),
        Status::Stale(Staleness::Throttled) => {
            format!("the old page{why}: the model failed a moment ago, and is not run again yet")
        }
        Status::Stale(_) if explained.refreshes => {
            format!("the old page{why}, at once; a new one is computed behind the scenes")
        }
        Status::Stale(_) if explained.is_computed_now => {
            format!("the old page{why}, at once; a new one is being computed")
        }
        Status::Stale(_) => {
            format!(
                "the old page{why}, at once; the model failed a moment ago, and is not run again yet"
            )
        }
        Status::Stored => format!("the model is run and its page stored{why}{fallback}"),
        Status::Collapsed => {
            format!("the page that is being computed now, once it is there{why}{fallback}")
        }
        _ => format!("the model is run; nothing is stored{why}{fallback}"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![
            ("program", shown(&self.program).to_owned()),
            ("arguments", self.arguments.clone()),
        ];
        if !self.ignored.is_empty() {
            let ignored = self.ignored.join(", ");
            let remark = "no parameter of that name; HTTP ignores it, the command line refuses it";
            lines.push(("ignored", format!("{ignored} ({remark})")));
        }
        lines.push(("shown as", self.mimetype.clone()));
        if !self.is_cached {
            lines.push(("next", no_cache(&self.program)));
        }
        if let (Some(key), Some(stored_key)) = (&self.key, &self.stored_key) {
            lines.extend([("key", key.clone()), ("stored as", stored_key.clone())]);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let name = if number == 0 { "store" } else { "" };
            lines.push((name, format!("{}: {}", layer.store, layer.state)));
        }
        if let Some(entry) = &self.entry {
            lines.push(("entry", entry.clocks.clone()));
            lines.push(("version", entry.version.to_string()));
            let tags = entry.tags.iter();
            let tags: Vec<_> = tags
                .map(|Tag { tag, state }| format!("{tag} ({state})"))
                .collect();
            if !tags.is_empty() {
                lines.push(("tags", tags.join(", ")));
            }
            lines.push(("etag", entry.etag.clone()));
        }
        if self.is_computed_now {
            lines.push(("computing", "somebody computes it now".to_owned()));
        }
        for (label, next) in self.labelled() {
            lines.push((label, next.says.clone()));
            if let Some(key) = &next.key {
                lines.push(("", format!("under another key: {key}")));
            }
        }
        if let Some(note) = self.note {
            lines.push(("note", note.to_owned()));
        }
        f.write_str(&columns(lines))
    }
}

impl Report {
    /// What is next, said once if it is the same over all front ends.
    fn labelled(&self) -> Vec<(&'static str, &Next)> {
        match &*self.next {
            [one, other] if one.says == other.says && other.key.is_none() => vec![("next", one)],
            nexts => nexts
                .iter()
                .map(|next| match next.over {
                    "http" => ("next, over HTTP", next),
                    _ => ("next, on the command line", next),
                })
                .collect(),
        }
    }
}
