//! The database: an SQLite file, which several processes may use at the same time.

use std::path::Path;
use std::time::Duration;

use giotto::prelude::*;
use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Transaction, TransactionBehavior};

/// The pool of connections. A clone shares it. Each feature adds what it asks the database.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pool: Pool<SqliteConnectionManager>,
}

pub(crate) type Connection = PooledConnection<SqliteConnectionManager>;

/// A reader waits for another process that writes, and a writer does not wait for readers (WAL).
const SETTINGS: &str =
    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;";

impl Library {
    /// Opens the library in the file at `path`, with the `tables` of all features. If it has no books yet, `fill` writes them. All
    /// is one transaction, so that of several processes that start at the same time one does it.
    pub(crate) fn open(
        path: &Path,
        tables: &[&str],
        fill: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<Self, Error> {
        let manager = SqliteConnectionManager::file(path)
            .with_init(|connection| connection.execute_batch(SETTINGS));
        let pool = Pool::builder()
            .max_size(16)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(10))
            .build(manager)?;
        let library = Self { pool };
        let mut connection = library.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(&tables.concat())?;
        let is_filled: bool =
            transaction.query_row("SELECT EXISTS (SELECT 1 FROM books)", [], |row| row.get(0))?;
        if !is_filled {
            fill(&transaction)?;
        }
        transaction.commit()?;
        Ok(library)
    }

    /// A connection, for as long as it is held. It blocks: models that use it are ordinary functions.
    pub(crate) fn connection(&self) -> Result<Connection, Error> {
        Ok(self.pool.get()?)
    }

    /// Runs `work` on a thread that may block, for async models.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let library = self.clone();
        tokio::task::spawn_blocking(move || work(&library)).await?
    }
}
