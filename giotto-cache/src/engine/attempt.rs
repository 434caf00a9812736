//! One attempt to compute: what was asked, what was found, and the right to compute and to store.
//!
//! Step 4 of a lookup, in the task that computes: [`Attempt::acquire`]. The attempt is passed on to steps 5 to 7.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::computed::CacheControl;
use crate::engine::budget::{self, Place as BudgetPlace};
use crate::engine::computing::{Computing, heir};
use crate::engine::lease::{Acquired, Lease};
use crate::engine::read::{self, Found};
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::freshness::Freshness;
use crate::invalidation::generation::Generations;
use crate::invalidation::records;
use crate::invalidation::tags::{self, Unstamped};
use crate::key::Key;
use crate::keyvalue::Place;
use crate::lookup::{Lookup, Mode};
use crate::policy::clocks::Clocks;
use crate::reason::NotStored;

/// How long a process waits for another one, from when it finds that this computes.
const LEASE_PATIENCE: Duration = Duration::from_secs(5);
const READ_EVERY: Duration = Duration::from_millis(25);

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
    /// Why the result cannot be stored, if that is known before it is computed.
    pub(crate) obstacle: Option<Unstamped>,
    /// The right to store under the budget of the program, if it has one.
    pub(crate) place: Option<BudgetPlace>,
    /// Why the budget of the program does not let it store.
    pub(crate) over_budget: Option<NotStored>,
    /// Its computation and those that it is in.
    pub(crate) computing: Computing,
    /// Whether a computation inherits from its result.
    is_inherited: bool,
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

/// How an attempt goes on.
pub(crate) enum Start {
    /// Another computation has ended meanwhile, and this is its answer.
    Found(Answer),
    /// Another process computes, and takes its time.
    ComputedElsewhere,
    /// Compute. Whether the result may be stored is noted in the attempt.
    Compute,
}

impl Attempt {
    /// Called in the caller's task, which may be part of a computation itself.
    pub(crate) fn new(engine: &Arc<Engine>, lookup: Lookup, found: Found, role: Role) -> Self {
        // Others get the answers of this attempt as well.
        let lookup = lookup.accept_coded(false);
        let old_value = found.old_value();
        let reason = read::why_missed(engine, &lookup.key, &found);
        let is_refresh = role == Role::Refresh;
        Self {
            computing: Computing::of(engine, &lookup.key),
            is_inherited: role != Role::Refresh
                && heir(engine, &lookup.key, lookup.is_independent).is_some(),
            lookup,
            role,
            is_old_usable: old_value.is_some(),
            control: CacheControl::new(old_value, &engine.clock, reason, is_refresh),
            old: found.entry,
            is_answered: found.is_answered,
            generations: found.generations,
            lease: None,
            obstacle: (role == Role::Bypass).then_some(Unstamped::NotWanted),
            place: None,
            over_budget: None,
        }
    }

    /// Waits until this process may compute, or need not. The attempt takes note of what became of the entry meanwhile.
    pub(crate) async fn acquire(&mut self, engine: &Engine) -> Start {
        if engine.keeps_nothing() {
            return Start::Compute;
        }
        if self.obstacle.is_none() {
            self.take_place(engine);
        }
        if self.obstacle.is_some() {
            self.begin_unstored(engine).await;
            return Start::Compute;
        }
        if !self.is_answered {
            return self.unanswered();
        }
        let mut waits_until = None;
        loop {
            let acquired = self.ask_for_lease(engine).await;
            if matches!(acquired, Acquired::Unanswered) {
                return self.unanswered();
            }
            // Race: between the caller's read and this lease, another process may have computed, stored its result and
            // released its lease. Read again, or the same result is computed twice.
            forget_copies(engine, self.key()).await;
            let found = read::find(engine, &self.lookup).await;
            if self.lookup.mode != Mode::Refresh
                && let Some(answer) = self.answered_by(&found)
            {
                self.generations = found.generations;
                if let Acquired::Held(lease) = acquired {
                    self.lease = Some(lease);
                }
                return Start::Found(answer);
            }
            match acquired {
                Acquired::Held(lease) => self.lease = Some(lease),
                Acquired::NotUsed | Acquired::Unanswered => {}
                Acquired::HeldElsewhere => {
                    let now = Instant::now();
                    let is_late = now >= *waits_until.get_or_insert(now + LEASE_PATIENCE);
                    let is_shared = self.role != Role::Uncoalesced && !self.is_of_no_cache();
                    if found.is_answered && !is_late && is_shared {
                        engine.meter(self.key()).stats.waited.increase();
                        sleep(READ_EVERY).await;
                        continue;
                    }
                    if self.role == Role::Refresh {
                        return Start::ComputedElsewhere;
                    }
                    // The owner takes longer than callers wait. Compute too, but do not store: only an owner learns, by
                    // losing its lease, that the entry was removed while it computed.
                    if !self.is_of_no_cache() {
                        Lease::remove_foreign(&engine.store, &engine.log, self.key()).await;
                    }
                    self.obstacle = Some(Unstamped::NotWanted);
                }
            }
            self.take(found);
            // Race: a tag is invalidated while the computation runs. Its generation is read (or created) before the
            // computation reads any data, so an entry that was computed across the invalidation carries the older
            // generation and is old.
            if !self.lookup.tags.is_empty() {
                let has_begun = self.is_answered
                    && tags::begin(engine, &self.lookup, &mut self.generations).await;
                self.obstacle = self.obstacle.or((!has_begun).then_some(Unstamped::Unknown));
            }
            return Start::Compute;
        }
    }

    /// Reads what a result depends on that is not stored here, for the computation that inherits from it.
    async fn begin_unstored(&mut self, engine: &Engine) {
        if !self.is_inherited {
            return;
        }
        self.generations.program = engine.generation(self.key().program());
        if self.lookup.tags.is_empty() {
            return;
        }
        let read = records::read_tags(engine, self.lookup.tags.clone()).await;
        self.generations.tags = read.unwrap_or_default();
        if !tags::begin(engine, &self.lookup, &mut self.generations).await {
            self.obstacle = Some(Unstamped::Unknown);
        }
    }

    /// Takes the right to store under the budget of the program. Before the lease, and before tags get their records, which
    /// would take room in the store for a page that does not get any.
    fn take_place(&mut self, engine: &Engine) {
        let now_ms = engine.clock.now_ms();
        let (old, generations) = (self.old.as_ref(), &self.generations);
        let wanted = budget::wanted(&self.lookup, old, generations, self.is_answered, now_ms);
        match engine.budgets.take(self.key(), &wanted, now_ms) {
            Ok(place) => self.place = place,
            Err(why) => {
                self.obstacle = Some(Unstamped::NotWanted);
                self.over_budget = Some(why);
            }
        }
    }

    /// Computes without a lease: a store that did not answer must not delay the caller again. The generations of tags are
    /// unknown, so a result with tags is not stored.
    fn unanswered(&mut self) -> Start {
        self.is_answered = false;
        let has_tags = !self.lookup.tags.is_empty();
        self.obstacle = has_tags.then_some(Unstamped::Unknown);
        Start::Compute
    }

    async fn ask_for_lease(&self, engine: &Engine) -> Acquired {
        let policy = &self.lookup.policy;
        let is_used = policy.has_lease() && engine.is_shared() && engine.store.store().is_atomic();
        match (is_used, self.lookup.mode) {
            (false, _) => Acquired::NotUsed,
            (true, Mode::Refresh) => Lease::take(&engine.store, self.key()).await,
            (true, _) => Lease::acquire(&engine.store, self.key()).await,
        }
    }

    /// Whether the result is stamped: it is stored, or something that is made of it may be.
    pub(crate) fn is_stamped(&self) -> bool {
        let is_inherited = |why| why == Unstamped::NotWanted && self.is_inherited;
        self.obstacle.is_none_or(is_inherited)
    }

    pub(crate) const fn key(&self) -> &Key {
        &self.lookup.key
    }

    /// Whether there is an old entry that may be served at `now_ms` while nothing better can be had.
    pub(crate) fn keeps_old(&self, now_ms: u64) -> bool {
        let policy = &self.lookup.policy;
        let may_serve = policy.serves_stale() || policy.serves_after_error();
        let is_of_use = |old: &Entry| {
            let clocks = old.clocks();
            !old.is_negative() && clocks.serve_old_until(clocks.error_until, now_ms)
        };
        may_serve && self.old.as_ref().is_some_and(is_of_use)
    }

    /// Whether the old entry is served to no caller, so that none waits for the result of another, and that of any may follow
    /// it.
    fn is_of_no_cache(&self) -> bool {
        let clocks = self.old.as_ref().map(Entry::clocks);
        clocks.is_some_and(Clocks::are_of_no_cache)
    }

    /// What another computation has left in the store since this attempt looked: its result, or that it failed.
    fn answered_by(&self, found: &Found) -> Option<Answer> {
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
    fn take(&mut self, found: Found) {
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

/// Removes the copies in the memory of this process, so that the next read reaches the shared store. Race: another process
/// has stored a result there, which an older copy would hide.
async fn forget_copies(engine: &Engine, key: &Key) {
    let layers = engine.store.store().layers();
    for layer in layers.iter().take(layers.len().saturating_sub(1)) {
        if layer.place() == Place::InProcess {
            // Memory does not fail.
            let _ = layer.delete(key.as_str()).await;
        }
    }
}
