//! A database as a store: one table, in an SQLite file, in PostgreSQL, MySQL or MariaDB.
//!
//! The last step of a lookup. The store itself is here. `call.rs` is what an engine (`engine.rs`) is asked; `sqlite/`,
//! `postgres/` and `mysql/` translate it to SQL, the latter two through the connections of `server/`; `sweep.rs` removes
//! expired rows and rows beyond the bounds.

mod builder;
mod call;
mod engine;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod scan;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
mod sweep;
mod table;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::call::{Call, Chosen, Key, OVERHEAD, Row, Slice};
use self::engine::{Engine, Opener, Setup};
use self::sweep::Sweeper;
use super::KeyValue;
use super::longest::Longest;
use super::namespace::Namespace;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::measure::Measure;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue};
use crate::keyvalue::together::together;
use crate::log::Cut;

/// PostgreSQL accepts more than this; SQLite and MySQL accept a little less than twice as much.
const LARGEST_BYTES: u64 = 512 << 20;

/// The approximate maximum number of rows that one statement of [`clear`](KeyValue::clear) deletes.
const CLEARED_AT_ONCE: u64 = 1000;

/// The deletes of [`delete_scanned`](KeyValue::delete_scanned) that are under way at a time.
const DELETED_AT_ONCE: usize = 8;

/// A [`KeyValue`] in a table of a database: SQLite (a file, no server needed), PostgreSQL, MySQL or MariaDB.
///
/// An SQLite file and its table are created on first use. On a server, create the table with
/// [`syncdb`](KeyValue::syncdb) once. The table holds about a million rows and 256 MiB at most: the rows stored longest ago
/// are removed first, and expired rows are removed in the background.
///
/// Cloning it shares its connections.
#[derive(Clone)]
pub struct DatabaseKeyValue {
    /// Where the table is, without user and password.
    place: String,
    opener: Opener,
    setup: Setup,
    namespace: Namespace,
    engine: Arc<dyn Engine>,
    sweeper: Arc<Sweeper>,
    longest: Arc<Longest>,
}

impl DatabaseKeyValue {
    /// Removes expired rows, then rows beyond the bounds. It runs automatically in the background after writes. Call it
    /// where nothing is written for a long time and the space matters.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn sweep(&self) -> Result<()> {
        self.sweeper.sweep(&*self.engine).await
    }

    /// Removes the rows of this namespace whose keys contain `part`.
    async fn delete_rows(&self, part: &str) -> Result<()> {
        // If the size is not known, it is one slice.
        let size = sweep::measure(&*self.engine).await;
        let rows = size.map_or(0, |size| size.rows);
        let chosen = Chosen {
            prefix: self.namespace.prefix().to_owned(),
            part: part.to_owned(),
        };
        // Slice by slice, so that no statement blocks others for long.
        for slice in Slice::all(rows / CLEARED_AT_ONCE) {
            self.engine.run(Call::Clear(chosen.clone(), slice)).await?;
        }
        Ok(())
    }

    fn key(&self, key: &str) -> Key {
        Key::new(self.namespace.stored(key).into_owned())
    }

    fn row(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<Row> {
        let row = Row::new(self.key(key), value, expire);
        let largest = self.sweeper.max_bytes.min(LARGEST_BYTES);
        if row.size > largest {
            let message = format!(
                "a value of {} bytes is too large for a database of at most {largest}: raise max_bytes",
                row.value.len()
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(row)
    }

    fn sweep_if_due(&self, written: u64) {
        if !self.sweeper.is_due(written) {
            return;
        }
        let (sweeper, engine) = (Arc::clone(&self.sweeper), Arc::clone(&self.engine));
        self.sweeper.in_background(tokio::spawn(async move {
            if let Err(error) = sweeper.sweep_unless_running(&*engine).await {
                let error = Cut(error).to_string();
                sweeper.log.tell("not swept", move |repeated| {
                    tracing::warn!(
                        error,
                        repeated,
                        "cache table was not swept: it may grow beyond its bounds"
                    );
                });
            }
        }));
    }
}

impl fmt::Debug for DatabaseKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseKeyValue")
            .field("place", &self.place)
            .field("table", &self.setup.table.name())
            .field("max_rows", &self.sweeper.max_rows)
            .field("max_bytes", &self.sweeper.max_bytes)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyValue for DatabaseKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let stored = self.key(key);
        let longest = bindable(self.longest.of(&stored.text));
        let value = self.engine.run(Call::Get(stored, longest)).await?.value;
        Ok(value.inspect(|value| self.longest.tell(key, value.len())))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let stored = keys.iter().map(|key| self.key(key)).collect();
        let call = Call::GetMany(stored, bindable(self.longest.get()));
        let values = self.engine.run(call).await?.values;
        for (key, value) in keys.iter().zip(&values) {
            if let Some(value) = value {
                self.longest.tell(key, value.len());
            }
        }
        Ok(values)
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let row = match self.row(key, value, expire) {
            Ok(row) => row,
            Err(too_large) => {
                // The old value is removed: it is not the last one set.
                self.delete(key).await?;
                return Err(too_large);
            }
        };
        let written = row.size;
        self.engine.run(Call::Set(row)).await?;
        self.sweep_if_due(written);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let row = self.row(key, value, expire)?;
        let written = row.size;
        let added = self.engine.run(Call::Add(row)).await?.rows > 0;
        if added {
            self.sweep_if_due(written);
        }
        Ok(added)
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let old = Bytes::copy_from_slice(old);
        let (call, written) = match new {
            Some(new) => {
                let row = self.row(key, new, expire)?;
                let written = row.size;
                (Call::Replace(row, old), written)
            }
            None => (Call::DeleteIf(self.key(key), old), 0),
        };
        let replaced = self.engine.run(call).await?.rows > 0;
        if replaced && written > 0 {
            self.sweep_if_due(written);
        }
        Ok(replaced)
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        let reply = self.engine.run(Call::Delete(self.key(key))).await?;
        Ok(reply.rows > 0)
    }

    fn name(&self) -> &'static str {
        "database"
    }

    fn is_atomic(&self) -> bool {
        true
    }

    fn stored_key(&self, key: &str) -> String {
        self.namespace.stored(key).into_owned()
    }

    /// A few at a time, on as many connections.
    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        let mut deleted = 0;
        for values in values.chunks(DELETED_AT_ONCE) {
            let keys = values.iter().filter_map(|value| value.key.as_deref());
            for one in together(keys.map(|key| self.delete(key))).await {
                deleted += u64::from(one?);
            }
        }
        Ok(deleted)
    }

    /// By the digests of the keys, whose index finds the rows of a page.
    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        scan::scan(&*self.engine, &self.namespace, scan).await
    }

    async fn clear(&self) -> Result<()> {
        // Every key contains nothing.
        self.delete_rows("").await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.delete_rows(part).await
    }

    /// Of a table of 20,000 rows or more it is an estimate, from a part of some thousand rows.
    async fn measure(&self) -> Result<Measure> {
        self.sweeper.figures(&*self.engine).await
    }

    async fn syncdb(&self) -> Result<()> {
        self.engine.run(Call::Create).await.map(drop)
    }

    /// Waits for the sweep that was begun last.
    async fn settle(&self) {
        self.sweeper.settle().await;
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        let stored = self.namespace.stored(key);
        let longest = bindable(self.longest.of(&stored));
        let value = self.engine.get_now(&stored, longest)?;
        Some(value.inspect(|value| self.longest.tell(key, value.len())))
    }

    fn limit_values(&self, bytes: usize) {
        self.longest.limit(bytes);
    }

    /// Its key has to fit in, too.
    fn max_value(&self) -> Option<usize> {
        let own = self.sweeper.max_bytes.min(LARGEST_BYTES);
        let largest = self.engine.max_value().map_or(own, |row| own.min(row));
        usize::try_from(largest.saturating_sub(OVERHEAD)).ok()
    }
}

/// A limit as a bind parameter holds it; without a limit every value is read.
fn bindable(longest: Option<usize>) -> i64 {
    longest.map_or(i64::MAX, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}
