//! `cache/explain`: what the cache has of an invocation, and what the next request would get.
//!
//! Runs no model. It understands the invocation and judges the stored entry as a request does.

#[cfg(feature = "admin")]
pub(in crate::management) mod by_key;

use std::fmt;

use giotto_cache::{EntryState, Explanation, Key, LayerState, Lookup, Place, Policy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry;
use super::next::Next;
use crate::app::App;
use crate::controller::cmd::remedy;
use crate::error::{Error, Result};
use crate::management::invocation::{
    FrontEnd, Invocation, any_policy, key_of, no_cache, no_front_end, not_admitted,
    shown as shown_path,
};
use crate::management::model::{Documented, FIELDS, INVOCATION, WORDS, Words, shown};
use crate::management::operator::Operator;
use crate::management::servers::Asked;
use crate::management::text::columns;
use crate::program::Program;
use crate::request::HTTP_GET;
use crate::socket::{PATIENCE, Silent};
use crate::view::BasicView;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: explain,
        parameters: &[WORDS, FIELDS],
    };
    Program::new(model)
        .description(
            "Explains an invocation: its key, what is stored, and what the next request would get",
        )
        .collects(INVOCATION)
        .view(shown().fails_by(|report: &Report| report.failure.clone()))
}

/// What is known about an invocation. In JSON, all times are in milliseconds; `null` = for ever.
#[derive(Default, Serialize)]
struct Report {
    program: String,
    /// As they stand in the key.
    arguments: String,
    ignored: Vec<String>,
    /// The arguments that middleware sets, whatever was given.
    replaced: Vec<&'static str>,
    /// The header fields that middleware reads and that were not given.
    missed: Vec<String>,
    mimetype: String,
    is_cached: bool,
    key: Option<String>,
    stored_key: Option<String>,
    layers: Vec<LayerState>,
    entry: Option<EntryState>,
    is_computed_now: bool,
    next: Vec<Next>,
    /// What servers on this machine say about their memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<Seen>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silent: Vec<Silent>,
    note: Option<String>,
    /// Why a command that cannot see the cache fails.
    #[serde(skip)]
    failure: Option<Error>,
}

/// What a server answers to a command: its report, and the lines about its memory.
#[derive(Serialize, Deserialize)]
struct OfProcess {
    report: Value,
    lines: Vec<(String, String)>,
}

/// What one server says.
#[derive(Serialize)]
struct Seen {
    process: u32,
    #[serde(flatten)]
    report: Value,
    #[serde(skip)]
    lines: Vec<(String, String)>,
}

/// What this process has in its memory, for a command that asks it.
pub(in crate::management) fn of_process() -> Program {
    let model = |words: Words, operator: Operator| async move {
        let report = explained(&words, &operator).await?;
        let lines = report.memory_lines(&operator).into_iter();
        let lines = lines.map(|(name, text)| (name.to_owned(), text));
        Ok::<_, Error>(OfProcess {
            lines: lines.collect(),
            report: serde_json::to_value(&report)?,
        })
    };
    Program::new(model)
        .description("Explains an invocation as this process sees it")
        .view(BasicView::new())
}

async fn explain(words: Words, operator: Operator) -> Result<Report> {
    let report = explained(&words, &operator).await?;
    let place = operator.app.shared_cache().store().place();
    match place {
        Place::InProcess | Place::Layered if operator.is_command() && report.is_cached => {
            with_servers(report, &words, &operator).await
        }
        _ => Ok(report),
    }
}

/// The `report` of a command without its own memory, and with what servers have in theirs.
async fn with_servers(mut report: Report, words: &Words, operator: &Operator) -> Result<Report> {
    let patience = PATIENCE.max(3 * operator.app.shared_cache().deadline());
    let asked: Asked<OfProcess> = operator.ask("process/explain", words, patience).await?;
    report.silent = asked.told().silent;
    let seen = asked.answers.into_iter().map(|(process, answer)| Seen {
        process,
        report: answer.report,
        lines: answer.lines,
    });
    report.processes = seen.collect();
    report
        .layers
        .retain(|layer| layer.place != Place::InProcess);
    if operator.has_own_memory() {
        report.entry = None;
        report.next = Vec::new();
    }
    if !report.processes.is_empty() {
        report.next = Vec::new();
    } else if report.silent.is_empty() {
        match operator.has_own_memory() {
            true => report.failure = Some(operator.no_server("show")),
            false => report.note = Some(operator.where_servers_are()),
        }
    }
    Ok(report)
}

/// What is known of the invocation that `words` name.
async fn explained(words: &Words, operator: &Operator) -> Result<Report> {
    if let Some(key) = key_of(&words.invocation, &operator.app) {
        return Ok(of_any(key?, &operator.app).await);
    }
    let invocation = Invocation::read(&words.invocation, &words.header)?;
    let mut report: Option<Report> = None;
    let mut nexts = Vec::new();
    let mut refused = None;
    for front_end in FrontEnd::all(&invocation, &operator.app)? {
        match seen(&front_end, &invocation, operator).await {
            Ok((seen, next)) => {
                let key = seen.key.clone();
                let report = report.get_or_insert(seen);
                let other = key.filter(|key| Some(key) != report.key.as_ref());
                nexts.extend(next.map(|next| next.under(other)));
            }
            Err(error) => {
                nexts.push(Next::refused(front_end.controller, &error));
                refused = refused.or(Some(error));
            }
        }
    }
    let mut report = report.ok_or_else(|| refused.unwrap_or_else(no_front_end))?;
    report.next = nexts;
    Ok(report)
}

/// The same for an entry of a cache without a manifest, which says itself of which version it is.
async fn of_any(key: Key, app: &App) -> Report {
    let lookup = Lookup::new(key.clone(), any_policy());
    let seen = app.shared_cache().explain(&lookup).await;
    let version = seen.entry.map_or(0, |entry| entry.version);
    of_key(key, any_policy().version(version), app).await
}

/// What is stored under `key`, and what the next lookup with `policy` gets.
async fn of_key(key: Key, policy: Policy, app: &App) -> Report {
    let report = Report {
        program: key.program_name(),
        arguments: key.arguments().to_owned(),
        mimetype: key.mimetype().to_owned(),
        ..Report::default()
    };
    let explained = app.shared_cache().explain(&Lookup::new(key, policy)).await;
    let next = vec![Next::new(HTTP_GET, &explained)];
    Report {
        next,
        ..report.of_cached(explained)
    }
}

/// What is stored of `invocation`, and what the next request of one front end would get.
async fn seen(
    front_end: &FrontEnd<'_>,
    invocation: &Invocation,
    operator: &Operator,
) -> Result<(Report, Option<Next>)> {
    let mut request = invocation.request(front_end.controller);
    let asked = operator.app.asked(&mut request).await;
    let missed = invocation.fields.missed_by(&request);
    let asked = asked.map_err(|error| not_admitted(error, &missed))?;
    let explained = match asked.program.cache_policy() {
        None => None,
        Some(policy) => {
            let lookup = asked.lookup(policy, &request, operator.app.site())?;
            Some(operator.app.shared_cache().explain(&lookup).await)
        }
    };
    let next = explained.as_ref();
    let next = next.map(|explained| Next::new(front_end.controller, explained));
    let replaced = front_end.changed(invocation, &request).into_iter();
    let report = Report {
        program: asked.program.path().to_owned(),
        arguments: asked.args.canonical,
        ignored: front_end.ignored(invocation),
        replaced: replaced.map(|(name, ..)| name).collect(),
        missed,
        mimetype: asked.mime.essence().to_owned(),
        ..Report::default()
    };
    let report = match explained {
        None => report,
        Some(explained) => report.of_cached(explained),
    };
    Ok((report, next))
}

impl Report {
    fn of_cached(self, explained: Explanation) -> Self {
        Self {
            is_cached: true,
            key: Some(explained.key),
            stored_key: Some(explained.stored_key),
            layers: explained.layers,
            entry: explained.entry,
            is_computed_now: explained.is_computed_now,
            ..self
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(&str, String)> = self.asked_lines();
        lines.extend(self.stored_lines());
        lines.extend(self.next_lines());
        for seen in &self.processes {
            lines.push(("process", seen.process.to_string()));
            let own = seen.lines.iter();
            lines.extend(own.map(|(name, text)| (&**name, text.clone())));
        }
        let silent = self.silent.iter();
        lines.extend(silent.map(|silent| ("no answer", silent.to_string())));
        lines.extend(self.note.iter().map(|note| ("note", note.clone())));
        f.write_str(&columns(lines))
    }
}

impl Report {
    /// How the invocation is understood.
    fn asked_lines(&self) -> Vec<(&'static str, String)> {
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
            let remark = "middleware sets it, whatever is given";
            lines.push(("replaced", format!("{replaced} ({remark})")));
        }
        if !self.missed.is_empty() {
            let (names, remedy) = (self.missed.join(", "), remedy(&self.missed));
            let remark = "middleware reads it; the page may be another one with it";
            lines.push(("not given", format!("{names} ({remark}: {remedy})")));
        }
        if !self.mimetype.is_empty() {
            lines.push(("shown as", self.mimetype.clone()));
        }
        if !self.is_cached {
            lines.push(("next", no_cache(&self.program)));
        }
        lines
    }

    /// What the store has.
    fn stored_lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let (Some(key), Some(stored_key)) = (&self.key, &self.stored_key) {
            lines.extend([("key", key.clone()), ("stored as", stored_key.clone())]);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let name = if number == 0 { "store" } else { "" };
            lines.push((name, format!("{}: {}", layer.store, layer.state)));
        }
        lines.extend(self.entry.iter().flat_map(entry::lines));
        if self.is_computed_now {
            lines.push(("computing", "a process computes it now".to_owned()));
        }
        lines
    }

    /// What this process has in memory, and what its next request gets.
    fn memory_lines(&self, operator: &Operator) -> Vec<(&'static str, String)> {
        let layers = self.layers.iter();
        let memory = layers.filter(|layer| layer.place == Place::InProcess);
        let mut lines: Vec<_> = memory
            .map(|layer| ("memory", layer.state.clone()))
            .collect();
        // Elsewhere, the command sees the entry itself.
        if operator.app.shared_cache().store().place() == Place::InProcess {
            lines.extend(self.entry.iter().flat_map(entry::lines));
        }
        lines.extend(self.next_lines());
        lines
    }

    fn next_lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for (label, next) in self.labelled() {
            lines.push((label, next.says.clone()));
            if let Some(key) = &next.key {
                lines.push(("", format!("under another key: {key}")));
            }
        }
        lines
    }

    /// What is next, once if it is the same over all front ends.
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
