//! How `cache/list` shows its entries: a table, or lines of JSON.
//!
//! Part of a report.

use std::fmt;

use giotto_cache::{ListedEntry, ListedState};
use serde::Serialize;

use super::hits::{Counted, Hits};
use crate::error::{Error, Result};
use crate::management::invocation::shown as shown_path;
use crate::management::text::{count, grouped, many, size, table, time};

/// A page of the list.
#[derive(Serialize)]
pub(super) struct Report {
    /// The layer that it is of.
    pub(super) store: String,
    pub(super) entries: Vec<Shown>,
    /// How many keys were looked at for it, those of records included.
    pub(super) looked_at: u64,
    /// Whether all keys were looked at, from where it began.
    pub(super) is_complete: bool,
    pub(super) sorted_by: Option<String>,
    /// Where to go on; `null` at the end.
    pub(super) next: Option<String>,
    /// How the hits were counted; `null` if no server counts them.
    pub(super) hits: Option<Counted>,
    pub(super) note: Option<&'static str>,
}

/// An entry with its hits.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    entry: ListedEntry,
    /// Those of the last minute, as far as they were counted; `null` if they are not known.
    hits: Option<u64>,
}

impl Shown {
    pub(super) fn new(entry: ListedEntry, hits: &Hits) -> Self {
        Self {
            hits: hits.of(entry.key.as_deref()),
            entry,
        }
    }
}

/// One entry a line, in JSON.
pub(super) fn lines(report: &Report) -> Result<String> {
    let mut lines = String::new();
    for entry in &report.entries {
        let line = serde_json::to_string(entry);
        lines.push_str(&line.map_err(|error| Error::other(error.to_string()))?);
        lines.push('\n');
    }
    Ok(lines)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = [
            "state",
            "bytes",
            "age",
            "fresh for",
            "computed in",
            "hits",
            "page",
        ];
        let rows = self.entries.iter().map(row);
        if !self.entries.is_empty() {
            f.write_str(&table(std::iter::once(head.map(str::to_owned)).chain(rows)))?;
        }
        let keys = many(self.looked_at, "key");
        let shown = match (self.entries.len(), &self.sorted_by) {
            (0, _) => "no such page".to_owned(),
            (shown, None) => count(shown as u64, "page"),
            (shown, Some(by)) => format!("the first {} by {by}", count(shown as u64, "page")),
        };
        match &self.next {
            None if self.is_complete => writeln!(f, "{shown}; {keys} looked at, which are all")?,
            None => writeln!(f, "{shown}; {keys} had hits")?,
            Some(next) => {
                writeln!(
                    f,
                    "{shown}, of the first {keys}; go on with --after='{next}'"
                )?;
            }
        }
        if let Some(counted) = &self.hits {
            counted.fmt(f)?;
        }
        writeln!(f, "store: {}", self.store)?;
        self.note.map_or(Ok(()), |note| writeln!(f, "note: {note}"))
    }
}

fn row(Shown { entry, hits }: &Shown) -> [String; 7] {
    let unknown = || "?".to_owned();
    let known =
        |of: fn(&giotto_cache::Known) -> String| entry.known.as_ref().map_or_else(unknown, of);
    [
        state(entry.state).to_owned(),
        entry.bytes.map_or_else(unknown, size),
        known(|known| time(known.age)),
        known(|known| match known.fresh_for {
            None => "ever".to_owned(),
            Some(left) => time(left),
        }),
        known(|known| time(known.cost)),
        hits.map_or_else(unknown, grouped),
        page(entry),
    ]
}

/// `price {'sku': 'app'} as text/html`, or the key if it is none of a program.
pub(in crate::management) fn page(entry: &ListedEntry) -> String {
    match (&entry.program, &entry.arguments, &entry.mimetype) {
        (Some(program), Some(arguments), Some(mimetype)) if !mimetype.is_empty() => {
            format!("{} {arguments} as {mimetype}", shown_path(program))
        }
        _ if entry.key.is_none() => {
            format!("{} (only a digest of the key is stored)", entry.stored_key)
        }
        _ => entry.stored_key.clone(),
    }
}

const fn state(state: ListedState) -> &'static str {
    match state {
        ListedState::Fresh => "fresh",
        ListedState::Stale => "stale",
        ListedState::Expired => "expired",
        ListedState::Invalidated => "invalidated",
        ListedState::Purged => "purged",
        ListedState::Unreadable => "unreadable",
        _ => "unknown",
    }
}
