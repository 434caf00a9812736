//! What an invalidation has done, or would do.
//!
//! The report of `cache/invalidate` and `cache/purge`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::management::servers::Told;
use crate::management::text::{count, grouped, many, time};

/// The pages that a dry run shows.
pub(super) const SHOWN: usize = 10;

/// What was done, or what would be if it was only asked.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) pages: String,
    pub(super) is_hard: bool,
    /// The number of small writes.
    pub(super) writes: usize,
    /// The pages that were looked for and removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) removed: Option<u64>,
    /// Those of them that the store has under a digest of their keys, and that may have been other pages.
    pub(super) digests: u64,
    /// How many keys were looked at for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) looked_at: Option<u64>,
    /// How long the memory of other processes may still have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) within_ms: Option<u128>,
    /// The purged entries whose room is free now; `null` if the store does not say which they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reclaimed: Option<Option<u64>>,
    /// What a dry run has counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) would: Option<Would>,
    /// The servers that were told.
    #[serde(flatten)]
    pub(super) told: Told,
    /// When the processes know that were not told, if that is not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) others_know_within_ms: Option<u128>,
    pub(super) note: Option<String>,
    /// Why a command that works on the memory of servers fails.
    #[serde(skip)]
    pub(super) failure: Option<Error>,
}

/// What would be done.
#[derive(Serialize, Deserialize)]
pub(super) struct Would {
    /// `purge` or `invalidate`.
    pub(super) what: String,
    pub(super) pages: u64,
    /// Pages whose keys or tags the store does not tell, which may be meant.
    pub(super) unknown: u64,
    /// Some of them.
    pub(super) some: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.would, self.removed) {
            (Some(would), _) => would.tell(f, &self.pages)?,
            (None, Some(removed)) => self.tell_removed(f, removed)?,
            (None, None) => self.tell_changed(f)?,
        }
        for silent in &self.told.silent {
            writeln!(f, "no answer: {silent}")?;
        }
        match &self.note {
            Some(note) => writeln!(f, "note: {note}"),
            None => Ok(()),
        }
    }
}

impl Report {
    /// Adds what another process has done in its memory.
    pub(super) fn add(&mut self, other: Self) {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (None, other) => other,
            (one, other) => one.map(|one| one + other.unwrap_or_default()),
        };
        self.pages = other.pages;
        self.is_hard = other.is_hard;
        self.writes += other.writes;
        self.removed = sum(self.removed, other.removed);
        self.digests += other.digests;
        self.looked_at = sum(self.looked_at, other.looked_at);
        self.reclaimed = match (self.reclaimed, other.reclaimed) {
            (None, other) => other,
            (Some(one), other) => Some(sum(one, other.flatten())),
        };
        match (&mut self.would, other.would) {
            (Some(one), Some(other)) => one.add(other),
            (would, other) => *would = other.or(would.take()),
        }
    }

    fn tell_changed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.is_hard {
            true => "never served again",
            false => "old",
        };
        let known = match (&self.note, self.told.processes.is_empty()) {
            (Some(_), _) => "this process knows".to_owned(),
            (None, true) => "every process knows".to_owned(),
            (None, false) => self.told.know(),
        };
        let others = match self.others_know_within_ms {
            Some(ms) => format!(", others within {}", milliseconds(ms)),
            None => String::new(),
        };
        let writes = count(self.writes as u64, "write");
        writeln!(f, "{} are {how}: {writes}, and {known}{others}", self.pages)?;
        match self.reclaimed {
            None => Ok(()),
            Some(Some(entries)) => writeln!(f, "removed {} from the store", many(entries, "page")),
            Some(None) => writeln!(
                f,
                "nothing was removed from the store, which does not say which pages were purged: they leave it when they expire"
            ),
        }
    }

    fn tell_removed(&self, f: &mut fmt::Formatter<'_>, removed: u64) -> fmt::Result {
        let looked_at = many(self.looked_at.unwrap_or_default(), "key");
        let removed = many(removed, "page");
        write!(
            f,
            "removed {}: {removed} ({looked_at} looked at)",
            self.pages
        )?;
        match (
            self.within_ms.unwrap_or_default(),
            self.told.processes.is_empty(),
        ) {
            (0, true) => writeln!(f)?,
            (0, false) => writeln!(f, ", in {}", self.told.shown())?,
            (ms, true) => {
                let within = milliseconds(ms);
                writeln!(
                    f,
                    "; the memory of other processes has none of them after {within}"
                )?;
            }
            (ms, false) => {
                let (told, within) = (self.told.shown(), milliseconds(ms));
                writeln!(
                    f,
                    "; the memory of {told} has none of them, that of others after {within}"
                )?;
            }
        }
        match self.digests {
            0 => Ok(()),
            digests => writeln!(
                f,
                "{} of them are stored under a digest of their keys, and may have been other pages",
                grouped(digests)
            ),
        }
    }
}

fn milliseconds(ms: u128) -> String {
    time(Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX)))
}

impl Would {
    /// Adds what another process would do.
    fn add(&mut self, other: Self) {
        self.pages += other.pages;
        self.unknown += other.unknown;
        self.some.extend(other.some);
        self.some.dedup();
        self.some.truncate(SHOWN);
    }

    fn tell(&self, f: &mut fmt::Formatter<'_>, pages: &str) -> fmt::Result {
        let (what, counted) = (&self.what, many(self.pages, "page"));
        writeln!(f, "this would {what} {pages}: {counted}; nothing was done")?;
        for page in &self.some {
            writeln!(f, "  {page}")?;
        }
        let more = self.pages - self.some.len() as u64;
        if more > 0 {
            writeln!(f, "  and {} more", grouped(more))?;
        }
        match self.unknown {
            0 => Ok(()),
            unknown => {
                let unknown = many(unknown, "other page");
                writeln!(f, "of {unknown} the store does not tell enough")
            }
        }
    }
}
