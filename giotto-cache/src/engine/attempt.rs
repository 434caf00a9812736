//! What a task needs to compute, and what a computation returns.
//!
//! Between steps 3 and 4 of a lookup: what the caller has found goes with it.

use crate::answer::Answer;
use crate::computed::CacheControl;
use crate::engine::read::Look;
use crate::entry::Entry;
use crate::entry::freshness::{Marks, Verdict};
use crate::key::Key;
use crate::lookup::{Lookup, Mode};
use crate::policy::Policy;
use crate::reason::{Staleness, Status};

tokio::task_local! {
    /// The keys that the current task computes: one that asks for its own would wait for itself.
    pub(crate) static COMPUTING: Vec<String>;
}

/// Whether the current task is part of the computation of `key`.
pub(crate) fn is_computing(key: &str) -> bool {
    COMPUTING
        .try_with(|keys| keys.iter().any(|known| known == key))
        .unwrap_or(false)
}

/// What a task needs to compute.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) key: Key,
    pub(crate) policy: Policy,
    pub(crate) tags: Vec<String>,
    pub(crate) mode: Mode,
    pub(crate) waits_for_fresh: bool,
    pub(crate) allows_own_time: bool,
    pub(crate) control: CacheControl,
    /// The entry that the caller has found, of whatever age.
    pub(crate) old: Option<Entry>,
    pub(crate) marks: Marks,
    /// Whether a computation may see the old entry.
    pub(crate) is_old_usable: bool,
    /// Whether the store answered when it was last looked at: one that did not is not given a second chance to delay
    /// the caller.
    pub(crate) is_answered: bool,
    pub(crate) rank: Rank,
    /// The keys in whose computations this one is, the outermost first, and its own.
    pub(crate) computing: Vec<String>,
}

/// What a computation is among those of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The one that others wait for.
    First,
    /// The same, behind the scenes: nobody waits for it who could not have an old result.
    Behind,
    /// One of many at the same time, because their results are not shared.
    Apart,
    /// One whose result is for its caller alone.
    Unstored,
}

impl Job {
    pub(crate) fn new(lookup: Lookup, look: Look, control: CacheControl) -> Self {
        // Asked here, in the caller's task: the computation has one of its own.
        let mut computing = COMPUTING.try_with(Clone::clone).unwrap_or_default();
        computing.push(lookup.key.as_str().to_owned());
        Self {
            key: lookup.key,
            policy: lookup.policy,
            tags: lookup.tags,
            mode: lookup.mode,
            waits_for_fresh: lookup.waits_for_fresh,
            allows_own_time: lookup.allows_own_time,
            control,
            is_old_usable: look.old_value().is_some(),
            old: look.entry,
            marks: look.marks,
            is_answered: look.is_answered,
            rank: Rank::First,
            computing,
        }
    }

    pub(crate) fn lookup(&self) -> Lookup {
        Lookup::new(self.key.clone(), self.policy)
            .tags(self.tags.clone())
            .wait_for_fresh(self.waits_for_fresh)
            .allow_own_time(self.allows_own_time)
    }

    /// Whether there is an old entry that may be served while nothing better can be had.
    pub(crate) fn keeps_old(&self) -> bool {
        let may_serve = self.policy.serves_stale() || self.policy.serves_after_error();
        may_serve && self.old.as_ref().is_some_and(|old| !old.is_negative())
    }

    /// What `look` found that another computation has left since: its result, or that it failed.
    pub(crate) fn answered_by(&self, look: &Look) -> Option<Answer> {
        let entry = look.entry.clone()?;
        let is_new = self.old.as_ref().map(Entry::created_ms) != Some(entry.created_ms());
        match &look.verdict {
            Verdict::Fresh | Verdict::Early if is_new => {
                Some(Answer::new(entry, Status::Hit, None, look.now_ms))
            }
            Verdict::Throttled { reason } => {
                let status = Status::Stale(Staleness::Throttled);
                Some(Answer::new(
                    entry,
                    status,
                    Some(reason.clone()),
                    look.now_ms,
                ))
            }
            _ => None,
        }
    }

    /// Takes what a later look found in place of what the caller had found; the generations that count now. What the
    /// computation has been shown is only still right if it is still there.
    pub(crate) fn take(&mut self, look: Look) -> Marks {
        self.is_answered = look.is_answered;
        if look.is_answered {
            let created_ms = |entry: Option<&Entry>| entry.map(Entry::created_ms);
            let is_same = created_ms(look.old_value().as_ref()) == created_ms(self.old.as_ref());
            self.is_old_usable &= is_same;
            self.old = look.entry;
        }
        look.marks
    }
}
