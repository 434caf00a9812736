//! What an invalidation has done, or would do.
//!
//! The report of `cache/invalidate` and `cache/purge`.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::management::text::{grouped, many, time};

/// What was done, or what would be if it was only asked.
#[derive(Default, Serialize)]
pub(super) struct Report {
    pub(super) pages: String,
    pub(super) is_hard: bool,
    /// The number of small writes.
    pub(super) writes: usize,
    /// The pages that were looked for and removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) removed: Option<u64>,
    /// Those of them that the store has under a digest of their keys, and that may have been other pages.
    pub(super) digests: u64,
    /// How many keys were looked at for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) looked_at: Option<u64>,
    /// How long the memory of other processes may still have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) within_ms: Option<u128>,
    /// The purged entries whose room is free now; `null` if the store does not say which they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reclaimed: Option<Option<u64>>,
    /// What a dry run has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) would: Option<Would>,
    pub(super) note: Option<&'static str>,
}

/// What would be done.
#[derive(Serialize)]
pub(super) struct Would {
    /// `purge` or `invalidate`.
    pub(super) what: &'static str,
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
        match self.note {
            Some(note) => writeln!(f, "note: {note}"),
            None => Ok(()),
        }
    }
}

impl Report {
    fn tell_changed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.is_hard {
            true => "never served again",
            false => "old",
        };
        let known = match self.note {
            Some(_) => "this process knows",
            None => "every process knows",
        };
        writeln!(f, "{} are {how}: 1 write, and {known}", self.pages)?;
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
        let within = u64::try_from(self.within_ms.unwrap_or_default()).unwrap_or(u64::MAX);
        match within {
            0 => writeln!(f)?,
            ms => {
                let within = time(Duration::from_millis(ms));
                writeln!(
                    f,
                    "; the memory of other processes has none of them after {within}"
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

impl Would {
    fn tell(&self, f: &mut fmt::Formatter<'_>, pages: &str) -> fmt::Result {
        let (what, counted) = (self.what, many(self.pages, "page"));
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
