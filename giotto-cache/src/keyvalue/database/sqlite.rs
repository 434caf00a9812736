//! SQLite: a file that several processes share, read where the request runs.
//!
//! The last step of a lookup. A hit takes a few reads of the page cache and waits for nobody, so it is not
//! worth a change of thread; whatever could wait runs on Tokio's threads for blocking work.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::call::{Call, Engine, Key, Reply, Row, digest};
use super::{Opener, Table};
use crate::{Error, ErrorKind, Result};

/// How long a call waits for a lock that another process holds: less than the engine's deadline, so that
/// no thread waits for nothing.
const BUSY: Duration = Duration::from_millis(80);

/// A reader looks this often whether its file is still the one of that name.
const LOOK_EVERY_MS: i64 = 1_000;

/// The log lets readers read while somebody writes. 8 MiB of pages for each reader, not 2, make a hit among
/// a thousand entries of 2 KiB twice as fast.
const SESSION: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192";

struct Sqlite {
    shared: Arc<Shared>,
    /// The first one that is free is used, so only as many are opened as there are readers at a time.
    readers: Vec<Slot>,
    writer: Slot,
}

type Slot = Arc<Mutex<Option<Open>>>;

struct Shared {
    path: PathBuf,
    sql: Sql,
}

/// A connection to a file.
struct Open {
    connection: Connection,
    file: FileId,
    looked_ms: i64,
}

/// Device and inode.
type FileId = (u64, u64);

struct Sql {
    create: String,
    get: String,
    set: String,
    add: String,
    replace: String,
    delete: String,
    delete_if: String,
    clear: String,
    measure: String,
    delete_expired: String,
    delete_oldest: String,
}

/// The part of a URL after `sqlite://`.
pub(super) fn check_path(path: &str) -> Result<&str> {
    let message = if path.is_empty() || path.contains('\0') {
        "an SQLite database needs the path of a file: sqlite://relative/path or sqlite:///absolute/path"
    } else if path == ":memory:" {
        "an SQLite database in memory would be another one for every connection: use \"locmem\""
    } else if path.contains('?') {
        "an SQLite database takes no parameters: leave out the question mark and what follows"
    } else {
        return Ok(path);
    };
    Err(Error::new(ErrorKind::Backend, message))
}

pub(super) fn opener(path: &str) -> Opener {
    let path = PathBuf::from(path);
    Arc::new(move |table| Arc::new(Sqlite::new(path.clone(), table)))
}

impl Sqlite {
    fn new(path: PathBuf, table: &Table) -> Self {
        let readers =
            std::thread::available_parallelism().map_or(2, |threads| threads.get().max(2));
        let sql = Sql::new(table);
        Self {
            shared: Arc::new(Shared { path, sql }),
            readers: (0..readers).map(|_| Slot::default()).collect(),
            writer: Slot::default(),
        }
    }

    /// The connection that `call` runs on. Callers wait for it here, where they can be dropped, so that no
    /// more threads wait for the file than there are connections.
    async fn slot(&self, call: &Call) -> OwnedMutexGuard<Option<Open>> {
        if !matches!(call, Call::Get(_) | Call::GetMany(_) | Call::Measure(_)) {
            return Arc::clone(&self.writer).lock_owned().await;
        }
        let free = |slot: &Slot| Arc::clone(slot).try_lock_owned().ok();
        match self.readers.iter().find_map(free) {
            Some(slot) => slot,
            None => Arc::clone(&self.readers[0]).lock_owned().await,
        }
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn run(&self, call: Call) -> Result<Reply> {
        let shared = Arc::clone(&self.shared);
        let mut slot = self.slot(&call).await;
        let work = move || shared.run(&mut slot, &call);
        let stopped = |_| {
            Error::new(
                ErrorKind::Backend,
                "the runtime stopped before SQLite answered",
            )
        };
        tokio::task::spawn_blocking(work).await.map_err(stopped)?
    }

    fn get_now(&self, text: &str) -> Option<Option<Bytes>> {
        // One that is free and open: to open one is to wait.
        let mut free = self.readers.iter().filter_map(|slot| slot.try_lock().ok());
        let mut slot = free.find(|open| open.is_some())?;
        let open = slot.as_mut()?;
        let now_ms = now_us() / 1000;
        if now_ms.abs_diff(open.looked_ms) >= LOOK_EVERY_MS.unsigned_abs() {
            if file_id(&self.shared.path) != Some(open.file) {
                return None;
            }
            open.looked_ms = now_ms;
        }
        get(
            &open.connection,
            &self.shared.sql.get,
            &digest(text),
            text,
            now_ms,
        )
        .ok()
    }
}

impl Shared {
    fn run(&self, slot: &mut Option<Open>, call: &Call) -> Result<Reply> {
        // Another file may have taken the place of the one that was opened.
        if slot
            .as_ref()
            .is_some_and(|open| file_id(&self.path) != Some(open.file))
        {
            *slot = None;
        }
        let result = self.run_open(slot, call);
        // Whatever is wrong with this connection, the next call has another.
        result.map_err(|error| {
            *slot = None;
            self.explain(&error)
        })
    }

    fn run_open(&self, slot: &mut Option<Open>, call: &Call) -> rusqlite::Result<Reply> {
        let open = match slot {
            Some(open) => open,
            None => slot.insert(self.open()?),
        };
        open.connection.busy_timeout(BUSY)?;
        let reply = self.sql.run(&open.connection, call, now_us())?;
        // For `get_now`, which never waits.
        open.connection.busy_timeout(Duration::ZERO)?;
        Ok(reply)
    }

    fn open(&self) -> rusqlite::Result<Open> {
        create_file(&self.path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        // The last one to close the file would copy the log into it and delete the log: slow for a command
        // that lives for milliseconds, and harmful if the file of that name is by then another one.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        begin_session(&connection)?;
        connection.execute_batch(&self.sql.create)?;
        Ok(Open {
            connection,
            file: file_id(&self.path).unwrap_or_default(),
            looked_ms: now_us() / 1000,
        })
    }

    fn explain(&self, error: &rusqlite::Error) -> Error {
        let remedy = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::CannotOpen) => ": its folder must exist and be writable",
            Some(rusqlite::ErrorCode::ReadOnly) => ": the file and its folder must be writable",
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                ": move it away, and a new one is made"
            }
            _ => "",
        };
        let message = format!(
            "the cache cannot use the SQLite file {:?}: {error}{remedy}",
            self.path
        );
        Error::new(ErrorKind::Backend, message)
    }
}

/// Creates the file so that nobody else can read what is cached; SQLite gives the two files beside it the same
/// mode. A failure shows when SQLite opens it.
fn create_file(path: &Path) {
    let _: io::Result<File> = File::options()
        .write(true)
        // Never opened if it exists: closing it would release the locks that SQLite holds on it.
        .create_new(true)
        .mode(0o600)
        .open(path);
}

/// While one process gives a new file its log, SQLite turns the others away at once: a reader that would have to
/// become the writer is not made to wait (<https://www.sqlite.org/c3ref/busy_handler.html>). They wait here.
fn begin_session(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.execute_batch(SESSION) {
            Err(error) if is_busy(&error) && started.elapsed() < BUSY => {
                std::thread::sleep(BUSY / 40);
            }
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

fn file_id(path: &Path) -> Option<FileId> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// The clock of the database, which is this machine's.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

fn get(
    connection: &Connection,
    sql: &str,
    digest: &[u8; 16],
    text: &str,
    now_ms: i64,
) -> rusqlite::Result<Option<Bytes>> {
    connection
        .prepare_cached(sql)?
        .query_row(params![digest, text, now_ms], |row| {
            Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?))
        })
        .optional()
}

impl Sql {
    fn new(table: &Table) -> Self {
        let quoted = |suffix| table.quoted(suffix, '"');
        let (t, expires, stored) = (quoted(""), quoted("_expires"), quoted("_stored"));
        let live = "(expires IS NULL OR expires > ?3)";
        let delete = format!("DELETE FROM {t} WHERE digest = ?1 AND key = ?2 AND {live}");
        let insert = format!(
            "INSERT INTO {t} (digest, key, value, size, stored, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?5 / 1000 + ?6)
             ON CONFLICT (digest) DO UPDATE SET key = excluded.key, value = excluded.value,
             size = excluded.size, stored = excluded.stored, expires = excluded.expires"
        );
        Self {
            // Values come last: what stands in front of them is read without them.
            create: format!(
                "CREATE TABLE IF NOT EXISTS {t} (
                     key TEXT NOT NULL, expires INTEGER, stored INTEGER NOT NULL, size INTEGER NOT NULL,
                     digest BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL
                 );
                 CREATE INDEX IF NOT EXISTS {expires} ON {t} (expires) WHERE expires IS NOT NULL;
                 CREATE INDEX IF NOT EXISTS {stored} ON {t} (stored);"
            ),
            get: format!("SELECT value FROM {t} WHERE digest = ?1 AND key = ?2 AND {live}"),
            add: format!("{insert} WHERE expires <= ?5 / 1000 OR key <> excluded.key"),
            replace: format!(
                "UPDATE {t} SET value = ?3, size = ?4, stored = ?5, expires = ?5 / 1000 + ?6
                 WHERE digest = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?5 / 1000) AND value = ?7"
            ),
            set: insert,
            delete_if: format!("{delete} AND value = ?4"),
            delete,
            clear: format!(
                "DELETE FROM {t} WHERE digest BETWEEN ?1 AND ?2
                 AND substr(CAST(key AS BLOB), 1, length(?3)) = ?3"
            ),
            measure: format!(
                "SELECT count(*), coalesce(sum(size), 0) FROM {t} WHERE digest BETWEEN ?1 AND ?2"
            ),
            delete_expired: format!(
                "DELETE FROM {t} WHERE rowid IN
                 (SELECT rowid FROM {t} WHERE expires <= ?1 ORDER BY expires LIMIT ?2)"
            ),
            delete_oldest: format!(
                "DELETE FROM {t} WHERE rowid IN (SELECT rowid FROM {t} ORDER BY stored LIMIT ?1)"
            ),
        }
    }

    fn run(&self, connection: &Connection, call: &Call, now_us: i64) -> rusqlite::Result<Reply> {
        let now_ms = now_us / 1000;
        let change = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let rows = connection.prepare_cached(sql)?.execute(values)?;
            Ok(Reply::rows(rows as u64))
        };
        let write = |sql: &str, row: &Row| {
            let Key { digest, text } = &row.key;
            let (value, size) = (&row.value[..], row.size_column());
            change(
                sql,
                params![digest, text, value, size, now_us, row.lifetime_ms],
            )
        };
        match call {
            Call::Get(Key { digest, text }) => {
                get(connection, &self.get, digest, text, now_ms).map(Reply::value)
            }
            // A prepared statement for each: nothing is sent anywhere.
            Call::GetMany(keys) => {
                let get =
                    |Key { digest, text }: &Key| get(connection, &self.get, digest, text, now_ms);
                let values: rusqlite::Result<_> = keys.iter().map(get).collect();
                values.map(Reply::values)
            }
            Call::Set(row) => write(&self.set, row),
            Call::Add(row) => write(&self.add, row),
            Call::Replace(row, old) => {
                let Key { digest, text } = &row.key;
                let (value, size, lifetime) = (&row.value[..], row.size_column(), row.lifetime_ms);
                change(
                    &self.replace,
                    params![digest, text, value, size, now_us, lifetime, &old[..]],
                )
            }
            Call::Delete(Key { digest, text }) => {
                change(&self.delete, params![digest, text, now_ms])
            }
            Call::DeleteIf(Key { digest, text }, old) => {
                change(&self.delete_if, params![digest, text, now_ms, &old[..]])
            }
            Call::Clear(prefix, slice) => change(
                &self.clear,
                params![slice.low, slice.high, prefix.as_bytes()],
            ),
            Call::Create => Ok(Reply::default()),
            Call::Measure(slice) => connection
                .prepare_cached(&self.measure)?
                .query_row(params![slice.low, slice.high], |row| {
                    Ok(Reply::size(row.get(0)?, row.get(1)?))
                }),
            Call::DeleteExpired(limit) => change(&self.delete_expired, params![now_ms, limit]),
            Call::DeleteOldest(limit) => change(&self.delete_oldest, params![limit]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_but_clear_looks_at_rows_that_it_does_not_want() {
        let sql = Sql::new(&Table::default());
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&sql.create).unwrap();
        let statements = [
            (&sql.get, "(digest=?)"),
            (&sql.replace, "(digest=?)"),
            (&sql.delete, "(digest=?)"),
            (&sql.delete_if, "(digest=?)"),
            (&sql.clear, "(digest>? AND digest<?)"),
            (&sql.measure, "(digest>? AND digest<?)"),
            (&sql.delete_expired, "giotto_cache_expires (expires<?)"),
            (
                &sql.delete_oldest,
                "USING COVERING INDEX giotto_cache_stored",
            ),
        ];
        for (sql, index) in statements {
            let mut plan = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3));
            let steps: Vec<_> = steps.map(Result::unwrap).collect();
            assert!(
                steps.iter().any(|step| step.contains(index)),
                "{sql}: {steps:?}"
            );
            assert!(
                !steps.iter().any(|step| step == "SCAN giotto_cache"),
                "{sql}: {steps:?}"
            );
        }
    }
}
