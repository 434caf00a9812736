//! `cache/explain`: what the cache has of an invocation, and what the next request would get.
//!
//! Runs no model. It understands the invocation and judges what is stored as a request does.

use std::fmt;

use giotto_cache::{Explanation, LayerState, Place};
use serde::Serialize;

use super::entry::Entry;
use super::next::Next;
use crate::asked::Asked;
use crate::error::Result;
use crate::management::invocation::{
    FrontEnd, Invocation, no_cache, no_front_end, shown as shown_path,
};
use crate::management::model::{Documented, INVOCATION, WORDS, Words, shown};
use crate::management::operator::Operator;
use crate::management::text::columns;
use crate::program::Program;
use crate::request::CMD;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: explain,
        parameters: &[WORDS],
    };
    Program::new(model)
        .description(
            "Explains an invocation: its key, what is stored, and what the next request would get",
        )
        .collects(INVOCATION)
        .view(shown())
}

/// What is known of an invocation. All times of its JSON are in milliseconds; `null` = for ever.
#[derive(Serialize)]
struct Report {
    program: String,
    /// As they stand in the key.
    arguments: String,
    ignored: Vec<String>,
    /// Those that middleware sets, whatever was given.
    replaced: Vec<&'static str>,
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

async fn explain(words: Words, operator: Operator) -> Result<Report> {
    let (app, cache) = (&operator.app, operator.app.shared_cache());
    let invocation = Invocation::read(&words.invocation)?;
    let mut report: Option<Report> = None;
    let mut nexts = Vec::new();
    let mut refused = None;
    for front_end in FrontEnd::all(&invocation, app)? {
        let controller = front_end.controller;
        let mut request = invocation.request(controller);
        let asked = match Asked::of(app.manifest(), &mut request) {
            Ok(asked) => asked,
            Err(error) => {
                nexts.push(Next::refused(controller, &error));
                refused = refused.or(Some(error));
                continue;
            }
        };
        let explained = match asked.program.cache_policy() {
            Some(policy) => Some(cache.explain(&asked.lookup(policy, &request)?).await),
            None => None,
        };
        let next = explained
            .as_ref()
            .map(|explained| Next::new(controller, explained));
        let report = report.get_or_insert_with(|| {
            let changed = front_end.changed(&invocation, &request).into_iter();
            Report {
                replaced: changed.map(|(name, ..)| name).collect(),
                ignored: front_end.ignored(&invocation),
                ..Report::new(&asked, explained.as_ref(), &operator)
            }
        });
        let other = explained
            .map(|explained| explained.key)
            .filter(|key| Some(key) != report.key.as_ref());
        nexts.extend(next.map(|next| next.under(other)));
    }
    let mut report = report.ok_or_else(|| refused.unwrap_or_else(no_front_end))?;
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
    fn new(asked: &Asked<'_>, explained: Option<&Explanation>, operator: &Operator) -> Self {
        let layers = explained.map(|explained| &explained.layers);
        let layers = layers
            .into_iter()
            .flatten()
            .map(|layer| Layer::new(layer, operator));
        let entry = explained.and_then(|explained| explained.entry.as_ref());
        Self {
            program: asked.program.path().to_owned(),
            arguments: asked.args.canonical.clone(),
            ignored: Vec::new(),
            replaced: Vec::new(),
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

impl Layer {
    /// What a command has in its own memory says nothing of a server's.
    fn new(layer: &LayerState, operator: &Operator) -> Self {
        let is_commands_own = layer.place == Place::InProcess && operator.controller == CMD;
        let (store, state) = match is_commands_own && !operator.has_own_memory() {
            true => (
                "the memory of each process".to_owned(),
                "not seen from a command: ask a server over HTTP, where the application lists this program".to_owned(),
            ),
            false => (layer.store.clone(), layer.state.clone()),
        };
        Self { store, state }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![
            ("program", shown_path(&self.program).to_owned()),
            ("arguments", self.arguments.clone()),
        ];
        if !self.ignored.is_empty() {
            let ignored = self.ignored.join(", ");
            let remark = "no parameter of that name; HTTP ignores it, the command line refuses it";
            lines.push(("ignored", format!("{ignored} ({remark})")));
        }
        if !self.replaced.is_empty() {
            let replaced = self.replaced.join(", ");
            lines.push((
                "replaced",
                format!("{replaced} (middleware sets it, whatever is given)"),
            ));
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
            let tags = entry.shown_tags();
            if !tags.is_empty() {
                lines.push(("tags", tags));
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
