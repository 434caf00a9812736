//! What is moved from one store to another: entries with the time that they have left, and the records of what was
//! invalidated.
//!
//! Part of copying, exporting and importing. What a store or a file has is verified as a lookup verifies it: another client may
//! have written it.

use std::time::Duration;

use bytes::Bytes;

use crate::clock::remaining;
use crate::engine::state::Engine;
use crate::engine::unstored::ENVELOPE;
use crate::entry::Entry;
use crate::entry::codec::MAGIC;
use crate::error::Result;
use crate::invalidation::generation::Record;
use crate::key::Key;
use crate::keyvalue::KeyValue;
use crate::scope::ALL;

/// How often a value that others change is compared and set.
const ATTEMPTS: usize = 16;

/// What became of what was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Moved {
    /// Entries that were written.
    pub entries: u64,
    /// Records of what was invalidated that were written.
    pub records: u64,
    /// Entries and records of which the target has the same or a newer one.
    pub present: u64,
    /// Entries whose time is over.
    pub expired: u64,
    /// Values that are no sound entry and no record of this application: damaged, of another program, or not signed.
    pub refused: u64,
    /// Entries whose keys the source does not tell.
    pub unknown: u64,
    /// Entries that are too large for the target.
    pub too_large: u64,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Movable {
    Entry { created: u64, keep_until: u64 },
    Record(Record),
}

impl Moved {
    pub(crate) const fn and(mut self, other: Self) -> Self {
        self.entries += other.entries;
        self.records += other.records;
        self.present += other.present;
        self.expired += other.expired;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.too_large += other.too_large;
        self
    }
}

/// How the keys of records begin.
pub(crate) const RECORDS: [&str; 3] = ["{tag:", "{program:", ALL];

pub(crate) fn is_record(key: &str) -> bool {
    key.ends_with('}') && RECORDS.iter().any(|record| key.starts_with(record))
}

/// How long a value may be at most.
pub(crate) const fn longest(engine: &Engine) -> usize {
    engine.max_entry.saturating_add(ENVELOPE)
}

/// What `raw`, which is stored under `key`, is; `None` if it is not to be moved.
pub(crate) fn read(engine: &Engine, key: &str, raw: &Bytes) -> Option<Movable> {
    if is_record(key) {
        return Record::decode(raw, key, &engine.signer).map(Movable::Record);
    }
    if raw.len() > longest(engine) || !raw.starts_with(&MAGIC) {
        return None;
    }
    let entry = Entry::opened(raw.clone(), &Key::read(key)?, false, &engine.signer).ok()?;
    // One that this build cannot judge is not moved.
    entry.extension()?;
    let clocks = entry.clocks();
    Some(Movable::Entry {
        created: clocks.created,
        keep_until: clocks.keep_until,
    })
}

/// Writes `raw` to `target`, unless that has the same or a newer one.
pub(crate) async fn write(
    engine: &Engine,
    target: &dyn KeyValue,
    key: String,
    raw: Bytes,
) -> Result<Moved> {
    let mut moved = Moved::default();
    let value = read(engine, &key, &raw);
    let is_too_large = target
        .max_value()
        .is_some_and(|longest| raw.len() > longest);
    let counter = match &value {
        None => &mut moved.refused,
        Some(value) if value.is_over(engine) => &mut moved.expired,
        Some(_) if is_too_large => &mut moved.too_large,
        Some(value) => match (
            replace_older(engine, target, &key, raw, value).await?,
            value,
        ) {
            (false, _) => &mut moved.present,
            (true, Movable::Entry { .. }) => &mut moved.entries,
            (true, Movable::Record(_)) => &mut moved.records,
        },
    };
    *counter += 1;
    Ok(moved)
}

impl Movable {
    /// Whether its time is over.
    fn is_over(&self, engine: &Engine) -> bool {
        match self {
            Self::Entry { keep_until, .. } => *keep_until <= engine.clock.now_ms(),
            Self::Record(_) => false,
        }
    }

    fn keep_for(&self, now_ms: u64) -> Option<Duration> {
        match self {
            Self::Entry { keep_until, .. } => remaining(*keep_until, now_ms),
            Self::Record(record) => record.keep_for(now_ms),
        }
    }
}

/// Whether `raw`, which is `value`, was written. It is not if the target has a newer one, or if others change that all the time.
async fn replace_older(
    engine: &Engine,
    target: &dyn KeyValue,
    key: &str,
    raw: Bytes,
    value: &Movable,
) -> Result<bool> {
    let expire = value.keep_for(engine.clock.now_ms());
    for _ in 0..ATTEMPTS {
        let stored = target.get(key).await?;
        let written = match &stored {
            None => target.add(key, raw.clone(), expire).await?,
            Some(stored) if !is_newer(value, read(engine, key, stored).as_ref()) => break,
            Some(stored) => {
                let new = Some(raw.clone());
                target.replace(key, stored, new, expire).await?
            }
        };
        if written {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether `value` is newer than what the target has, which may be no entry or record at all. Of two records the one that was
/// changed last counts; of two that were never changed, that of the source, which its entries name.
fn is_newer(value: &Movable, stored: Option<&Movable>) -> bool {
    match (value, stored) {
        (_, None) => true,
        (
            Movable::Entry { created, .. },
            Some(Movable::Entry {
                created: stored, ..
            }),
        ) => created > stored,
        (Movable::Record(record), Some(Movable::Record(stored))) => {
            record.generation != stored.generation && record.changed_ms >= stored.changed_ms
        }
        _ => false,
    }
}
