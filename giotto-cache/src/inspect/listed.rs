//! An entry in a list: what is known of it without its body, and what the next lookup would make of it.
//!
//! No step of a lookup; for management.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::remaining;
use crate::entry::freshness::is_from_the_future;
use crate::entry::head::Head;
use crate::inspect::json;
use crate::invalidation::generation::{Difference, Generation, Record};
use crate::key::Key;
use crate::keyvalue::scan::StoredValue;
use crate::policy::Policy;

/// An entry, as its store tells of it. Nothing of it is verified, because its body was not read.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct ListedEntry {
    /// Its key; `None` if the store has only a digest of it.
    pub key: Option<String>,
    /// Its key as the store writes it.
    pub stored_key: String,
    /// The name of the program; `None`, as the next two, if its key has no such parts.
    pub program: Option<String>,
    /// The arguments of the program, as the key has them.
    pub arguments: Option<String>,
    /// The media type, as the key has it.
    pub mimetype: Option<String>,
    /// What the next lookup would make of it.
    pub state: ListedState,
    /// Its length in bytes as it is stored, with its key and what is known of it, or the room that it takes.
    pub bytes: Option<u64>,
    /// What stands in front of the body; `None` if that is not known.
    #[serde(flatten)]
    pub known: Option<Known>,
}

/// What stands in front of the body of an entry. It serialises with all times in milliseconds; `null` = for ever.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Known {
    /// How long ago it was computed.
    #[serde(rename = "age_ms", serialize_with = "json::milliseconds")]
    pub age: Duration,
    /// How long it is still fresh; `None` = for ever.
    #[serde(rename = "fresh_for_ms", serialize_with = "json::milliseconds_left")]
    pub fresh_for: Option<Duration>,
    /// How long it may still be served while a new one is computed; `None` = for ever.
    #[serde(rename = "stale_for_ms", serialize_with = "json::milliseconds_left")]
    pub stale_for: Option<Duration>,
    /// How long the store still has it; `None` = for ever.
    #[serde(rename = "keep_for_ms", serialize_with = "json::milliseconds_left")]
    pub keep_for: Option<Duration>,
    /// How long it took to compute.
    #[serde(rename = "cost_ms", serialize_with = "json::fraction")]
    pub cost: Duration,
    /// Whether it says "there is no such thing".
    pub is_negative: bool,
    /// The version of its program.
    pub version: u32,
    /// Its tags, or the first of them.
    pub tags: Vec<String>,
    /// Whether there may be more tags, which are not known here.
    pub has_more_tags: bool,
}

/// What the next lookup would make of an entry, as far as it is known. An entry whose key is not verified may also be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ListedState {
    /// Serve it.
    Fresh,
    /// Its time is over, and its policy lets it be served while a new one is computed.
    Stale,
    /// Its time is over.
    Expired,
    /// Made old by an invalidation or another version: it is served only where its policy allows an old entry.
    Invalidated,
    /// It is never served again: purged, of another version, of a tag whose record is lost, or computed in the future.
    Purged,
    /// The value is no entry of this key.
    Unreadable,
    /// The store does not hand out a part of a value.
    Unknown,
}

/// A value that was found, and what can be read of it.
pub(crate) struct Value {
    pub(crate) stored: StoredValue,
    pub(super) key: Option<Key>,
    /// `None` if the store has handed out nothing of it.
    pub(super) head: Option<Option<Head>>,
}

/// The generations that count now.
pub(crate) struct Now {
    pub(super) programs: HashMap<String, Generation>,
    /// `None` where there is no record.
    pub(super) tags: HashMap<String, Option<Record>>,
}

impl Value {
    pub(super) fn new(stored: StoredValue) -> Self {
        let key = stored.key.as_deref().and_then(Key::read);
        let head = stored.head.as_ref().map(|head| {
            let key = stored.key.as_deref()?;
            Head::read(head, key).ok()
        });
        Self { stored, key, head }
    }

    /// What the next lookup would make of it.
    pub(crate) fn state(&self, now: &Now, policy: Option<&Policy>, now_ms: u64) -> ListedState {
        let program = self.key.as_ref().map(Key::program);
        match &self.head {
            None if self.stored.expires_in == Some(Duration::ZERO) => ListedState::Expired,
            None => ListedState::Unknown,
            Some(None) => ListedState::Unreadable,
            Some(Some(head)) => state(head, program, now, policy, now_ms),
        }
    }

    pub(super) fn listed(
        self,
        now: &Now,
        policies: &HashMap<String, Policy>,
        now_ms: u64,
    ) -> ListedEntry {
        let program = self.key.as_ref().map(Key::program_name);
        let policy = program.as_ref().and_then(|program| policies.get(program));
        let state = self.state(now, policy, now_ms);
        let known = self
            .head
            .flatten()
            .map(|head| Known::new(head, policy, now_ms));
        ListedEntry {
            arguments: self.key.as_ref().map(|key| key.arguments().to_owned()),
            mimetype: self.key.as_ref().map(|key| key.mimetype().to_owned()),
            program,
            state,
            bytes: self.stored.bytes,
            known,
            key: self.stored.key,
            stored_key: self.stored.stored_key,
        }
    }
}

impl Now {
    /// What became of the entry since it was computed, as far as it is known.
    fn difference(&self, head: &Head, program: Option<&str>) -> Difference {
        let of_program = program.and_then(|program| self.programs.get(program));
        let of_program = of_program.map_or(Difference::Same, |now| {
            head.extension.program.difference(*now)
        });
        let of_tags = head
            .extension
            .tags
            .iter()
            .map(|stamp| match self.tags.get(&stamp.tag) {
                Some(Some(record)) => stamp.generation.difference(record.generation),
                // The record is lost.
                Some(None) => Difference::Hard,
                None => Difference::Same,
            });
        let inherited = &head.extension.inherited.programs;
        let of_inherited = inherited.iter().map(|(program, stamped)| {
            let now = self.programs.get(program);
            now.map_or(Difference::Same, |now| stamped.difference(*now))
        });
        of_tags.chain(of_inherited).fold(of_program, worse)
    }
}

/// What the next lookup would make of the entry: the same rules as in `entry/freshness.rs`, without the body and without a
/// caller.
fn state(
    head: &Head,
    program: Option<&str>,
    now: &Now,
    policy: Option<&Policy>,
    now_ms: u64,
) -> ListedState {
    let of_version = match policy {
        Some(policy) if policy.version_number() == head.extension.version => Difference::Same,
        Some(policy) if policy.keeps_versions() => Difference::Soft,
        Some(_) => Difference::Hard,
        None => Difference::Same,
    };
    let clocks = head.limited(policy, now_ms);
    match worse(of_version, now.difference(head, program)) {
        _ if is_from_the_future(clocks.created, now_ms) => ListedState::Purged,
        Difference::Hard => ListedState::Purged,
        Difference::Soft => ListedState::Invalidated,
        Difference::Same if now_ms < clocks.fresh_until => ListedState::Fresh,
        Difference::Same if now_ms < clocks.stale_until => ListedState::Stale,
        Difference::Same => ListedState::Expired,
    }
}

const fn worse(one: Difference, other: Difference) -> Difference {
    match (one, other) {
        (Difference::Hard, _) | (_, Difference::Hard) => Difference::Hard,
        (Difference::Soft, _) | (_, Difference::Soft) => Difference::Soft,
        _ => Difference::Same,
    }
}

impl Known {
    fn new(head: Head, policy: Option<&Policy>, now_ms: u64) -> Self {
        let clocks = head.limited(policy, now_ms);
        let left = |until| remaining(until, now_ms);
        let tags = head.extension.tags.into_iter();
        Self {
            age: Duration::from_millis(now_ms.saturating_sub(clocks.created)),
            fresh_for: left(clocks.fresh_until),
            stale_for: left(clocks.stale_until),
            keep_for: left(clocks.keep_until),
            cost: head.cost,
            is_negative: head.is_negative,
            version: head.extension.version,
            tags: tags.map(|stamp| stamp.tag).collect(),
            has_more_tags: head.is_cut,
        }
    }
}
