//! Copying all that is in one store to another.
//!
//! No step of a lookup; for management.

use std::time::Instant;

use bytes::Bytes;

use crate::engine::state::Engine;
use crate::error::Result;
use crate::inspect::walk::rest;
use crate::keyvalue::KeyValue;
use crate::keyvalue::scan::Scan;
use crate::keyvalue::together::together;
use crate::upkeep::transfer::{Moved, RECORDS, is_record, longest, write};

/// The keys of a page, and the values that are read and written at a time.
const PAGE: usize = 1_000;
const AT_ONCE: usize = 32;
/// The part of the time that it is at work.
const SHARE: f64 = 0.5;

/// Copies everything from `source` to `target`: first the records of what was invalidated, then the entries, then the records
/// again. Race: something is invalidated in the source while its entries are copied. The second time, its record is newer.
pub(crate) async fn copy(
    engine: &Engine,
    source: &dyn KeyValue,
    target: &dyn KeyValue,
) -> Result<Moved> {
    source.limit_values(longest(engine));
    let mut moved = copy_records(engine, source, target).await?;
    let into = async |pairs: Vec<(String, Bytes)>| {
        let written = pairs
            .into_iter()
            .map(|(key, raw)| async move { write(engine, target, &key, raw).await });
        let mut moved = Moved::default();
        for one in together(written).await {
            moved = moved.and(one?);
        }
        Ok(moved)
    };
    moved = moved.and(walk(source, "", |key| !key.ends_with('}'), into).await?);
    let again = copy_records(engine, source, target).await?;
    moved.records += again.records;
    Ok(moved)
}

async fn copy_records(
    engine: &Engine,
    source: &dyn KeyValue,
    target: &dyn KeyValue,
) -> Result<Moved> {
    let into = async |pairs: Vec<(String, Bytes)>| {
        let mut moved = Moved::default();
        for (key, raw) in pairs {
            moved = moved.and(write(engine, target, &key, raw).await?);
        }
        Ok(moved)
    };
    let mut moved = Moved::default();
    for part in RECORDS {
        moved = moved.and(walk(source, part, is_record, &into).await?);
    }
    Ok(moved)
}

/// Hands all values of `source` whose keys contain `part` and are `wanted` to `into`, some at a time.
pub(crate) async fn walk(
    source: &dyn KeyValue,
    part: &str,
    wanted: impl Fn(&str) -> bool,
    into: impl AsyncFn(Vec<(String, Bytes)>) -> Result<Moved>,
) -> Result<Moved> {
    let mut moved = Moved::default();
    let mut scan = Scan::new(PAGE).containing(part);
    loop {
        let begun = Instant::now();
        let page = source.scan(&scan).await?;
        let is_record = |stored: &str| stored.ends_with('}');
        let hidden = page.values.iter().filter(|value| value.key.is_none());
        moved.unknown += hidden.filter(|value| !is_record(&value.stored_key)).count() as u64;
        let keys = page.values.into_iter().filter_map(|value| value.key);
        let keys: Vec<_> = keys.filter(|key| wanted(key)).collect();
        for keys in keys.chunks(AT_ONCE) {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let values = source.get_many(&names).await?;
            let pairs = keys.iter().cloned().zip(values);
            let pairs = pairs.filter_map(|(key, value)| Some((key, value?)));
            moved = moved.and(into(pairs.collect()).await?);
        }
        match page.next {
            None => return Ok(moved),
            next => scan = scan.after(next),
        }
        tokio::time::sleep(rest(begun.elapsed(), SHARE)).await;
    }
}
