//! A database as a store: one table, in an SQLite file, in PostgreSQL, MySQL or MariaDB.
//!
//! The last step of a lookup. What is the same for all of them is here; `call.rs` is what an engine is
//! asked, `sqlite/`, `postgres/` and `mysql/` say it in SQL (the latter two through the connections of `server/`),
//! and `sweep.rs` removes what has expired and what is too much.

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
use super::longest::Longest;
use super::namespace::Namespace;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::measure::Measure;
use crate::log::Cut;
use call::{Call, Chosen, Engine, Key, OVERHEAD, Row, Slice};
use sweep::Sweeper;
use table::Table;

/// What PostgreSQL takes with room to spare; SQLite and MySQL take a little less than twice that.
const LARGEST_BYTES: u64 = 512 << 20;

/// So many rows at most are deleted by one statement of [`clear`](KeyValue::clear), more or less.
const CLEARED_AT_ONCE: u64 = 1000;

/// As many as a database serves at a time without slowing down, and few enough for several processes.
const CONNECTIONS: usize = 8;

/// Makes an engine. It does not touch the file or the network yet.
type Opener = Arc<dyn Fn(&Setup) -> Arc<dyn Engine> + Send + Sync>;

/// What an engine is made for.
#[derive(Clone)]
struct Setup {
    table: Table,
    /// How many may be open.
    connections: usize,
}

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
    setup: Setup,
    namespace: Namespace,
    engine: Arc<dyn Engine>,
    sweeper: Arc<Sweeper>,
    longest: Arc<Longest>,
}

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

    /// Makes the engine anew, after a change of what it is made for.
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

    /// At most so many connections are open at a time, eight if not given, and at least one (SQLite: two, of which one
    /// writes). A call waits for its turn. If a server accepts fewer, the store does with those that it has, and tries
    /// one more every ten seconds.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.setup.connections = connections.max(1);
        self.set_up()
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

    /// Removes the rows of this namespace whose keys contain `part`.
    async fn delete_rows(&self, part: &str) -> Result<()> {
        // Where not even that can be found out, it is one slice.
        let size = sweep::measure(&*self.engine).await;
        let rows = size.map_or(0, |size| size.rows);
        let chosen = Chosen {
            prefix: self.namespace.prefix().to_owned(),
            part: part.to_owned(),
        };
        // Slice by slice, so that no statement holds up the others for long.
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
        // Every key contains nothing.
        self.delete_rows("").await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.delete_rows(part).await
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
