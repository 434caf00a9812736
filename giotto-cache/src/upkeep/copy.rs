//! Copying all that is in one store to another, exporting it to a file, and importing that.
//!
//! No step of a lookup; for management. The file is in `file.rs`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::engine::state::Engine;
use crate::error::Result;
use crate::keyvalue::KeyValue;
use crate::upkeep::file::{Reader, Writer};
use crate::upkeep::pour::{Sink, pour};
use crate::upkeep::transfer::{Moved, is_record, longest, write};

/// Copies everything that the store has to `target`.
pub(crate) async fn copy(engine: &Engine, target: &dyn KeyValue) -> Result<Moved> {
    pour(engine, engine.store.store(), &Sink::Store(target)).await
}

/// Writes everything that the store has to a new file at `path`.
pub(crate) async fn export(engine: &Engine, path: &Path) -> Result<Moved> {
    let sink = Sink::File(Mutex::new(Writer::create(path)?));
    let moved = pour(engine, engine.store.store(), &sink).await?;
    if let Sink::File(writer) = sink {
        let writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.finish()?;
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
                moved = moved.and(write(engine, store, key, raw).await?);
            }
        }
    }
    Ok(moved)
}
