//! The tags of a result: each with its generation from before the result was computed.
//!
//! Parts of steps 4 and 6 of a lookup, for entries that have tags.

use crate::computed::Directives;
use crate::engine::state::Engine;
use crate::entry::extension::Stamp;
use crate::invalidation::generation::{Generations, Record, TAG_MARGIN_MS};
use crate::invalidation::records;
use crate::key::Key;
use crate::log::Cut;
use crate::lookup::Lookup;
use crate::policy::Policy;
use crate::policy::clocks::Clocks;
use crate::reason::NotStored;
use crate::scope::{MAX_TAGS, is_tag, may_be_tags, tag_key};

/// Why a result has no tags that it could be stored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unstamped {
    /// It is not to be stored anyway.
    NotWanted,
    /// A tag that only the computation knew was invalidated while it ran.
    Invalidated,
    /// A tag is not valid, or there are too many.
    Bad,
    /// The store does not say what became of a tag.
    Unknown,
}

/// Gives each tag of the lookup a generation before the result is computed, so that an invalidation from here on is seen;
/// whether all of them have one.
pub(crate) async fn begin(engine: &Engine, lookup: &Lookup, generations: &mut Generations) -> bool {
    if !are_tags(engine, &lookup.key, &lookup.tags) {
        return false;
    }
    let keep_until = record_keep_until(engine, &lookup.policy);
    for (tag, record) in &mut generations.tags {
        if record.is_none() {
            *record = records::add_tag(engine, tag, keep_until).await;
        }
    }
    lookup.tags.iter().all(|tag| generations.has(tag))
        && generations.tags.iter().all(|(_, record)| record.is_some())
}

fn record_keep_until(engine: &Engine, policy: &Policy) -> u64 {
    let keep_until = policy.clocks(engine.clock.now_ms(), 0.0).keep_until;
    keep_until.saturating_add(TAG_MARGIN_MS)
}

/// The tags of a result with the generations from before it was computed, which began at `started_ms`.
pub(crate) async fn stamp(
    engine: &Engine,
    lookup: &Lookup,
    generations: &mut Generations,
    directives: &Directives,
    clocks: Clocks,
    started_ms: u64,
) -> Result<Vec<Stamp>, Unstamped> {
    let mut late: Vec<String> = directives.tags.clone();
    late.sort_unstable();
    late.dedup();
    late.retain(|tag| !lookup.tags.contains(tag));
    if !are_tags(engine, &lookup.key, &[&lookup.tags[..], &late].concat()) {
        return Err(Unstamped::Bad);
    }
    // The tags of the old entry, which were read to judge it, are not those of this result.
    generations
        .tags
        .retain(|(tag, _)| lookup.tags.contains(tag));
    let keep_until = record_keep_until(engine, &lookup.policy);
    for (tag, record) in late_records(engine, late, keep_until, started_ms).await? {
        generations.tags.push((tag, Some(record)));
    }
    let mut stamps = Vec::with_capacity(generations.tags.len());
    for (tag, record) in &generations.tags {
        let record = record.ok_or(Unstamped::Unknown)?;
        prolong(engine, tag, record, clocks.keep_until).await;
        stamps.push(Stamp {
            tag: tag.clone(),
            generation: record.generation,
        });
    }
    Ok(stamps)
}

/// The records of tags that the computation itself has named. Race: such a tag is invalidated while the computation runs, and
/// its generation from before was not read. So the time of the last invalidation is compared with the start of the
/// computation, by the clocks of two machines; equal times count as invalidated.
async fn late_records(
    engine: &Engine,
    late: Vec<String>,
    keep_until: u64,
    started_ms: u64,
) -> Result<Vec<(String, Record)>, Unstamped> {
    if late.is_empty() {
        return Ok(Vec::new());
    }
    let read = records::read_tags(engine, late).await;
    let mut records = Vec::new();
    for (tag, record) in read.or(Err(Unstamped::Unknown))? {
        let record = match record {
            Some(record) => Some(record),
            None => records::add_tag(engine, &tag, keep_until).await,
        };
        let record = record.ok_or(Unstamped::Unknown)?;
        if record.changed_ms >= started_ms {
            return Err(Unstamped::Invalidated);
        }
        records.push((tag, record));
    }
    Ok(records)
}

/// The record of a tag that has none, for an entry that is kept until then.
pub(crate) async fn make(engine: &Engine, tag: &str, keep_until: u64) -> Option<Record> {
    let keep_until = keep_until.saturating_add(TAG_MARGIN_MS);
    records::add_tag(engine, tag, keep_until).await
}

/// Has the record of a tag live as long as an entry that names it.
pub(crate) async fn prolong(engine: &Engine, tag: &str, record: Record, keep_until: u64) {
    if record.keep_until >= keep_until {
        return;
    }
    let longer = Record {
        keep_until: keep_until.saturating_add(TAG_MARGIN_MS),
        ..record
    };
    let expire = longer.keep_for(engine.clock.now_ms());
    let key = tag_key(tag);
    let [raw, longer] = [record, longer].map(|record| record.encode(&key, &engine.signer));
    // If this fails, the record expires before its entries: they become old, and no old entry becomes fresh.
    let _ = engine.store.replace(&key, &raw, Some(longer), expire).await;
}

/// Whether an entry may have `tags`; the log says why not, once a minute for each program.
fn are_tags(engine: &Engine, key: &Key, tags: &[String]) -> bool {
    if may_be_tags(tags) {
        return true;
    }
    let now_ms = engine.clock.now_ms();
    if engine.meter(key).may_tell(NotStored::BadTag, now_ms) {
        let tag = tags.iter().find(|tag| !is_tag(tag));
        tracing::warn!(
            program = %Cut(key.program_name()),
            key = %Cut(key),
            tag = tag.map(|tag| Cut(tag).to_string()),
            tags = tags.len(),
            "a result is not stored: a tag is 1 to 200 bytes long and has no control characters, and a result has at \
             most {MAX_TAGS}"
        );
    }
    false
}
