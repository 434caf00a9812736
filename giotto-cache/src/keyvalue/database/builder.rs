//! How a store in a database is configured.
//!
//! Before any lookup; nothing here touches the file or the network.

use std::sync::Arc;
use std::time::Duration;

use super::DatabaseKeyValue;
use super::engine::{Opener, Setup};
#[cfg(feature = "mysql")]
use super::mysql;
#[cfg(feature = "postgres")]
use super::postgres;
#[cfg(feature = "sqlite")]
use super::sqlite;
use super::sweep::Sweeper;
use super::table::Table;
use super::url::{no_engine, without_user};
use crate::error::Result;
use crate::keyvalue::namespace::Namespace;

/// Enough for the load that a database serves without slowing down, and few enough for several processes.
const CONNECTIONS: usize = 8;

/// Much longer than the engine waits for a call. A connection that has not answered by then is closed.
const TIMEOUT: Duration = Duration::from_secs(1);

impl DatabaseKeyValue {
    /// The SQLite file `giotto.sqlite3` in the working directory.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn new() -> Self {
        let path = "giotto.sqlite3";
        Self::with(format!("sqlite://{path}"), sqlite::opener(path), None)
    }

    /// The database at `url`:
    ///
    /// - `sqlite://relative/path.db` or `sqlite:///absolute/path.db` (the path as it stands, no parameters)
    /// - `postgres://user:password@host:5432/database` (or `postgresql://`), with parameters such as
    ///   `?sslmode=verify-full` or `?host=/run/postgresql`
    /// - `mysql://user:password@host:3306/database` (or `mariadb://`), with parameters such as
    ///   `?ssl-mode=REQUIRED` or `?socket=/run/mysqld/mysqld.sock`
    ///
    /// The parameter `max_connections` of a server is [the setting](Self::max_connections) of that name.
    ///
    /// # Errors
    ///
    /// If `url` is not one of these, if it has a parameter that is not known, or if its engine is not built in.
    pub fn from_url(url: &str) -> Result<Self> {
        let (opener, connections) = match url.split_once("://") {
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) => (sqlite::opener(sqlite::check_path(path)?), None),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => postgres::opener(url)?,
            #[cfg(feature = "mysql")]
            Some(("mysql" | "mariadb", _)) => mysql::opener(url)?,
            other => return Err(no_engine(other.map_or("", |(scheme, _)| scheme))),
        };
        Ok(Self::with(without_user(url), opener, connections))
    }

    fn with(place: String, opener: Opener, connections: Option<usize>) -> Self {
        let setup = Setup {
            table: Table::default(),
            connections: connections.unwrap_or(CONNECTIONS),
            timeout: TIMEOUT,
        };
        Self {
            place,
            engine: opener(&setup),
            opener,
            setup,
            namespace: Namespace::default(),
            sweeper: Arc::default(),
            longest: Arc::default(),
        }
    }

    /// Makes the engine again after a change of its setup.
    fn set_up(self) -> Self {
        let engine = (self.opener)(&self.setup);
        Self { engine, ..self }
    }

    /// Uses the table `name`, `giotto_cache` if not given. On a server, `side.pages` is the table `pages` in the
    /// schema `side` (MySQL: the database). Each part is quoted, so spaces and quotes are fine.
    ///
    /// # Errors
    ///
    /// If a part of `name` is empty, longer than 50 bytes, or has a control character in it; if there are more than
    /// two; or if there are two for SQLite, which has no schemas.
    pub fn table(mut self, name: impl Into<String>) -> Result<Self> {
        let has_schemas = !self.place.starts_with("sqlite://");
        self.setup.table = Table::new(&name.into(), has_schemas)?;
        Ok(self.set_up())
    }

    /// The maximum number of open connections: eight if not given, and at least one (SQLite: two, of which one writes). A
    /// call waits for its turn. If a server accepts fewer, the store uses those that it has, and tries one more every ten
    /// seconds.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.setup.connections = connections.max(1);
        self.set_up()
    }

    /// How long a call may take on a server, connecting included: a second if not given. A connection that has not answered by
    /// then is closed. A [`Cache`](crate::Cache) gives up a call much sooner; this is for those who use the store alone.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.setup.timeout = timeout;
        self.set_up()
    }

    /// The approximate maximum number of rows, a million if not given. Beyond it, the rows stored longest ago are removed.
    #[must_use]
    pub fn max_rows(self, rows: u64) -> Self {
        let sweeper = Arc::new(Sweeper::new(rows, self.sweeper.max_bytes));
        Self { sweeper, ..self }
    }

    /// The approximate maximum number of bytes, keys and 128 bytes a row included; 256 MiB if not given. Beyond it, the rows
    /// stored longest ago are removed. A single value that is larger is refused.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        let sweeper = Arc::new(Sweeper::new(self.sweeper.max_rows, bytes));
        Self { sweeper, ..self }
    }

    /// Puts `name` and a colon in front of every key, so that several deployments can share a table.
    ///
    /// # Errors
    ///
    /// If `name` is anything but letters, digits, `.`, `_` and `-`.
    pub fn namespace(self, name: &str) -> Result<Self> {
        let namespace = Namespace::new(name)?;
        Ok(Self { namespace, ..self })
    }
}

#[cfg(feature = "sqlite")]
impl Default for DatabaseKeyValue {
    fn default() -> Self {
        Self::new()
    }
}
