//! Exporting all that is in the store to a file, and importing it.
//!
//! No step of a lookup; for management. The file is in `file.rs`.

use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;

use crate::engine::state::Engine;
use crate::error::Result;
use crate::upkeep::copy::walk;
use crate::upkeep::file::{Reader, Writer};
use crate::upkeep::transfer::{Movable, Moved, RECORDS, is_record, longest, read, write};

/// Writes everything that the store has to a new file at `path`: records, entries, and the records again, which may have
/// changed meanwhile.
pub(crate) async fn export(engine: &Engine, path: &Path) -> Result<Moved> {
    let store = engine.store.store();
    store.limit_values(longest(engine));
    let writer = Mutex::new(Writer::create(path)?);
    let into = async |pairs: Vec<(String, Bytes)>| note(engine, &writer, pairs);
    let mut moved = Moved::default();
    for part in RECORDS {
        moved = moved.and(walk(store, part, is_record, &into).await?);
    }
    moved = moved.and(walk(store, "", |key| !key.ends_with('}'), &into).await?);
    for part in RECORDS {
        walk(store, part, is_record, &into).await?;
    }
    let writer = writer
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    writer.finish()?;
    Ok(moved)
}

/// Writes those of `pairs` that can be moved.
fn note(engine: &Engine, writer: &Mutex<Writer>, pairs: Vec<(String, Bytes)>) -> Result<Moved> {
    let mut writer = writer
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
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

/// Stores what the file at `path` has. The whole file is verified before anything is stored, and the records are stored
/// before the entries. An import that was interrupted can be repeated: what is stored already stays.
pub(crate) async fn import(engine: &Engine, path: &Path) -> Result<Moved> {
    let open = || Reader::open(path, longest(engine));
    let mut reader = open()?;
    while reader.next()?.is_some() {}
    let mut moved = Moved::default();
    for records in [true, false] {
        let mut reader = open()?;
        while let Some((key, raw)) = reader.next()? {
            if is_record(&key) == records {
                let store = engine.store.store();
                moved = moved.and(write(engine, store, &key, raw).await?);
            }
        }
    }
    Ok(moved)
}
