//! All that a store has, poured into another store or into a file.
//!
//! Part of copying and exporting.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use crate::engine::state::Engine;
use crate::error::Result;
use crate::inspect::walk::rest;
use crate::keyvalue::KeyValue;
use crate::keyvalue::scan::Scan;
use crate::keyvalue::together::together;
use crate::upkeep::file::Writer;
use crate::upkeep::transfer::{Movable, Moved, RECORDS, is_record, longest, read, write};

/// The values that are read and written at a time.
const AT_ONCE: usize = 32;
/// The part of the time that it is at work.
const SHARE: f64 = 0.5;

/// Where everything goes.
pub(super) enum Sink<'s> {
    Store(&'s dyn KeyValue),
    File(Mutex<Writer>),
}

impl Sink<'_> {
    async fn take(&self, engine: &Engine, pairs: Vec<(String, Bytes)>) -> Result<Moved> {
        let target = match self {
            Self::Store(target) => *target,
            Self::File(writer) => return note(engine, writer, pairs),
        };
        let mut writes = Vec::with_capacity(pairs.len());
        for (key, raw) in pairs {
            writes.push(write(engine, target, key, raw));
        }
        let mut moved = Moved::default();
        for written in together(writes).await {
            moved = moved.and(written?);
        }
        Ok(moved)
    }
}

/// Writes those of `pairs` to a file that can be moved.
fn note(engine: &Engine, writer: &Mutex<Writer>, pairs: Vec<(String, Bytes)>) -> Result<Moved> {
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut moved, now_ms) = (Moved::default(), engine.clock.now_ms());
    for (key, raw) in pairs {
        match read(engine, &key, &raw) {
            None => {
                moved.refused += 1;
                continue;
            }
            Some(Movable::Entry { keep_until, .. }) if keep_until <= now_ms => {
                moved.expired += 1;
                continue;
            }
            Some(Movable::Entry { .. }) => moved.entries += 1,
            Some(Movable::Record(_)) => moved.records += 1,
        }
        writer.value(&key, &raw)?;
    }
    Ok(moved)
}

/// Pours everything of `source` into `sink`: first the records of what was invalidated, then the entries, then the records
/// again. Race: something is invalidated in the source while its entries are on their way. The second time, its record is
/// newer.
pub(super) async fn pour(engine: &Engine, source: &dyn KeyValue, sink: &Sink<'_>) -> Result<Moved> {
    source.limit_values(longest(engine));
    let mut moved = Moved::default();
    for part in RECORDS {
        moved = moved.and(pour_some(engine, source, part, is_record, sink).await?);
    }
    let is_entry = |key: &str| !key.ends_with('}');
    moved = moved.and(pour_some(engine, source, "", is_entry, sink).await?);
    for part in RECORDS {
        pour_some(engine, source, part, is_record, sink).await?;
    }
    Ok(moved)
}

/// Pours all values of `source` whose keys contain `part` and are `wanted`.
async fn pour_some(
    engine: &Engine,
    source: &dyn KeyValue,
    part: &str,
    wanted: fn(&str) -> bool,
    sink: &Sink<'_>,
) -> Result<Moved> {
    let mut moved = Moved::default();
    let mut scan = Scan::new(source.place().keys_of_page()).containing(part);
    loop {
        let begun = Instant::now();
        let page = source.scan(&scan).await?;
        let (mut keys, mut hidden) = (Vec::new(), 0);
        for value in page.values {
            match value.key {
                Some(key) if wanted(&key) => keys.push(key),
                None if !value.stored_key.ends_with('}') => hidden += 1,
                _ => {}
            }
        }
        // Counted once: they may be of any part.
        moved.unknown += if part.is_empty() { hidden } else { 0 };
        for keys in keys.chunks(AT_ONCE) {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let values = source.get_many(&names).await?;
            let pairs = keys.iter().cloned().zip(values);
            let pairs = pairs.filter_map(|(key, value)| Some((key, value?)));
            moved = moved.and(sink.take(engine, pairs.collect()).await?);
        }
        match page.next {
            None => return Ok(moved),
            next => scan = scan.after(next),
        }
        tokio::time::sleep(rest(begun.elapsed(), SHARE)).await;
    }
}
