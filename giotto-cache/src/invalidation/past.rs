//! The last invalidations of this process: what, when, and on whose behalf.
//!
//! No step of a lookup. An operator who sees a hit rate drop asks who has invalidated what.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::key::Key;
use crate::scope::Scope;

/// How many are remembered.
const MOST: usize = 50;
/// Keys and names are cut after this number of characters: they may come from clients.
const MOST_CHARACTERS: usize = 200;

tokio::task_local! {
    static ACTOR: Arc<str>;
}

/// An invalidation that this process has made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastInvalidation {
    /// Its number: 1 for the first one of this process.
    pub number: u64,
    /// When it was made, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it made old: `tag user:7`, `program price`, `all`, or `page` and its key. A long one is cut.
    pub what: Arc<str>,
    /// Whether the entries must never be served again.
    pub is_hard: bool,
    /// On whose behalf: the innermost [`acting`] around it.
    pub by: Option<Arc<str>>,
}

/// Does `work` on behalf of `who`, which [`Cache::past_invalidations`](crate::Cache::past_invalidations) tells of the
/// invalidations in it. Work that is spawned in `work` is not part of it.
pub async fn acting<F: Future>(who: impl Into<Arc<str>>, work: F) -> F::Output {
    ACTOR.scope(who.into(), work).await
}

/// On whose behalf this task works now.
#[must_use]
pub fn actor() -> Option<Arc<str>> {
    ACTOR.try_with(Arc::clone).ok()
}

/// The last invalidations, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Past(Mutex<(u64, VecDeque<PastInvalidation>)>);

impl Past {
    pub(crate) fn note_scope(
        &self,
        scope: &Scope,
        is_hard: bool,
        at_ms: u64,
        by: Option<Arc<str>>,
    ) {
        self.note(cut(&scope.to_string()), is_hard, at_ms, by);
    }

    pub(crate) fn note_entry(&self, key: &Key, is_hard: bool, at_ms: u64) {
        self.note(cut(&format!("page {key}")), is_hard, at_ms, actor());
    }

    fn note(&self, what: Arc<str>, is_hard: bool, at_ms: u64, by: Option<Arc<str>>) {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, all) = &mut *past;
        *number += 1;
        if all.len() == MOST {
            all.pop_front();
        }
        all.push_back(PastInvalidation {
            number: *number,
            at_ms,
            what,
            is_hard,
            by,
        });
    }

    /// The newest first.
    pub(crate) fn all(&self) -> Vec<PastInvalidation> {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        past.1.iter().rev().cloned().collect()
    }
}

fn cut(text: &str) -> Arc<str> {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fifty_are_remembered_and_long_ones_are_cut() {
        let past = Past::default();
        for number in 1..=120 {
            past.note_scope(
                &Scope::Tag(number.to_string()),
                number % 2 == 0,
                number,
                None,
            );
        }
        let all = past.all();
        assert_eq!(all.len(), MOST);
        assert_eq!(
            (all[0].number, &*all[0].what, all[0].is_hard),
            (120, "tag 120", true)
        );
        assert_eq!((all[49].number, &*all[49].what), (71, "tag 71"));
        past.note_scope(&Scope::Tag("ä".repeat(10_000)), false, 0, None);
        assert_eq!(past.all()[0].what.chars().count(), MOST_CHARACTERS + 1);
    }
}
