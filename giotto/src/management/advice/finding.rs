//! Something that is wrong: what was found, why it matters, and the remedy.
//!
//! Part of the report of `cache/doctor`, and a line of the log when a server starts.

use serde::Serialize;

/// Something that is wrong.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    /// Its name, for programs that read the report: `never-expires`.
    pub(super) check: &'static str,
    pub(super) found: String,
    pub(super) why: &'static str,
    pub(super) remedy: String,
}

impl Finding {
    pub(super) fn new(
        check: &'static str,
        found: impl Into<String>,
        why: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            check,
            found: found.into(),
            why,
            remedy: remedy.into(),
        }
    }

    /// Writes it into the log.
    pub(super) fn tell(&self) {
        let Self {
            check,
            found,
            why,
            remedy,
        } = self;
        tracing::warn!(check, found, why, remedy, "advice for the cache");
    }

    /// Its lines in a report for people.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        vec![
            (self.check, self.found.clone()),
            ("  why", self.why.to_owned()),
            ("  remedy", self.remedy.clone()),
        ]
    }
}

/// The first names of `paths`, and how many more there are.
pub(super) fn listed(paths: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = paths.iter().take(SHOWN).map(|path| match *path {
        // The program at the root has no name.
        "" => "/",
        path => path,
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match paths.len().checked_sub(SHOWN + 1) {
        None => shown,
        Some(more) => format!("{shown} and {} more", more + 1),
    }
}
