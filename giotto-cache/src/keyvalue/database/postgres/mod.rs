//! PostgreSQL: the calls in its dialect of SQL.
//!
//! The last step of a lookup. `bind.rs` gives the statements of `sql.rs` their values.

mod bind;
mod sql;

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row as _};

use super::call::{Call, Reply};
use super::server::{self, Dialect, Failure};
use super::{Opener, without_user};
use crate::Result;
use bind::Binder;
use sql::Sql;

/// What the statements rely on, whatever the server, the database or the user has as a default. No statement waits
/// for a lock longer than anybody waits for the statement. They are sent when a session is opened, so that a pooler,
/// which shares sessions among its clients, never sees them.
const SESSION: [(&str, &str); 5] = [
    ("statement_timeout", "1000"),
    ("lock_timeout", "1000"),
    ("client_min_messages", "warning"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
];

/// A setting that means nothing: a session that has the value it was opened with belongs to this connection alone.
const MARK: &str = "giotto.session";

/// The same for one transaction of a session that a pooler shares.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 1000; \
    SET LOCAL lock_timeout = 1000; SET LOCAL client_min_messages = warning";

/// What a URL may have after the question mark.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

struct PostgreSql {
    options: PgConnectOptions,
    sql: Sql,
    /// Whether a pooler was found in front of the server.
    is_pooled: AtomicBool,
}

struct Connection {
    client: PgConnection,
    /// Whether a pooler gives the session to others between two transactions: then nothing may stay in it, no
    /// setting and no named statement, and a statement of ours might meet one of theirs.
    is_pooled: bool,
    /// Whether the database holds every character but NUL in its texts.
    is_unicode: bool,
}

pub(super) fn opener(url: &str) -> Result<(Opener, Option<usize>)> {
    let (checked, connections) = server::check_url(url, &PARAMETERS)?;
    let options = options(&checked)?;
    let opener = server::opener(without_user(url), move |table| PostgreSql {
        options: options.clone(),
        sql: Sql::new(table),
        is_pooled: AtomicBool::new(false),
    });
    Ok((opener, connections))
}

fn options(url: &str) -> Result<PgConnectOptions> {
    let options: PgConnectOptions = url.parse().map_err(|error| server::bad_url(&error))?;
    let options = options
        .disable_statement_logging()
        // Without statements that are kept, each one would be another named one in the server.
        .statement_cache_capacity(100)
        // Poolers refuse what they do not know.
        .extra_float_digits(None);
    Ok(options)
}

impl Dialect for PostgreSql {
    type Connection = Connection;

    const QUOTE: char = '"';

    async fn connect(&self) -> sqlx::Result<Connection> {
        if !self.is_pooled.load(Ordering::Relaxed) {
            let mark = fastrand::u64(..).to_string();
            let marked = self.options.clone().options(SESSION);
            match marked.options([(MARK, &mark)]).connect().await {
                Ok(client) => return self.look_at(client, Some(&mark)).await,
                Err(error) if !is_refused_option(&error) => return Err(error),
                Err(_) => {}
            }
        }
        let client = self.options.connect().await?;
        self.look_at(client, None).await
    }

    /// PgBouncer has one state for all that it refuses.
    fn failure(error: &dyn DatabaseError) -> Option<Failure> {
        let is_full = error.message().starts_with("no more connections allowed");
        is_full.then_some(Failure::NoConnection)
    }

    async fn run(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Reply> {
        if !connection.is_pooled {
            return self.run_once(connection, call).await;
        }
        let is_write = !matches!(call, Call::Get(..) | Call::GetMany(..) | Call::Measure(_));
        begin(&mut connection.client, is_write).await?;
        let result = self.run_once(connection, call).await;
        end(&mut connection.client, result).await
    }

    async fn execute(&self, connection: &mut Connection, sql: String) -> sqlx::Result<()> {
        let client = &mut connection.client;
        if !connection.is_pooled {
            return raw(client, sql).await;
        }
        begin(client, true).await?;
        let result = raw(client, sql).await;
        end(client, result).await
    }

    fn create(&self) -> String {
        self.sql.create.clone()
    }
}

/// As poolers say it that do not know of options.
fn is_refused_option(error: &sqlx::Error) -> bool {
    let state = error.as_database_error().and_then(|error| error.code());
    matches!(
        state.as_deref(),
        Some("08P01" | "0A000" | "22023" | "42704")
    )
}

async fn raw(client: &mut PgConnection, sql: impl Into<String>) -> sqlx::Result<()> {
    let sql = AssertSqlSafe(sql.into());
    sqlx::raw_sql(sql).execute(client).await.map(drop)
}

async fn begin(client: &mut PgConnection, is_write: bool) -> sqlx::Result<()> {
    // A server that is a copy of another one answers readers, and takes no promise to write.
    let write = if is_write {
        "; SET TRANSACTION READ WRITE"
    } else {
        ""
    };
    raw(client, format!("{BEGIN}{write}")).await
}

/// What failed on its own leaves the session in order; after any other error the connection is closed.
async fn end<T>(client: &mut PgConnection, result: sqlx::Result<T>) -> sqlx::Result<T> {
    match &result {
        Ok(_) => raw(client, "COMMIT").await?,
        Err(sqlx::Error::Database(_)) => raw(client, "ROLLBACK").await?,
        Err(_) => {}
    }
    result
}

impl PostgreSql {
    /// Finds out whose the session is, and what the database is like.
    async fn look_at(
        &self,
        mut client: PgConnection,
        mark: Option<&str>,
    ) -> sqlx::Result<Connection> {
        let look =
            format!("SELECT current_setting('{MARK}', true), current_setting('server_encoding')");
        let row = sqlx::raw_sql(AssertSqlSafe(look))
            .fetch_one(&mut client)
            .await?;
        let (found, encoding): (Option<String>, String) = (row.try_get(0)?, row.try_get(1)?);
        let is_pooled = mark.is_none() || found.as_deref() != mark;
        self.is_pooled.store(is_pooled, Ordering::Relaxed);
        Ok(Connection {
            client,
            is_pooled,
            is_unicode: matches!(&*encoding, "UTF8" | "SQL_ASCII"),
        })
    }

    async fn run_once(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Reply> {
        let sql = &self.sql;
        let to = Binder {
            is_kept: !connection.is_pooled,
            is_unicode: connection.is_unicode,
        };
        let client = &mut connection.client;
        let query = match call {
            Call::Get(key, longest) => {
                let query = to.key(&sql.get, key).bind(longest);
                let row = query.fetch_optional(client).await?;
                let value: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
                return Ok(Reply::value(value));
            }
            Call::GetMany(keys, longest) => {
                return to.get_many(&sql.get_many, keys, *longest, client).await;
            }
            Call::Measure(slice) => {
                let row = to.slice(&sql.measure, slice).fetch_one(client).await?;
                return Ok(Reply::size(row.try_get(0)?, row.try_get(1)?));
            }
            // The server's connections ask rights first.
            Call::Create => return Ok(Reply::default()),
            Call::Set(row) => to.row(&sql.set, row),
            Call::Add(row) => to.row(&sql.add, row),
            Call::Replace(row, old) => to.row(&sql.replace, row).bind(&old[..]),
            Call::Delete(key) => to.key(&sql.delete, key),
            Call::DeleteIf(key, old) => to.key(&sql.delete_if, key).bind(&old[..]),
            Call::Clear(chosen, slice) => to
                .slice(&sql.clear, slice)
                .bind(&chosen.prefix)
                .bind(to.text(&chosen.part)),
            Call::DeleteExpired(limit) => to.query(&sql.delete_expired).bind(i64::from(*limit)),
            Call::DeleteOldest(limit) => to.query(&sql.delete_oldest).bind(i64::from(*limit)),
        };
        Ok(Reply::rows(query.execute(client).await?.rows_affected()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::*;

    #[tokio::test]
    async fn a_session_is_ours_alone_unless_a_pooler_shares_it() {
        let server = test_servers::Postgres::start();
        let pooler = test_servers::PgBouncer::start(&server, 1, "");
        for (url, is_pooled) in [(server.url(), false), (pooler.url(), true)] {
            let dialect = PostgreSql {
                options: options(&url).unwrap(),
                sql: Sql::new(&Table::default()),
                is_pooled: AtomicBool::new(false),
            };
            for _ in 0..2 {
                let connection = dialect.connect().await.unwrap();
                assert_eq!(connection.is_pooled, is_pooled, "{url}");
            }
        }
    }
}
