//! Coarse tags: wildcards take the place of tags where an entry inherits more than it may have.
//!
//! Part of step 6 of a lookup, for a computation that has looked many results up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::engine::inherited::Gathered;
use crate::engine::state::Engine;
use crate::entry::extension::Stamp;
use crate::invalidation::records;
use crate::invalidation::tags::{self, Unstamped};
use crate::key::Key;
use crate::log::Cut;
use crate::policy::clocks::Clocks;
use crate::scope::{EVERY_TAG, MAX_TAGS, group};

/// The wildcards that take the place of tags, so that an entry has no more than it may; `None` if it has too many tags of its
/// own. The larger a group of tags is, the sooner one wildcard stands for it.
pub(crate) fn coarse(
    engine: &Engine,
    key: &Key,
    own: &[Stamp],
    gathered: &Gathered,
) -> Option<Vec<String>> {
    let is_own = |tag: &str| own.iter().any(|stamp| stamp.tag == tag);
    let mut rest: Vec<&str> = gathered.tags.keys().map(String::as_str).collect();
    rest.retain(|tag| !is_own(tag));
    let inherited = rest.len();
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in rest.into_iter().filter_map(group) {
        *sizes.entry(group).or_default() += 1;
    }
    let mut groups: Vec<_> = sizes.into_iter().filter(|(_, size)| *size > 1).collect();
    groups.sort_by_key(|(_, size)| Reverse(*size));
    let (mut count, mut coarse) = (own.len() + inherited, Vec::new());
    for (group, size) in groups {
        if count <= MAX_TAGS {
            break;
        }
        count -= size - 1;
        coarse.push(format!("{group}{EVERY_TAG}"));
    }
    if count > MAX_TAGS {
        if own.len() >= MAX_TAGS {
            return None;
        }
        coarse = vec![EVERY_TAG.to_owned()];
    }
    if !coarse.is_empty() {
        tell(engine, key, inherited, &coarse);
    }
    Some(coarse)
}

fn tell(engine: &Engine, key: &Key, inherited: usize, coarse: &[String]) {
    let (event, key) = (("coarse", key.program().to_owned()), Cut(key).to_string());
    let coarse = Cut(coarse.join(", ")).to_string();
    engine.log.tell(event, move |repeated| {
        tracing::warn!(
            key,
            inherited,
            coarse,
            repeated,
            "an entry inherits more tags than it may have, {MAX_TAGS} with its own: coarse ones take their place, which make it \
             old more often"
        );
    });
}

/// The records of the wildcards, made if there are none.
pub(crate) async fn stamp_coarse(
    engine: &Engine,
    coarse: Vec<String>,
    clocks: Clocks,
) -> Result<Vec<Stamp>, Unstamped> {
    let mut stamps = Vec::with_capacity(coarse.len());
    if coarse.is_empty() {
        return Ok(stamps);
    }
    let read = records::read_tags(engine, coarse).await;
    for (tag, record) in read.or(Err(Unstamped::Unknown))? {
        let record = match record {
            Some(record) => Some(record),
            None => tags::make(engine, &tag, clocks.keep_until).await,
        };
        let record = record.ok_or(Unstamped::Unknown)?;
        tags::prolong(engine, &tag, record, clocks.keep_until).await;
        let generation = record.generation;
        stamps.push(Stamp { tag, generation });
    }
    Ok(stamps)
}

/// Whether `coarse` is `tag` or a wildcard of it.
pub(crate) fn stands_for(coarse: &str, tag: &str) -> bool {
    let of_group = coarse.strip_suffix(EVERY_TAG);
    coarse == tag || coarse == EVERY_TAG || of_group.is_some_and(|own| group(tag) == Some(own))
}
