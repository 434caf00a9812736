//! A database as a store: one table, in an SQLite file, in PostgreSQL, MySQL or MariaDB.
//!
//! The last step of a lookup. What is the same for all of them is here; `call.rs` is what an engine is
//! asked, `sqlite.rs`, `postgres.rs` and `mysql.rs` say it in SQL (the latter two through the connections
//! of `server.rs`), and `sweep.rs` removes what has expired and what is too much.

mod call;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
mod sweep;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::KeyValue;
use super::namespace::Namespace;
use crate::log::Cut;
use crate::{Error, ErrorKind, Measure, Result};
use call::{Call, Engine, Key, Row, Slice};
use sweep::Sweeper;
use table::Table;

/// What PostgreSQL takes with room to spare; SQLite and MySQL take a little less than twice that.
const LARGEST_BYTES: u64 = 512 << 20;

/// So many rows at most are deleted by one statement of [`clear`](KeyValue::clear), more or less.
const CLEARED_AT_ONCE: u64 = 1000;

/// Makes the engine for a table. It does not touch the file or the network yet.
type Opener = Arc<dyn Fn(&Table) -> Arc<dyn Engine> + Send + Sync>;

/// A [`KeyValue`] in a table of a database: SQLite (a file, no server needed), PostgreSQL, MySQL or MariaDB.
///
/// An SQLite file and its table are created on first use. On a server, create the table with
/// [`syncdb`](KeyValue::syncdb) once. The table holds at most a million rows and 256 MiB, about: what was
/// stored longest ago leaves first, and what has expired is removed in the background.
///
/// Cloning it shares its connections.
#[derive(Clone)]
pub struct DatabaseKeyValue {
    /// Where the table is, without user and password.
    place: String,
    opener: Opener,
    table: Table,
    namespace: Namespace,
    engine: Arc<dyn Engine>,
    sweeper: Arc<Sweeper>,
}

impl DatabaseKeyValue {
    /// The SQLite file `giotto.sqlite3` in the working directory.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn new() -> Self {
        let path = "giotto.sqlite3";
        Self::with(format!("sqlite://{path}"), sqlite::opener(path))
    }

    /// The database at `url`:
    ///
    /// - `sqlite://relative/path.db` or `sqlite:///absolute/path.db` (the path as it stands, no parameters)
    /// - `postgres://user:password@host:5432/database` (or `postgresql://`), with parameters such as
    ///   `?sslmode=verify-full` or `?host=/run/postgresql`
    /// - `mysql://user:password@host:3306/database` (or `mariadb://`), with parameters such as
    ///   `?ssl-mode=REQUIRED` or `?socket=/run/mysqld/mysqld.sock`
    ///
    /// # Errors
    ///
    /// If `url` is not one of these, or its engine is not built in.
    pub fn from_url(url: &str) -> Result<Self> {
        let opener = match url.split_once("://") {
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) => sqlite::opener(sqlite::check_path(path)?),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => postgres::opener(url)?,
            #[cfg(feature = "mysql")]
            Some(("mysql" | "mariadb", _)) => mysql::opener(url)?,
            other => return Err(no_engine(other.map_or("", |(scheme, _)| scheme))),
        };
        Ok(Self::with(without_user(url), opener))
    }

    fn with(place: String, opener: Opener) -> Self {
        let table = Table::default();
        Self {
            place,
            engine: opener(&table),
            opener,
            table,
            namespace: Namespace::default(),
            sweeper: Arc::default(),
        }
    }

    /// Uses the table `name`, `giotto_cache` if not given. It is quoted, so spaces and quotes are fine.
    ///
    /// # Errors
    ///
    /// If `name` is empty, longer than 50 bytes, or has a control character in it.
    pub fn table(self, name: impl Into<String>) -> Result<Self> {
        let table = Table::new(name.into())?;
        let engine = (self.opener)(&table);
        Ok(Self {
            table,
            engine,
            ..self
        })
    }

    /// About so many rows are kept, a million if not given. Beyond them, those stored longest ago leave.
    #[must_use]
    pub fn max_rows(self, rows: u64) -> Self {
        let sweeper = Arc::new(Sweeper::new(rows, self.sweeper.max_bytes));
        Self { sweeper, ..self }
    }

    /// About so many bytes are kept, keys and 128 bytes a row included; 256 MiB if not given. Beyond them,
    /// the rows stored longest ago leave. One value that is larger is refused.
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

    /// Removes what has expired, then what is more than the bounds allow. It runs by itself after writes, in
    /// the background; call it where nothing is written for a long time and the space matters.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn sweep(&self) -> Result<()> {
        self.sweeper.sweep(&*self.engine).await
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
                let error = Cut(error);
                tracing::warn!(%error, "the cache table was not swept: it may grow beyond its bounds");
            }
        }));
    }
}

#[cfg(feature = "sqlite")]
impl Default for DatabaseKeyValue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DatabaseKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseKeyValue")
            .field("place", &self.place)
            .field("table", &self.table.name())
            .field("max_rows", &self.sweeper.max_rows)
            .field("max_bytes", &self.sweeper.max_bytes)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyValue for DatabaseKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let reply = self.engine.run(Call::Get(self.key(key))).await?;
        Ok(reply.value)
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = keys.iter().map(|key| self.key(key)).collect();
        Ok(self.engine.run(Call::GetMany(keys)).await?.values)
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let row = match self.row(key, value, expire) {
            Ok(row) => row,
            Err(too_large) => {
                // The old value goes all the same: it is not the last one set.
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

    fn is_atomic(&self) -> bool {
        true
    }

    fn stored_key(&self, key: &str) -> String {
        self.namespace.stored(key).into_owned()
    }

    async fn clear(&self) -> Result<()> {
        let rows = sweep::measure(&*self.engine).await?.rows;
        // Slice by slice, so that no statement holds up the others for long.
        for slice in Slice::all(rows / CLEARED_AT_ONCE) {
            let prefix = self.namespace.prefix().to_owned();
            self.engine.run(Call::Clear(prefix, slice)).await?;
        }
        Ok(())
    }

    /// Of a table of 20,000 rows or more it is an estimate, from a part of some thousand rows.
    async fn measure(&self) -> Result<Measure> {
        let size = sweep::measure(&*self.engine).await?;
        Ok(Measure {
            entries: Some(size.rows),
            bytes: Some(size.bytes),
            is_estimate: size.is_estimate,
            max_entries: Some(self.sweeper.max_rows),
            max_bytes: Some(self.sweeper.max_bytes),
            ..Measure::new(
                "the whole table: every namespace, and what has expired and was not swept yet",
            )
        })
    }

    async fn syncdb(&self) -> Result<()> {
        self.engine.run(Call::Create).await.map(drop)
    }

    /// Waits for the sweep that was begun last.
    async fn settle(&self) {
        self.sweeper.settle().await;
    }

    fn get_now(&self, key: &str) -> Option<Option<Bytes>> {
        self.engine.get_now(&self.namespace.stored(key))
    }
}

/// `url` as it may be shown: user, password and parameters, which may hold a password too, left out.
fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split('?').next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

/// The scheme alone is named: the rest may hold a password.
fn no_engine(scheme: &str) -> Error {
    let feature = match scheme {
        "sqlite" => Some("sqlite"),
        "postgres" | "postgresql" => Some("postgres"),
        "mysql" | "mariadb" => Some("mysql"),
        _ => None,
    };
    let message = match feature {
        Some(feature) => format!(
            "{scheme}: this engine is not built in: enable the feature \"{feature}\" of giotto"
        ),
        None => "the URL of a cache database begins with sqlite://, postgres:// or mysql://".into(),
    };
    Error::new(ErrorKind::Backend, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_has_no_user_and_no_password() {
        for (url, shown) in [
            ("sqlite:///var/cache.db", "sqlite:///var/cache.db"),
            (
                "postgres://me:se@cret@host:5432/db",
                "postgres://host:5432/db",
            ),
            (
                "mysql://me:secret@host/db?password=secret",
                "mysql://host/db",
            ),
            ("postgres://?password=secret", "postgres://"),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }

    #[test]
    fn an_engine_that_is_not_there_says_what_to_do() {
        let built_in = no_engine("mariadb").to_string();
        assert!(
            built_in.ends_with("enable the feature \"mysql\" of giotto"),
            "{built_in}"
        );
        for url in ["oracle://me:secret@host", "giotto.sqlite3", ""] {
            let error = DatabaseKeyValue::from_url(url).unwrap_err().to_string();
            assert!(
                error.contains("sqlite://") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
