//! What most lookups come to: a fresh page, of which nothing that it depends on was invalidated.
//!
//! Steps 1 and 2 of a lookup in one, for a store that answers at once, and step 2 for what was fetched. What takes more than to
//! compare times and generations, `read.rs` judges.

use bytes::Bytes;

use crate::answer::Answer;
use crate::engine::computing::note_hit;
use crate::engine::read::{Fetched, is_trusted};
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::codec::{Envelope, Parts};
use crate::entry::hit::{is_in_time, is_untouched};
use crate::entry::stamps::Stamp;
use crate::invalidation::generation::{Generation, Record};
use crate::key::Key;
use crate::keyvalue::Place;
use crate::lookup::Lookup;
use crate::policy::Policy;
use crate::scope::tag_key;
use crate::stats::program::ProgramMeter;

/// On which terms a caller takes a stored page.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'t> {
    pub(crate) policy: &'t Policy,
    /// The tags that it must have.
    pub(crate) tags: &'t [String],
    /// Whether it may be under a content coding.
    pub(crate) accepts_coded: bool,
    /// Whether the computation around the lookup inherits nothing from it.
    pub(crate) is_independent: bool,
}

impl<'t> Terms<'t> {
    /// Those of `lookup`.
    #[inline]
    pub(crate) fn of(lookup: &'t Lookup) -> Self {
        Self {
            policy: &lookup.policy,
            tags: &lookup.tags,
            accepts_coded: lookup.accepts_coded,
            is_independent: lookup.is_independent,
        }
    }
}

/// The page of `key`, if the store has it at once and to compare its times and stamps is enough. `now` gets the end of its
/// freshness, and returns the time to judge it by; `take` gets the page and that time.
#[inline]
pub(crate) fn at_once<R>(
    engine: &Engine,
    key: &Key,
    terms: Terms<'_>,
    now: impl FnOnce(u64) -> u64,
    take: impl FnOnce(Entry, u64) -> R,
) -> Option<R> {
    let program = key.program();
    let meter = engine.meters.of(program);
    // Elsewhere the records of tags are read with the entry.
    let has_records = terms.tags.is_empty() || engine.store.place() == Place::InProcess;
    if !has_records || engine.programs.is_due(meter, || engine.clock.now_ms()) {
        return None;
    }
    // Lent until it is judged: to move bytes that were just written takes as long as to find them.
    let found = engine.store.get_now(key.as_str());
    let stored = found.as_ref()?.as_ref()?;
    let generation = engine.programs.of(program, meter, &engine.pending);
    let moment = |fresh_until| {
        let now_ms = now(fresh_until);
        (now_ms, engine.store.doubted_before_ms(now_ms))
    };
    let (parts, now_ms) = judged(engine, key, terms, stored, generation, moment)?;
    let mut entry = Entry::of(found??, parts);
    entry.decode(engine.max_entry, terms.accepts_coded).ok()?;
    count(engine, meter, key, &entry, terms.is_independent, now_ms);
    Some(take(entry, now_ms))
}

/// Counts a hit of `entry`, from which the computation around the lookup inherits.
#[inline]
pub(crate) fn count(
    engine: &Engine,
    meter: &ProgramMeter,
    key: &Key,
    entry: &Entry,
    is_independent: bool,
    now_ms: u64,
) {
    meter.hit_now(entry.cost_us(), now_ms);
    engine.popular.hit(key, now_ms);
    let answer = || Answer::hit(entry.clone(), 0, now_ms);
    note_hit(engine, key, is_independent, answer);
}

/// What was fetched, if to compare its times and stamps is enough.
pub(crate) fn fetched(engine: &Engine, lookup: &Lookup, fetched: &Fetched) -> Option<Answer> {
    let (layer, stored) = fetched.stored.as_ref().ok()?.as_ref()?;
    // The records of tags were read with it, for `read.rs` to judge.
    if !lookup.is_plain() || !lookup.tags.is_empty() {
        return None;
    }
    let generation = fetched.generations.program;
    let moment = |_| (fetched.now_ms, fetched.generations.doubted_before_ms);
    let (key, terms) = (&lookup.key, Terms::of(lookup));
    let (parts, now_ms) = judged(engine, key, terms, stored, generation, moment)?;
    let mut entry = Entry::of(stored.clone(), parts);
    entry.decode(engine.max_entry, terms.accepts_coded).ok()?;
    engine.meter(key).hit(entry.cost_us(), now_ms);
    engine.popular.hit(key, now_ms);
    Some(Answer::hit(entry, *layer, now_ms))
}

/// The parts of what is `stored`, if it is a hit, with the time that it was judged by. `generation` is that of its program
/// now; `moment` gets the end of its freshness, and returns that time and the one before which entries are in doubt.
#[inline]
fn judged(
    engine: &Engine,
    key: &Key,
    terms: Terms<'_>,
    stored: &Bytes,
    generation: Generation,
    moment: impl FnOnce(u64) -> (u64, u64),
) -> Option<(Parts, u64)> {
    let envelope = Envelope::open(stored, key, is_trusted(engine), &engine.signer).ok()?;
    let (now_ms, doubted_before_ms) = moment(envelope.fresh_until());
    let Terms { policy, tags, .. } = terms;
    // Only the memory of this process has the records of tags at hand.
    let is_at_hand = || engine.store.place() == Place::InProcess && engine.pending.is_empty();
    let counts = |stamp: Stamp<'_>| match stamp {
        _ if !is_at_hand() => false,
        Stamp::Tag(tag, generation) => tag_generation(engine, tag) == Some(generation),
        Stamp::Program(program, generation) => engine.generation(program) == generation,
    };
    let is_hit = is_in_time(&envelope, policy, doubted_before_ms, now_ms)
        && is_untouched(&envelope, policy, tags, generation, counts);
    is_hit.then(|| (envelope.parts(), now_ms))
}

/// The generation of `tag` by its record in memory; `None` if there is none, or none that is sound.
fn tag_generation(engine: &Engine, tag: &str) -> Option<Generation> {
    let key = tag_key(tag);
    let record = engine.store.get_now(&key)??;
    let record = Record::decode(&record, &key, &engine.signer)?;
    Some(record.generation)
}
