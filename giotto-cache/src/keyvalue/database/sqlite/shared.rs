//! One connection to the file: opened when needed, used by one call at a time, and closed when the file is another one.
//!
//! Inside the last step of a lookup, on the thread that the call runs on.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::{explain, is_busy, is_full, is_lost};
use super::file;
use super::sql::Sql;
use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::keyvalue::database::call::{Call, Reply};

/// How long a call waits for a lock that another process holds: less than the engine's deadline, so that no thread waits
/// after its caller has given up.
const BUSY: Duration = Duration::from_millis(80);

/// The log lets readers read during a write. 8 MiB of pages for each reader, not 2, make a hit among a thousand entries of
/// 2 KiB twice as fast.
const SESSION: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192";

pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) sql: Sql,
    /// Not the wall clock: setting it must neither expire nor revive a row.
    pub(super) clock: Clock,
    /// How often this process removed the file.
    pub(super) removed: AtomicU64,
}

/// A connection to a file.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) file: FileId,
    pub(super) looked_ms: i64,
    /// How often this process had removed the file when the connection was opened.
    pub(super) removed: u64,
}

/// Device and inode.
pub(super) type FileId = (u64, u64);

impl Shared {
    pub(super) fn run(&self, slot: &mut Option<Open>, call: &Call) -> Result<Reply> {
        // The file may have been replaced since it was opened.
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
            // The file, or its log, was removed while it was being opened or read. What failed changed nothing.
            Err(error) if is_lost(&error) => {
                *slot = None;
                self.run_open(slot, call)
            }
            result => result,
        };
        result.map_err(|error| {
            let error = explain(&self.path, &error);
            if error.kind() == ErrorKind::Backend {
                // The next call opens another connection.
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

    /// Removes rows where none can be written. SQLite writes what it removes to its log first, which has room once its
    /// contents are copied to the file. If there is no room for that either, the whole file is removed: an invalidated page
    /// must not stay, and the rest is a cache.
    fn run_without_room(
        &self,
        slot: &mut Option<Open>,
        call: &Call,
        full: rusqlite::Error,
    ) -> rusqlite::Result<Reply> {
        if let Some(open) = slot {
            // If it fails, the next statement fails too.
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
        tracing::warn!(path = ?self.path, "disk is full: the cache file was removed, because no row could be removed from it");
        Ok(Reply::rows(1))
    }

    fn open(&self) -> rusqlite::Result<Open> {
        let removed = self.removed.load(Ordering::Relaxed);
        file::create(&self.path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        // Otherwise the last process to close the file copies the log into it and deletes the log: slow for a command that
        // runs for milliseconds, and harmful if the file of that name has been replaced.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        begin_session(&connection)?;
        connection.execute_batch(&self.sql.create)?;
        self.delete_from_the_future(&connection);
        Ok(Open {
            connection,
            file: file_id(&self.path).unwrap_or_default(),
            looked_ms: self.now_ms(),
            removed,
        })
    }

    /// Before the first row is read. It takes the lock of a writer, so it looks first; if it fails, the sweep does it.
    fn delete_from_the_future(&self, connection: &Connection) {
        let now_ms = self.now_ms();
        let latest = connection.query_row(&self.sql.latest, [], |row| row.get::<_, i64>(0));
        if latest.is_ok_and(|latest| latest > now_ms.saturating_mul(1000)) {
            let _ = self.sql.delete_from_the_future(connection, now_ms);
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX)
    }
}

/// While one process creates the log of a new file, SQLite refuses the others at once: it does not let a reader wait that
/// would have to become the writer (<https://www.sqlite.org/c3ref/busy_handler.html>). They wait here.
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

pub(super) fn file_id(path: &Path) -> Option<FileId> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
