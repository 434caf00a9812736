//! Which of the entries of a pattern are shown, and in which order.
//!
//! Part of `cache/list`.

use std::cmp::Reverse;
use std::time::Duration;

use giotto_cache::{ListedEntry, ListedState};

use crate::arguments::nearest;
use crate::error::{Result, quoted};
use crate::management::model::refused;

const STATES: [(&str, ListedState); 7] = [
    ("fresh", ListedState::Fresh),
    ("stale", ListedState::Stale),
    ("expired", ListedState::Expired),
    ("invalidated", ListedState::Invalidated),
    ("purged", ListedState::Purged),
    ("unreadable", ListedState::Unreadable),
    ("unknown", ListedState::Unknown),
];

/// What an entry must be like to be shown.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// All if there are none.
    states: Vec<ListedState>,
    older: Option<Duration>,
    larger: Option<u64>,
}

impl Filter {
    /// Reads `fresh,stale`, a number of seconds and a number of bytes.
    pub(super) fn read(
        states: Option<&str>,
        older: Option<u64>,
        larger: Option<u64>,
    ) -> Result<Self> {
        let names = states
            .into_iter()
            .flat_map(|states| states.split(','))
            .map(str::trim);
        let state = |name: &str| {
            let found = STATES.iter().find(|(own, _)| *own == name);
            let found = found.map(|(_, state)| *state);
            found.ok_or_else(|| unknown("state", name, STATES.map(|(own, _)| own)))
        };
        Ok(Self {
            states: names.map(state).collect::<Result<_>>()?,
            older: older.map(Duration::from_secs),
            larger,
        })
    }

    pub(super) fn admits(&self, entry: &ListedEntry) -> bool {
        let age = entry.known.as_ref().map(|known| known.age);
        (self.states.is_empty() || self.states.contains(&entry.state))
            && self
                .older
                .is_none_or(|older| age.is_some_and(|age| age >= older))
            && self
                .larger
                .is_none_or(|larger| entry.bytes.is_some_and(|bytes| bytes >= larger))
    }
}

/// The column that entries are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Those first that were served most often in the last minute.
    Hits,
    /// The largest first.
    Bytes,
    /// The oldest first.
    Age,
    /// The newest first.
    Newest,
    /// Those first that took longest to compute.
    Cost,
    /// Those first that expire soonest.
    Expires,
    Key,
}

const SORTS: [(&str, Sort); 7] = [
    (Sort::HITS, Sort::Hits),
    ("bytes", Sort::Bytes),
    ("age", Sort::Age),
    ("newest", Sort::Newest),
    ("cost", Sort::Cost),
    ("expires", Sort::Expires),
    ("key", Sort::Key),
];

impl Sort {
    pub(super) const HITS: &str = "hits";

    pub(super) fn read(name: &str) -> Result<Self> {
        let found = SORTS.iter().find(|(own, _)| *own == name);
        let found = found.map(|(_, sort)| *sort);
        found.ok_or_else(|| unknown("sort", name, SORTS.map(|(own, _)| own)))
    }

    /// Puts the `entries` in order. What is not known comes last.
    pub(super) fn order(self, entries: &mut [ListedEntry]) {
        let known = |entry: &ListedEntry, of: fn(&giotto_cache::Known) -> Duration| {
            entry.known.as_ref().map(of)
        };
        match self {
            // An entry does not know its hits: they are found in this order.
            Self::Hits => {}
            Self::Bytes => entries.sort_by_key(|entry| Reverse(entry.bytes)),
            Self::Age => entries.sort_by_key(|entry| Reverse(known(entry, |known| known.age))),
            Self::Newest => entries.sort_by_key(|entry| {
                known(entry, |known| known.age).map_or((true, Duration::ZERO), |age| (false, age))
            }),
            Self::Cost => entries.sort_by_key(|entry| Reverse(known(entry, |known| known.cost))),
            Self::Expires => entries.sort_by_key(|entry| {
                let left = entry.known.as_ref().and_then(|known| known.fresh_for);
                left.map_or((true, Duration::ZERO), |left| (false, left))
            }),
            Self::Key => entries.sort_by(|one, other| one.stored_key.cmp(&other.stored_key)),
        }
    }
}

fn unknown<const N: usize>(parameter: &str, given: &str, names: [&str; N]) -> crate::error::Error {
    let message = match nearest(given, names.into_iter()) {
        Some(near) => format!("there is no {}; did you mean '{near}'?", quoted(given)),
        None => format!("it is one of {}", names.join(", ")),
    };
    refused(parameter, given, message)
}
