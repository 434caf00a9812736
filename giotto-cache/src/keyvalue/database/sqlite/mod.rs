//! SQLite: a file that several processes share, read where the request runs.
//!
//! The last step of a lookup. A hit takes a few reads of the page cache and never waits, so it is not worth a change of
//! thread. Every call that could wait runs on Tokio's threads for blocking work. The statements are in `sql.rs`, the
//! connections in `shared.rs`, the file itself in `file.rs`.

mod failure;
mod file;
mod shared;
mod sql;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::shared::{Open, Shared, file_id};
use self::sql::{Sql, get};
use super::call::{Call, Reply, digest};
use super::engine::{Engine, Opener, Setup};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// How often a reader checks that its file is still the one of that name.
const LOOK_EVERY_MS: i64 = 1_000;

struct Sqlite {
    shared: Arc<Shared>,
    /// The first free one is used, so that only as many are opened as are used at the same time.
    readers: Vec<Slot>,
    writer: Slot,
}

type Slot = Arc<Mutex<Option<Open>>>;

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
        let reads = matches!(
            call,
            Call::Get(..) | Call::GetMany(..) | Call::Measure(_) | Call::Scan(..) | Call::Now
        );
        if !reads {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::call::{Key, Row};
    use super::super::table::Table;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR_MS: u64 = 3_600_000;

    /// The file in `folder` as a process opens it that was started at `clock`.
    fn process(folder: &Path, clock: &Clock) -> Sqlite {
        let setup = Setup {
            table: Table::default(),
            connections: 8,
            timeout: Duration::from_secs(1),
        };
        Sqlite::new(folder.join("cache.db"), &setup, clock.clone())
    }

    fn row(key: &str, lifetime: Option<Duration>) -> Row {
        Row::new(Key::new(key.into()), "value".into(), lifetime)
    }

    async fn set(sqlite: &Sqlite, key: &str, lifetime: Option<Duration>) {
        let set = Call::Set(row(key, lifetime));
        assert_eq!(sqlite.run(set).await.unwrap().rows, 1);
    }

    async fn has(sqlite: &Sqlite, key: &str) -> bool {
        let get = Call::Get(Key::new(key.into()), i64::MAX);
        sqlite.run(get).await.unwrap().value.is_some()
    }

    /// The wall clock may be set meanwhile: nothing here reads it.
    #[tokio::test]
    async fn a_row_lives_by_the_clock_of_its_reader_alone() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(1_000_000);
        let sqlite = process(folder.path(), &clock);
        set(&sqlite, "key", Some(MINUTE)).await;
        let mut lives = true;
        for step in [
            Duration::ZERO,
            MINUTE - Duration::from_millis(1),
            Duration::from_millis(1),
        ] {
            clock.advance(step);
            lives &= clock.now_ms() < 1_060_000;
            let swept = sqlite.run(Call::DeleteExpired(10)).await.unwrap();
            assert_eq!(swept.rows, u64::from(!lives));
            assert_eq!(has(&sqlite, "key").await, lives);
            let found = sqlite.get_now("key", i64::MAX).unwrap();
            assert_eq!(found.is_some(), lives);
        }
        assert!(!lives);
    }

    /// The wall clock is set back between two processes, and catches up while the second one runs.
    #[tokio::test]
    async fn a_row_from_before_the_clock_was_set_back_does_not_live_longer() {
        let folder = tempfile::tempdir().unwrap();
        let before = process(folder.path(), &Clock::manual(3 * HOUR_MS));
        set(&before, "page", Some(MINUTE)).await;
        set(&before, "record", None).await;
        let clock = Clock::manual(2 * HOUR_MS);
        let after = process(folder.path(), &clock);
        assert!(!has(&after, "another").await);
        clock.advance(Duration::from_millis(HOUR_MS));
        assert!(!has(&after, "page").await);
        assert!(has(&after, "record").await, "that of an invalidation stays");
    }

    /// Both run at the same time.
    #[tokio::test]
    async fn the_rows_of_a_process_whose_clock_is_ahead_are_swept_and_block_no_lease() {
        let folder = tempfile::tempdir().unwrap();
        let now = process(folder.path(), &Clock::manual(2 * HOUR_MS));
        assert!(!has(&now, "page").await);
        for (ahead_ms, is_dead) in [(1_000, false), (1_001, true), (HOUR_MS, true)] {
            let ahead = process(folder.path(), &Clock::manual(2 * HOUR_MS + ahead_ms));
            set(&ahead, "page", Some(MINUTE)).await;
            set(&ahead, "lease", Some(MINUTE)).await;
            set(&ahead, "record", None).await;
            for (key, is_added) in [("lease", is_dead), ("record", false)] {
                let added = now.run(Call::Add(row(key, Some(MINUTE)))).await.unwrap();
                assert_eq!(added.rows, u64::from(is_added), "{key} {ahead_ms}");
            }
            now.run(Call::DeleteExpired(10)).await.unwrap();
            assert_eq!(has(&now, "page").await, !is_dead, "{ahead_ms}");
            assert!(has(&now, "lease").await && has(&now, "record").await);
        }
    }

    /// What is stored for a minute is gone a day later, also for the processes that are started once the clock is set right.
    #[tokio::test]
    async fn a_clock_that_is_set_forward_ends_rows_and_revives_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |hours| process(folder.path(), &Clock::manual(hours * HOUR_MS));
        set(&at(2), "page", Some(MINUTE)).await;
        let forward = at(26);
        assert!(!has(&forward, "page").await);
        set(&forward, "page of tomorrow", Some(MINUTE)).await;
        assert!(!has(&at(3), "page of tomorrow").await);
        assert!(!has(&at(26), "page of tomorrow").await);
    }
}
