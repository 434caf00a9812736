//! SQLite: a file that several processes share, read where the request runs.
//!
//! The last step of a lookup. A hit takes a few reads of the page cache and waits for nobody, so it is not
//! worth a change of thread; whatever could wait runs on Tokio's threads for blocking work. The statements are in
//! `sql.rs`, what concerns the file itself in `file.rs`.

mod file;
mod sql;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::call::{Call, Engine, Reply, digest};
use super::{Opener, Setup};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use sql::{Sql, get};

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
    /// Not the wall clock, which may be set: no row dies or revives by that.
    clock: Clock,
    /// How often this process removed the file.
    removed: AtomicU64,
}

/// A connection to a file.
struct Open {
    connection: Connection,
    file: FileId,
    looked_ms: i64,
    /// How often this process had removed the file when the connection was opened.
    removed: u64,
}

/// Device and inode.
type FileId = (u64, u64);

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
    Arc::new(move |setup| Arc::new(Sqlite::new(path.clone(), setup, Clock::system())))
}

impl Sqlite {
    fn new(path: PathBuf, setup: &Setup, clock: Clock) -> Self {
        let threads =
            std::thread::available_parallelism().map_or(2, |threads| threads.get().max(2));
        // One more connection writes.
        let readers = threads.min(setup.connections.saturating_sub(1)).max(1);
        let sql = Sql::new(&setup.table);
        Self {
            shared: Arc::new(Shared {
                path,
                sql,
                clock,
                removed: AtomicU64::new(0),
            }),
            readers: (0..readers).map(|_| Slot::default()).collect(),
            writer: Slot::default(),
        }
    }

    /// The connection that `call` runs on. Callers wait for it here, where they can be dropped, so that no
    /// more threads wait for the file than there are connections.
    async fn slot(&self, call: &Call) -> OwnedMutexGuard<Option<Open>> {
        if !matches!(call, Call::Get(..) | Call::GetMany(..) | Call::Measure(_)) {
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

    fn get_now(&self, text: &str, longest: i64) -> Option<Option<Bytes>> {
        // One that is free and open: to open one is to wait.
        let mut free = self.readers.iter().filter_map(|slot| slot.try_lock().ok());
        let mut slot = free.find(|open| open.is_some())?;
        let open = slot.as_mut()?;
        if open.removed != self.shared.removed.load(Ordering::Relaxed) {
            return None;
        }
        let now_ms = self.shared.now_ms();
        if now_ms.abs_diff(open.looked_ms) >= LOOK_EVERY_MS.unsigned_abs() {
            if file_id(&self.shared.path) != Some(open.file) {
                return None;
            }
            open.looked_ms = now_ms;
        }
        let sql = &self.shared.sql.get;
        get(&open.connection, sql, &digest(text), text, now_ms, longest).ok()
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
        let result = match self.run_open(slot, call) {
            Err(error) if is_full(&error) && call.is_removal() => {
                self.run_without_room(slot, call, error)
            }
            result => result,
        };
        result.map_err(|error| {
            let error = explain(&self.path, &error);
            if error.kind() == ErrorKind::Backend {
                // Whatever is wrong with this connection, the next call has another.
                *slot = None;
            }
            error
        })
    }

    fn run_open(&self, slot: &mut Option<Open>, call: &Call) -> rusqlite::Result<Reply> {
        let open = match slot {
            Some(open) => open,
            None => slot.insert(self.open()?),
        };
        open.connection.busy_timeout(BUSY)?;
        let reply = self.sql.run(&open.connection, call, self.now_ms());
        // For `get_now`, which never waits.
        open.connection.busy_timeout(Duration::ZERO)?;
        reply
    }

    /// Removes rows where none can be written. What is removed is written to the log first, which has room once its
    /// contents are in the file. If even these have none, the file goes as a whole: what must go may not stay, and
    /// the rest is a cache.
    fn run_without_room(
        &self,
        slot: &mut Option<Open>,
        call: &Call,
        full: rusqlite::Error,
    ) -> rusqlite::Result<Reply> {
        if let Some(open) = slot {
            // Whether it did shows in what follows.
            let _ = open
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        match self.run_open(slot, call) {
            Err(error) if is_full(&error) => {}
            result => return result,
        }
        if matches!(call, Call::DeleteExpired(_) | Call::DeleteOldest(_)) {
            return Err(full);
        }
        // The log stays: SQLite empties it when the file is made anew.
        if file::remove(&self.path).is_err() {
            return Err(full);
        }
        self.removed.fetch_add(1, Ordering::Relaxed);
        *slot = None;
        tracing::warn!(path = ?self.path, "the disk is full: the cache file was removed, because nothing else could be removed from it");
        Ok(Reply::rows(1))
    }

    fn open(&self) -> rusqlite::Result<Open> {
        let removed = self.removed.load(Ordering::Relaxed);
        file::create(&self.path);
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
            looked_ms: self.now_ms(),
            removed,
        })
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX)
    }
}

/// What an error says of the file, or of one request alone.
fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;

    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::TooBig) => ErrorKind::TooLarge,
        // What a trigger or a check of the operator's refuses, or a value of another type.
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::ParameterOutOfRange,
        ) => ErrorKind::Rejected,
        Some(_) => ErrorKind::Backend,
        // The client found something in a row that it did not expect.
        None => ErrorKind::Rejected,
    };
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            file::why_not(path)
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Some("move it away, and a new one is made".to_owned())
        }
        Some(ErrorCode::DiskFull) => Some("free some space on its disk".to_owned()),
        _ => None,
    };
    let remedy = remedy
        .map(|remedy| format!(": {remedy}"))
        .unwrap_or_default();
    let message = format!("the cache cannot use the SQLite file {path:?}: {error}{remedy}");
    Error::new(kind, message)
}

/// Nothing can be written: the disk has no room, or its owner no more of it.
fn is_full(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};

    let code = error.sqlite_error();
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || code.is_some_and(|code| {
            [SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE].contains(&code.extended_code)
        })
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

#[cfg(test)]
mod tests {
    use super::super::call::{Key, Row};
    use super::super::{CONNECTIONS, Table};
    use super::*;

    /// The wall clock may be set meanwhile: nothing here reads it.
    #[tokio::test]
    async fn a_row_lives_by_the_clock_of_its_reader_alone() {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup {
            table: Table::default(),
            connections: CONNECTIONS,
        };
        let clock = Clock::manual(1_000_000);
        let sqlite = Sqlite::new(folder.path().join("cache.db"), &setup, clock.clone());
        let key = || Key::new("key".into());
        let minute = Duration::from_secs(60);
        let row = Row::new(key(), "value".into(), Some(minute));
        sqlite.run(Call::Set(row)).await.unwrap();
        let mut lives = true;
        for step in [
            Duration::ZERO,
            minute - Duration::from_millis(1),
            Duration::from_millis(1),
        ] {
            clock.advance(step);
            lives &= clock.now_ms() < 1_060_000;
            let swept = sqlite.run(Call::DeleteExpired(10)).await.unwrap();
            assert_eq!(swept.rows, u64::from(!lives));
            let found = sqlite.run(Call::Get(key(), i64::MAX)).await.unwrap().value;
            assert_eq!(found.is_some(), lives);
            assert_eq!(sqlite.get_now("key", i64::MAX), Some(found));
        }
        assert!(!lives);
    }
}
