//! What a computation has inherited becomes a part of its entry: stamps, programs, and the chain of results.
//!
//! Step 6 of a lookup, for a computation that has looked other results up. The races are those of tags that only a computation
//! knows: the generations are from before each inner result was computed, so that an entry is old as soon as it is stored if
//! anything was invalidated since; and they are compared once more here, because a caller that joined after that invalidation
//! must not be given the result.

use crate::engine::attempt::Attempt;
use crate::engine::coarse::{coarse, stamp_coarse, stands_for};
use crate::engine::inherited::{Gathered, GatheredLink, Inherits};
use crate::engine::single_flight::Flight;
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::extension::Stamp;
use crate::entry::inherited::{Blocked, Inherited, Link, MAX_PROGRAMS};
use crate::invalidation::generation::{Difference, Record};
use crate::invalidation::records;
use crate::invalidation::tags::Unstamped;
use crate::key::Key;
use crate::log::Cut;
use crate::policy::clocks::Clocks;

/// The tags of an entry, and what else it has inherited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heritage {
    /// Its own tags first.
    pub(crate) stamps: Vec<Stamp>,
    pub(crate) inherited: Inherited,
}

/// How long an entry lives that has inherited something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lives {
    pub(crate) clocks: Clocks,
    /// How long it would live without that.
    pub(crate) own: Clocks,
    /// When its computation began.
    pub(crate) started_ms: u64,
}

/// Whether what is made of what was `gathered` must not be stored, and not be shared, because one of the results must not.
pub(crate) fn blocks(engine: &Engine, flight: &Flight, key: &Key, gathered: &Gathered) -> bool {
    let (Some(why), Some(inner)) = (gathered.blocked(), gathered.blocked_by()) else {
        return false;
    };
    if why != Blocked::Unknown {
        // The result does not say what it depends on, so it is not for a caller that joined while it was computed. If the store
        // is silent (`Unknown`), joining again would teach that caller nothing: if the store has answered it, it takes the result.
        flight.revoke();
    }
    let (event, key) = (
        ("inherited", key.program().to_owned()),
        Cut(key).to_string(),
    );
    let inner = Cut(inner).to_string();
    engine.log.tell(event, move |repeated| {
        tracing::warn!(
            key,
            inner,
            why = why.says(),
            repeated,
            "a result is not stored, because of a result that it is made of; leave that out by Lookup::independent()"
        );
    });
    why == Blocked::NoStore
}

/// Adds what was `gathered` to the stamps of the entry's `own` tags and to the generation of its own program.
pub(crate) async fn inherit(
    engine: &Engine,
    attempt: &mut Attempt,
    mut gathered: Gathered,
    own: Vec<Stamp>,
    lives: Lives,
) -> Result<Heritage, Unstamped> {
    if gathered.is_empty() {
        let inherited = Inherited::default();
        return Ok(Heritage {
            stamps: own,
            inherited,
        });
    }
    is_stampable(&gathered)?;
    let coarse = coarse(engine, attempt.key(), &own, &gathered).ok_or(Unstamped::Bad)?;
    // Race: before the records of the tags that they stand for are read once more, see `invalidation/tell.rs`.
    let coarse = stamp_coarse(engine, coarse, lives.clocks).await?;
    confirm(engine, &gathered).await?;
    if let Some(inherits) = gathered.programs.remove(attempt.key().program()) {
        let own = &mut attempt.generations.program;
        *own = own.either(inherits.generation);
    }
    if gathered.programs.len() > MAX_PROGRAMS {
        return Err(Unstamped::Bad);
    }
    let stamps = stamps(own, &gathered, coarse);
    let inherited = inherited(gathered, &stamps, lives.own.fresh_until);
    Ok(Heritage { stamps, inherited })
}

/// What is inherited besides the `stamps` of an entry that would be fresh `until` then without it.
fn inherited(gathered: Gathered, stamps: &[Stamp], until: u64) -> Inherited {
    let programs = gathered.programs.into_iter();
    let programs = programs.map(|(program, inherits)| (program, inherits.generation));
    let shortest = gathered
        .links
        .iter()
        .filter_map(|link| link.fresh_until)
        .min();
    let limit = shortest.filter(|shortest| *shortest < until);
    let links = gathered.links.into_iter();
    Inherited {
        programs: programs.collect(),
        links: links.map(|link| linked(link, stamps, limit)).collect(),
        left_out: gathered.left_out,
    }
}

/// Whether something may be stored that is made of what was `gathered`.
fn is_stampable(gathered: &Gathered) -> Result<(), Unstamped> {
    match gathered.blocked() {
        None => Ok(()),
        Some(Blocked::Invalidated) => Err(Unstamped::Invalidated),
        Some(Blocked::BadTag) => Err(Unstamped::Bad),
        Some(Blocked::Unknown) => Err(Unstamped::Unknown),
        Some(Blocked::Lifeless | Blocked::NoStore) => Err(Unstamped::NotWanted),
    }
}

/// What the old result of `attempt` depends on besides what its lookup says, as it is before it is computed again: if the
/// computation finds that the old result is still valid, it depends on the same.
pub(crate) fn of_old(engine: &Engine, attempt: &Attempt) -> Gathered {
    let mut gathered = Gathered::default();
    let old = attempt
        .old
        .as_ref()
        .filter(|old| attempt.is_old_usable && !old.is_plain());
    let Some(extension) = old.and_then(Entry::extension) else {
        return gathered;
    };
    let inherits = |generation| Inherits {
        generation,
        may_be_old: false,
    };
    for Stamp { tag, .. } in &extension.tags {
        if !attempt.lookup.tags.contains(tag)
            && let Some(record) = attempt.generations.record(tag)
        {
            gathered
                .tags
                .insert(tag.clone(), inherits(record.generation));
        }
    }
    for (program, _) in extension.inherited.programs {
        let generation = engine.generation(&program);
        gathered.programs.insert(program, inherits(generation));
    }
    let links = extension.inherited.links.iter().map(|link| GatheredLink {
        depth: link.depth,
        key: link.key.clone(),
        tags: link.tags_of(&extension.tags).map(str::to_owned).collect(),
        fresh_until: None,
    });
    gathered.links = links.collect();
    gathered.left_out = extension.inherited.left_out;
    gathered
}

/// Whether nothing was invalidated since the results were looked up. What was served old may stay as old as it was.
pub(crate) async fn confirm(engine: &Engine, gathered: &Gathered) -> Result<(), Unstamped> {
    let is_valid = |inherits: &Inherits, now: Difference| match now {
        Difference::Same => true,
        Difference::Soft => inherits.may_be_old,
        Difference::Hard => false,
    };
    let are_programs_valid = gathered.programs.iter().all(|(program, inherits)| {
        let now = engine.generation(program);
        is_valid(inherits, inherits.generation.difference(now))
    });
    if !are_programs_valid {
        return Err(Unstamped::Invalidated);
    }
    if gathered.tags.is_empty() || engine.keeps_nothing() {
        return Ok(());
    }
    let read = records::read_tags(engine, gathered.tags.keys().cloned().collect()).await;
    let records = read.or(Err(Unstamped::Unknown))?;
    let are_tags_valid =
        records
            .iter()
            .zip(gathered.tags.values())
            .all(|((_, record), inherits)| {
                let since = |record: Record| record.since(inherits.generation);
                record
                    .and_then(since)
                    .is_some_and(|now| is_valid(inherits, now))
            });
    match are_tags_valid {
        true => Ok(()),
        false => Err(Unstamped::Invalidated),
    }
}

/// The stamps of the entry: its own, those that are inherited, and the wildcards in place of some.
fn stamps(own: Vec<Stamp>, gathered: &Gathered, coarse: Vec<Stamp>) -> Vec<Stamp> {
    let mut stamps = own;
    for (tag, inherits) in &gathered.tags {
        let is_covered = coarse.iter().any(|stamp| stands_for(&stamp.tag, tag));
        match stamps.iter_mut().find(|stamp| stamp.tag == *tag) {
            Some(stamp) => stamp.generation = stamp.generation.either(inherits.generation),
            None if is_covered => {}
            None => stamps.push(Stamp {
                tag: tag.clone(),
                generation: inherits.generation,
            }),
        }
    }
    stamps.extend(coarse);
    stamps
}

/// `link` as the entry with `stamps` has it. A result that is fresh until `limit` limits the life of the entry.
fn linked(link: GatheredLink, stamps: &[Stamp], limit: Option<u64>) -> Link {
    let place = |tag: &String| {
        let exact = stamps.iter().position(|stamp| stamp.tag == *tag);
        exact.or_else(|| stamps.iter().position(|stamp| stands_for(&stamp.tag, tag)))
    };
    let places = link.tags.iter().filter_map(place);
    Link {
        depth: link.depth,
        limits: limit.is_some() && link.fresh_until == limit,
        tags: places.fold(0, |tags, place| tags | 1 << place),
        key: link.key,
    }
}
