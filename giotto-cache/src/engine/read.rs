//! One read of the store: the entry, the generations that it depends on, and what may be done with it.
//!
//! Steps 1 and 2 of a lookup: [`fetch`] reads the bytes, [`judge`] decides.

use bytes::Bytes;

use crate::answer::Answer;
use crate::engine::computing::note_hit;
use crate::engine::ignored::ignored;
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::codec::{Envelope, Parts, Undecodable};
use crate::entry::freshness::{self, Freshness, StandIn, is_plain_hit};
use crate::guard::unanswered::Unanswered;
use crate::invalidation::generation::Generations;
use crate::invalidation::records;
use crate::key::Key;
use crate::keyvalue::Place;
use crate::lookup::Lookup;
use crate::policy::Policy;
use crate::reason::Reason;

/// What the store answered: the stored bytes, if any, with the number of their layer, and the generations that count now.
#[derive(Debug)]
pub(crate) struct Fetched {
    stored: Result<Option<(u8, Bytes)>, Unanswered>,
    generations: Generations,
    /// When it answered.
    now_ms: u64,
}

/// What a read found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The entry, whether it may be served or not.
    pub(crate) entry: Option<Entry>,
    /// The number of the layer that had it.
    pub(crate) layer: u8,
    pub(crate) freshness: Freshness,
    pub(crate) generations: Generations,
    /// Whether the store was asked and answered.
    pub(crate) is_answered: bool,
    pub(crate) now_ms: u64,
}

/// What most lookups in memory come to: a fresh page that has nothing but a time to live, for a lookup that is plain. `now` gets
/// the end of its freshness, and returns the time to judge it by; `take` gets the page and that time. The computation around the
/// lookup inherits from it, unless that `is_independent`.
#[inline]
pub(crate) fn hit_now<R>(
    engine: &Engine,
    key: &Key,
    policy: &Policy,
    is_independent: bool,
    now: impl FnOnce(u64) -> u64,
    take: impl FnOnce(Entry, u64) -> R,
) -> Option<R> {
    let program = key.program();
    let meter = engine.meters.of(program);
    if engine.programs.is_due(meter, || engine.clock.now_ms()) {
        return None;
    }
    // Lent until it is judged: to move bytes that were just written takes as long as to find them.
    let found = engine.store.get_now(key.as_str());
    let stored = found.as_ref()?.as_ref()?;
    let is_current = engine.programs.of(program, &engine.pending).is_none();
    let moment = |fresh_until| {
        let now_ms = now(fresh_until);
        (now_ms, engine.store.doubted_before_ms(now_ms))
    };
    let (parts, now_ms) = plain_hit(engine, key, policy, stored, is_current, moment)?;
    let mut entry = Entry::of(found??, parts);
    entry.decode(engine.max_entry, false).ok()?;
    meter.hit_now(entry.cost_us(), now_ms);
    engine.popular.hit(key, now_ms);
    let answer = || Answer::hit(entry.clone(), 0, now_ms);
    note_hit(engine, key, is_independent, answer);
    Some(take(entry, now_ms))
}

/// What was fetched, if it is a fresh page that has nothing but a time to live.
pub(crate) fn hit(engine: &Engine, lookup: &Lookup, fetched: &Fetched) -> Option<Answer> {
    let (layer, stored) = fetched.stored.as_ref().ok()?.as_ref()?;
    if !lookup.is_plain() {
        return None;
    }
    let Lookup { key, policy, .. } = lookup;
    let is_current = fetched.generations.program.is_none();
    let moment = |_| (fetched.now_ms, fetched.generations.doubted_before_ms);
    let (parts, now_ms) = plain_hit(engine, key, policy, stored, is_current, moment)?;
    let mut entry = Entry::of(stored.clone(), parts);
    entry.decode(engine.max_entry, lookup.accepts_coded).ok()?;
    engine.meter(key).hit(entry.cost_us(), now_ms);
    engine.popular.hit(key, now_ms);
    Some(Answer::hit(entry, *layer, now_ms))
}

/// The parts of what is `stored`, if it is such a page and its program `is_current`, with the time that it was judged by.
/// `moment` gets the end of its freshness, and returns that time and the one before which entries are in doubt.
#[inline]
fn plain_hit(
    engine: &Engine,
    key: &Key,
    policy: &Policy,
    stored: &Bytes,
    is_current: bool,
    moment: impl FnOnce(u64) -> (u64, u64),
) -> Option<(Parts, u64)> {
    let envelope = Envelope::open(stored, key, is_trusted(engine), &engine.signer).ok()?;
    let (now_ms, doubted_before_ms) = moment(envelope.fresh_until());
    let is_hit = is_current && is_plain_hit(&envelope, policy, doubted_before_ms, now_ms);
    is_hit.then(|| (envelope.parts(), now_ms))
}

/// Only the memory of this process is trusted.
#[inline]
fn is_trusted(engine: &Engine) -> bool {
    engine.store.place() == Place::InProcess
}

/// Fetches and judges.
pub(crate) async fn find(engine: &Engine, lookup: &Lookup) -> Found {
    judge(engine, lookup, fetch(engine, lookup).await).await
}

/// Reads the entry, and with it the generations that are not known or may have changed.
pub(crate) async fn fetch(engine: &Engine, lookup: &Lookup) -> Fetched {
    let now_ms = || engine.clock.now_ms();
    let is_due = || engine.programs.is_due(engine.meter(&lookup.key), now_ms);
    let read = match lookup.tags.is_empty() && !is_due() {
        true => {
            let stored = engine.store.find_one(lookup.key.as_str()).await;
            stored.map(|stored| (stored, Vec::new()))
        }
        // Boxed, so that the future of a plain hit stays small.
        false => Box::pin(records::read_with_entry(engine, lookup, now_ms())).await,
    };
    let (stored, tags) = match read {
        Ok((stored, tags)) => (Ok(stored), tags),
        Err(unanswered) => (Err(unanswered), Vec::new()),
    };
    let program = engine.programs.of(lookup.key.program(), &engine.pending);
    let now_ms = now_ms();
    Fetched {
        stored,
        generations: Generations {
            program,
            tags,
            doubted_before_ms: engine.store.doubted_before_ms(now_ms),
        },
        now_ms,
    }
}

/// Opens what was fetched, and decides what may be done with it.
pub(crate) async fn judge(engine: &Engine, lookup: &Lookup, fetched: Fetched) -> Found {
    let Fetched {
        stored,
        mut generations,
        mut now_ms,
    } = fetched;
    let key = &lookup.key;
    let (layer, entry) = match stored {
        Err(unanswered) => return Found::nothing(unanswered.into(), generations, false, now_ms),
        Ok(None) => {
            let reason = engine.history.why_absent(key.as_str(), now_ms);
            return Found::nothing(reason, generations, true, now_ms);
        }
        Ok(Some((layer, stored))) => match open(engine, lookup, stored, now_ms) {
            Ok(entry) => (layer, entry),
            Err(error) => {
                let reason = ignored(engine, key, error);
                return Found::nothing(reason, generations, true, now_ms);
            }
        },
    };
    if !entry.is_plain() {
        if let Err(why) = records::read_rest(engine, &entry, &mut generations).await {
            return Found::nothing(why.into(), generations, false, engine.clock.now_ms());
        }
        now_ms = engine.clock.now_ms();
    }
    let latest = || engine.programs.latest(key.program(), &engine.pending);
    let of = |program: &str| engine.programs.of(program, &engine.pending);
    let draw = || engine.draw();
    let freshness = freshness::judge(&entry, &generations, lookup, now_ms, draw, latest, of);
    Found {
        entry: Some(entry),
        layer,
        freshness,
        generations,
        is_answered: true,
        now_ms,
    }
}

/// The stored bytes as an entry that lives no longer than the policy of `lookup` allows.
pub(crate) fn open(
    engine: &Engine,
    lookup: &Lookup,
    stored: Bytes,
    now_ms: u64,
) -> Result<Entry, Undecodable> {
    let mut entry = Entry::opened(stored, &lookup.key, is_trusted(engine), &engine.signer)?;
    entry.decode(engine.max_entry, lookup.accepts_coded)?;
    if !lookup.can_use(|| entry.body()) {
        return Err(Undecodable::NoValue);
    }
    entry.limit(&lookup.policy, lookup.allows_own_time, now_ms);
    Ok(entry)
}

/// Why there is nothing fresh of `key`, as the caller and the counters are told.
pub(crate) fn why_missed(engine: &Engine, key: &Key, found: &Found) -> Reason {
    let reason = found.reason();
    let must_compute = matches!(found.freshness, Freshness::MustCompute { .. });
    // A result that no caller may be served without a computation is stored, but makes its key uncacheable, too.
    let is_of_no_cache = |entry: &Entry| entry.clocks().are_of_no_cache();
    let may_be_uncacheable = found.is_answered
        && must_compute
        && reason != Reason::Refresh
        && !found.entry.as_ref().is_some_and(is_of_no_cache);
    match may_be_uncacheable && engine.flights.is_uncacheable(key.as_str(), &engine.clock) {
        true => Reason::NotStorable,
        false => reason,
    }
}

impl Fetched {
    /// The store was not asked.
    pub(crate) fn skipped() -> Self {
        Self {
            stored: Ok(None),
            generations: Generations::default(),
            now_ms: 0,
        }
    }
}

impl Found {
    /// The caller does not want what is stored, and the store was not asked.
    pub(crate) fn skipped(reason: Reason) -> Self {
        Self::nothing(reason, Generations::default(), false, 0)
    }

    fn nothing(reason: Reason, generations: Generations, is_answered: bool, now_ms: u64) -> Self {
        Self {
            entry: None,
            layer: 0,
            freshness: Freshness::useless(reason),
            generations,
            is_answered,
            now_ms,
        }
    }

    /// The same for a caller that wants a new result whatever is stored. The entry is no more than the old value that the
    /// computation may see.
    pub(crate) fn refused(self) -> Self {
        Self {
            entry: self.old_value(),
            freshness: Freshness::useless(Reason::Refresh),
            ..self
        }
    }

    /// The same without a content coding, for those that may compute.
    pub(crate) fn decoded(mut self, engine: &Engine) -> Self {
        let entry = self.entry.as_mut();
        if let Some(Err(_)) = entry.map(|entry| entry.decode(engine.max_entry, false)) {
            self.entry = None;
            self.freshness = Freshness::useless(Reason::Undecodable);
        }
        self
    }

    /// The answer of a lookup that serves the entry without computing.
    pub(crate) fn answer(&self) -> Option<Answer> {
        let (status, entry) = (self.freshness.status()?, self.entry.clone()?);
        let reason = self.freshness.reason().cloned();
        Some(Answer::new(entry, status, reason, self.now_ms).of_layer(self.layer))
    }

    /// Why there is nothing fresh.
    pub(crate) fn reason(&self) -> Reason {
        self.freshness.reason().cloned().unwrap_or(Reason::Refresh)
    }

    /// What a computation may see of the result before: not what was invalidated for good, and nothing older than the
    /// policy says.
    pub(crate) fn old_value(&self) -> Option<Entry> {
        let is_usable = match &self.freshness {
            // What `refused` has left.
            Freshness::MustCompute { reason, .. } if *reason == Reason::Refresh => true,
            freshness => freshness.stand_in() != StandIn::Never,
        };
        let entry = self.entry.clone().filter(|_| is_usable);
        entry.filter(|entry| !entry.is_negative())
    }
}
