//! One attempt to compute: what was asked, what was found, and the right to compute and to store.
//!
//! From step 4 of a lookup on, in the task that computes.

use crate::answer::Answer;
use crate::computed::CacheControl;
use crate::engine::lease::Lease;
use crate::engine::read::Found;
use crate::entry::Entry;
use crate::entry::freshness::Freshness;
use crate::invalidation::generation::Generations;
use crate::key::Key;
use crate::lookup::Lookup;

tokio::task_local! {
    /// The keys that the current task computes. A computation that asks for its own key would wait for itself.
    pub(crate) static COMPUTING: Vec<String>;
}

/// Whether the current task is part of the computation of `key`.
pub(crate) fn is_computing(key: &str) -> bool {
    COMPUTING
        .try_with(|keys| keys.iter().any(|known| known == key))
        .unwrap_or(false)
}

/// An attempt to compute the entry of a lookup.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) lookup: Lookup,
    pub(crate) role: Role,
    pub(crate) control: CacheControl,
    /// The entry that was found, of whatever age.
    pub(crate) old: Option<Entry>,
    /// Whether the computation may answer that the old entry is not modified.
    pub(crate) is_old_usable: bool,
    /// Whether the store answered the last read. If not, it must not delay the caller again.
    pub(crate) is_answered: bool,
    /// The generations under which it computes.
    pub(crate) generations: Generations,
    /// The right to compute among processes, where one is needed.
    pub(crate) lease: Option<Lease>,
    pub(crate) may_store: bool,
    /// The keys in whose computations this one is, the outermost first, and its own.
    pub(crate) computing: Vec<String>,
}

/// What a computation is among those of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one that others wait for.
    Leader,
    /// The same in the background: callers have been served an older result.
    Refresh,
    /// One of several side by side, because the key is uncacheable.
    Uncoalesced,
    /// One that neither reads nor writes the store.
    Bypass,
}

impl Attempt {
    pub(crate) fn new(lookup: Lookup, found: Found, role: Role, control: CacheControl) -> Self {
        // Others get the answers of this attempt as well.
        let lookup = lookup.accept_coded(false);
        // Read here, in the caller's task: the computation runs in another one.
        let mut computing = COMPUTING.try_with(Clone::clone).unwrap_or_default();
        computing.push(lookup.key.as_str().to_owned());
        Self {
            lookup,
            role,
            control,
            is_old_usable: found.old_value().is_some(),
            old: found.entry,
            is_answered: found.is_answered,
            generations: found.generations,
            lease: None,
            may_store: role != Role::Bypass,
            computing,
        }
    }

    pub(crate) const fn key(&self) -> &Key {
        &self.lookup.key
    }

    /// Whether there is an old entry that may be served while nothing better can be had.
    pub(crate) fn keeps_old(&self) -> bool {
        let policy = &self.lookup.policy;
        let may_serve = policy.serves_stale() || policy.serves_after_error();
        may_serve && self.old.as_ref().is_some_and(|old| !old.is_negative())
    }

    /// What another computation has left in the store since this attempt looked: its result, or that it failed.
    pub(crate) fn answered_by(&self, found: &Found) -> Option<Answer> {
        let created_ms = found.entry.as_ref().map(Entry::created_ms);
        let is_new = self.old.as_ref().map(Entry::created_ms) != created_ms;
        match &found.freshness {
            Freshness::Fresh | Freshness::Early if is_new => found.answer(),
            Freshness::Throttled { .. } => found.answer(),
            _ => None,
        }
    }

    /// Replaces what the caller had found by what a later read found. The old value that the computation was given can be used
    /// only if it is still the stored one.
    pub(crate) fn take(&mut self, found: Found) {
        self.is_answered = found.is_answered;
        if found.is_answered {
            let created_ms = |entry: Option<&Entry>| entry.map(Entry::created_ms);
            let is_same = created_ms(found.old_value().as_ref()) == created_ms(self.old.as_ref());
            self.is_old_usable &= is_same;
            self.old = found.entry;
        }
        self.generations = found.generations;
    }

    /// Gives the lease back, if there is one; whether it was this attempt's to the end.
    pub(crate) async fn release(&mut self) -> bool {
        match self.lease.take() {
            Some(lease) => lease.release().await,
            None => true,
        }
    }
}
