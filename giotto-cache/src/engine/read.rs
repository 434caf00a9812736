//! One read of the store: the entry, the generations that it depends on, and what may be done with it.
//!
//! Steps 1 and 2 of a lookup: [`fetch`] reads the bytes, [`judge`] decides.

use bytes::Bytes;

use crate::answer::Answer;
use crate::engine::ignored::ignored;
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::codec::Undecodable;
use crate::entry::freshness::{self, Freshness, StandIn};
use crate::guard::unanswered::Unanswered;
use crate::invalidation::generation::Generations;
use crate::invalidation::records;
use crate::key::Key;
use crate::keyvalue::Place;
use crate::lookup::Lookup;
use crate::reason::Reason;

/// What the store answered: the stored bytes, if any, with the number of their layer, and the generations that count now.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) stored: Result<Option<(u8, Bytes)>, Unanswered>,
    pub(crate) generations: Generations,
    /// When it answered.
    pub(crate) now_ms: u64,
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

/// Only the memory of this process is trusted.
#[inline]
pub(crate) fn is_trusted(engine: &Engine) -> bool {
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
    let program = engine.generation(lookup.key.program());
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
    let of = |program: &str| engine.generation(program);
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
