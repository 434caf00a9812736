//! The records of generations in the store: reading them with an entry, and repairing those that are damaged or lost.
//!
//! Part of step 1 of a lookup.

use std::sync::Arc;

use bytes::Bytes;

use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::guard::unanswered::Unanswered;
use crate::invalidation::generation::{Generations, Record};
use crate::keyvalue::Place;
use crate::log::Cut;
use crate::lookup::Lookup;
use crate::scope::{ALL, program_key, tag_key};

/// What a lookup reads: the stored bytes with the number of the layer that had them, and the record of each of its tags.
type WithTags = (Option<(u8, Bytes)>, Vec<(String, Option<Record>)>);

/// One multi-get of the entry and of the records that it may depend on. Those of its program and of everything are noted as
/// read at `now_ms`, those of its tags are returned.
pub(crate) async fn read_with_entry(
    engine: &Engine,
    lookup: &Lookup,
    now_ms: u64,
) -> Result<WithTags, Unanswered> {
    let program = lookup.key.program();
    let own_key = program_key(program);
    let tag_keys: Vec<String> = lookup.tags.iter().map(|tag| tag_key(tag)).collect();
    let mut keys = vec![lookup.key.as_str()];
    if engine.is_shared() {
        keys.extend([ALL, own_key.as_str()]);
    }
    keys.extend(tag_keys.iter().map(String::as_str));
    let mut values = match engine.store.find(&keys).await {
        Ok(values) => values.into_iter(),
        // The layer that all processes share does not answer, but one above may have the entry.
        Err(_) if engine.store.place() == Place::Layered && lookup.tags.is_empty() => {
            engine.store.find(&[lookup.key.as_str()]).await?.into_iter()
        }
        Err(unanswered) => return Err(unanswered),
    };
    let stored = values.next().flatten();
    let mut values = values.map(|value| Some(value?.1));
    if engine.is_shared()
        && let (Some(all), Some(own)) = (values.next(), values.next())
    {
        let all = program_record(engine, ALL, all)?;
        let own = program_record(engine, &own_key, own)?;
        for (key, record) in engine.programs.learn(program, [all, own]) {
            restore(engine, key, record);
        }
        // After what was read is known.
        engine.meter(&lookup.key).note_read(now_ms);
    }
    Ok((stored, decode_tags(engine, lookup.tags.clone(), values)))
}

/// Whether nothing of what `lookup` depends on was invalidated since `generations` were read.
pub(crate) async fn still_count(
    engine: &Engine,
    lookup: &Lookup,
    generations: &Generations,
) -> Result<bool, Unanswered> {
    let (_, tags) = read_with_entry(engine, lookup, engine.clock.now_ms()).await?;
    let program = engine.generation(lookup.key.program());
    Ok(generations.still_count(&Generations {
        program,
        tags,
        ..Generations::default()
    }))
}

/// The record of a program or of everything, if the store has one.
///
/// What a damaged record said is unknown, so no page that depends on it may be served. It is replaced by a purge, and this
/// lookup is a miss with the reason of a failed store.
fn program_record(
    engine: &Engine,
    key: &str,
    raw: Option<Bytes>,
) -> Result<Option<Record>, Unanswered> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    if let Some(record) = Record::decode(&raw, key, &engine.signer) {
        // Signed with a key that will be left out some day.
        if !engine.signer.is_off() && record.encode(key, &engine.signer) != raw {
            restore(engine, key.to_owned(), record);
        }
        return Ok(Some(record));
    }
    replace_damaged(engine, key, raw);
    Err(Unanswered::Failed)
}

/// Replaces a damaged record by a purge, in the background.
fn replace_damaged(engine: &Engine, key: &str, raw: Bytes) {
    let known = engine.programs.record(key);
    let purged = known.invalidated(true, engine.clock.now_ms());
    let (store, log, key) = (
        Arc::clone(&engine.store),
        engine.log.clone(),
        key.to_owned(),
    );
    let new = purged.encode(&key, &engine.signer);
    tokio::spawn(async move {
        let replaced = match store.replace(&key, &raw, Some(new.clone()), None).await {
            // If the value is still there, it is too long to be compared: remove it and add the record. Otherwise another
            // process has replaced it, or it was damaged only in transit.
            Ok(false) if store.get(&key).await == Ok(Some(raw)) => {
                let _ = store.delete(&key).await;
                store.add(&key, new, None).await
            }
            replaced => replaced,
        };
        if replaced == Ok(true) {
            let key = Cut(&key).to_string();
            log.tell("damaged record", move |repeated| {
                tracing::warn!(
                    key,
                    repeated,
                    "a damaged record of an invalidation was replaced by a purge"
                );
            });
        }
    });
}

/// Writes a record that the store has lost, or has in an older state, again, in the background. Without it, a process that
/// never read the record would serve invalidated pages as fresh. Race: another process may invalidate between the read and the
/// write here; the time of the change and compare-and-set keep its newer record.
fn restore(engine: &Engine, key: String, record: Record) {
    let (store, signer) = (Arc::clone(&engine.store), engine.signer.clone());
    let expire = record.keep_for(engine.clock.now_ms());
    tokio::spawn(async move {
        let raw = record.encode(&key, &signer);
        let Ok(stored) = store.get(&key).await else {
            return;
        };
        let Some(stored) = stored else {
            let _ = store.add(&key, raw, expire).await;
            return;
        };
        let known = Record::decode(&stored, &key, &signer);
        if known.is_some_and(|known| known.changed_ms <= record.changed_ms) && stored != raw {
            let _ = store.replace(&key, &stored, Some(raw), expire).await;
        }
    });
}

/// Reads what `entry` depends on and only its computation knew: the records of its tags that are not among `generations`, and
/// those of the programs that it has inherited from, once a second.
pub(crate) async fn read_rest(
    engine: &Engine,
    entry: &Entry,
    generations: &mut Generations,
) -> Result<(), Unanswered> {
    let Some(extension) = entry.extension() else {
        return Ok(());
    };
    let tags = extension.tags.into_iter().map(|stamp| stamp.tag);
    let tags: Vec<String> = tags.filter(|tag| !generations.has(tag)).collect();
    let now_ms = engine.clock.now_ms();
    let programs = extension.inherited.programs.into_iter();
    let mut programs: Vec<String> = programs.map(|(program, _)| program).collect();
    programs.retain(|program| engine.programs.is_due(engine.meters.of(program), || now_ms));
    if programs.is_empty() && !tags.is_empty() {
        generations.tags.extend(read_tags(engine, tags).await?);
    } else if !programs.is_empty() {
        let has_tags = !tags.is_empty();
        match read_programs(engine, &programs, tags, now_ms).await {
            Ok(tags) => generations.tags.extend(tags),
            // As in `read_with_entry`: a layer above the one that does not answer had the entry.
            Err(_) if engine.store.place() == Place::Layered && !has_tags => {}
            Err(unanswered) => return Err(unanswered),
        }
    }
    Ok(())
}

/// Reads the records of `programs` and of everything, which are noted as read at `now_ms`, and with them those of `tags`.
async fn read_programs(
    engine: &Engine,
    programs: &[String],
    tags: Vec<String>,
    now_ms: u64,
) -> Result<Vec<(String, Option<Record>)>, Unanswered> {
    let own_keys: Vec<String> = programs
        .iter()
        .map(|program| program_key(program))
        .collect();
    let tag_keys: Vec<String> = tags.iter().map(|tag| tag_key(tag)).collect();
    let mut keys = vec![ALL];
    keys.extend(own_keys.iter().chain(&tag_keys).map(String::as_str));
    let mut values = engine.store.get_many(&keys).await?.into_iter();
    let all = program_record(engine, ALL, values.next().flatten())?;
    for (program, own_key) in programs.iter().zip(&own_keys) {
        let own = program_record(engine, own_key, values.next().flatten())?;
        for (key, record) in engine.programs.learn(program, [all, own]) {
            restore(engine, key, record);
        }
        // After what was read is known.
        engine.meters.of(program).note_read(now_ms);
    }
    Ok(decode_tags(engine, tags, values))
}

/// The records of `tags`, as this process has to see them.
pub(crate) async fn read_tags(
    engine: &Engine,
    tags: Vec<String>,
) -> Result<Vec<(String, Option<Record>)>, Unanswered> {
    let keys: Vec<String> = tags.iter().map(|tag| tag_key(tag)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let values = engine.store.get_many(&keys).await?;
    Ok(decode_tags(engine, tags, values.into_iter()))
}

/// A damaged record of a tag counts as none, which makes the pages of the tag old; [`add_tag`] replaces it.
fn decode_tags(
    engine: &Engine,
    tags: Vec<String>,
    values: impl Iterator<Item = Option<Bytes>>,
) -> Vec<(String, Option<Record>)> {
    let records = tags.into_iter().zip(values).map(|(tag, raw)| {
        let record = raw.and_then(|raw| Record::decode(&raw, &tag_key(&tag), &engine.signer));
        let record = record.map(|record| engine.pending.applied_to_tag(&tag, record));
        (tag, record)
    });
    records.collect()
}

/// The record of a tag that had no sound one, made now unless another process has just made it.
pub(crate) async fn add_tag(engine: &Engine, tag: &str, keep_until: u64) -> Option<Record> {
    let (key, record) = (tag_key(tag), Record::new(keep_until));
    let expire = record.keep_for(engine.clock.now_ms());
    let raw = record.encode(&key, &engine.signer);
    let store = &engine.store;
    if store.add(&key, raw.clone(), expire).await.ok()? {
        return Some(engine.pending.applied_to_tag(tag, record));
    }
    let stored = store.get(&key).await.ok()?.unwrap_or_default();
    if let Some(record) = Record::decode(&stored, &key, &engine.signer) {
        return Some(engine.pending.applied_to_tag(tag, record));
    }
    let new = Some(raw.clone());
    let is_new = match store.replace(&key, &stored, new, expire).await.ok()? {
        true => true,
        // A value that cannot be compared is too long, or of another type.
        false => {
            store.delete(&key).await.ok()?;
            store.add(&key, raw, expire).await.ok()?
        }
    };
    if is_new {
        let key = Cut(&key).to_string();
        engine.log.tell("damaged tag", move |repeated| {
            tracing::warn!(
                key,
                repeated,
                "a damaged record of a tag was replaced: its pages are old"
            );
        });
    }
    is_new.then(|| engine.pending.applied_to_tag(tag, record))
}
