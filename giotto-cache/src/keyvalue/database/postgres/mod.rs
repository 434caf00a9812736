//! PostgreSQL: the calls in its dialect of SQL.
//!
//! The last step of a lookup. The statements of `sql.rs` are given their values by `statement.rs`, and their keys by
//! `text.rs`.

mod sql;
mod statement;
mod text;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row as _};

use super::call::{Call, Chosen, Key, Reply, Row, Slice};
use super::server::{self, Dialect, Failure};
use super::{Opener, without_user};
use crate::error::Result;
use sql::Sql;
use statement::{Statement, Value};

/// What the statements rely on, whatever the server, the database or the user has as a default. No statement waits
/// for a lock longer than a caller waits for the statement. They are sent when a session is opened, so that a pooler,
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

/// The same for one transaction of a session that a pooler shares: what is sent at once is one.
const TRANSACTION: &str = "SET LOCAL statement_timeout = 1000; SET LOCAL lock_timeout = 1000; \
    SET LOCAL client_min_messages = warning; ";

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
        match call {
            Call::Get(..) => {
                let rows = self.select(connection, call).await?;
                let value: Option<Vec<u8>> = rows.first().map(|row| row.try_get(0)).transpose()?;
                Ok(Reply::value(value))
            }
            Call::GetMany(keys, _) => {
                let mut found = HashMap::new();
                for row in self.select(connection, call).await? {
                    let (text, value): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
                    found.insert(text, Bytes::from(value));
                }
                let value = |key: &Key| found.get(&*connection.text(&key.text)).cloned();
                Ok(Reply::values(keys.iter().map(value).collect()))
            }
            Call::Measure(_) => {
                let rows = self.select(connection, call).await?;
                let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
                Ok(Reply::size(row.try_get(0)?, row.try_get(1)?))
            }
            _ => self.change(connection, call).await.map(Reply::rows),
        }
    }

    async fn execute(&self, connection: &mut Connection, sql: String) -> sqlx::Result<()> {
        let sql = match connection.is_pooled {
            true => in_transaction(&sql, true),
            false => sql,
        };
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        sql.execute(&mut connection.client).await.map(drop)
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

/// A server that is a copy of another one answers readers, and takes no promise to write.
fn in_transaction(sql: &str, is_write: bool) -> String {
    let write = if is_write { ", READ WRITE" } else { "" };
    format!("SET TRANSACTION ISOLATION LEVEL READ COMMITTED{write}; {TRANSACTION}{sql}")
}

impl Connection {
    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.is_unicode {
            true => text::without_nul(text),
            false => text::in_ascii(text),
        }
    }
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

    async fn select(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Vec<PgRow>> {
        let Some(statement) = self.statement(connection, call) else {
            return Ok(Vec::new());
        };
        if connection.is_pooled {
            let sql = AssertSqlSafe(in_transaction(&statement.written(), false));
            sqlx::raw_sql(sql).fetch_all(&mut connection.client).await
        } else {
            statement.bound().fetch_all(&mut connection.client).await
        }
    }

    /// How many rows were changed.
    async fn change(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<u64> {
        let Some(statement) = self.statement(connection, call) else {
            return Ok(0);
        };
        let done = if connection.is_pooled {
            let sql = AssertSqlSafe(in_transaction(&statement.written(), true));
            sqlx::raw_sql(sql).execute(&mut connection.client).await?
        } else {
            statement.bound().execute(&mut connection.client).await?
        };
        Ok(done.rows_affected())
    }

    /// None for the call that the server's connections carry out: it asks rights first.
    fn statement<'c>(&'c self, connection: &Connection, call: &'c Call) -> Option<Statement<'c>> {
        use Value::{Bytes, ManyBytes, Number, NumberOrNull, Text};

        let key = |key: &'c Key| vec![Bytes(&key.digest), Text(connection.text(&key.text))];
        let row = |row: &'c Row| {
            let mut values = key(&row.key);
            values.push(Bytes(&row.value));
            values.push(Number(row.size_column()));
            values.push(NumberOrNull(row.lifetime_ms));
            values
        };
        let and = |mut values: Vec<Value<'c>>, last| {
            values.push(last);
            values
        };
        let slice = |slice: &'c Slice| vec![Bytes(&slice.low), Bytes(&slice.high)];
        let sql = &self.sql;
        let (sql, values) = match call {
            Call::Create => return None,
            Call::Get(of, longest) => (&sql.get, and(key(of), Number(*longest))),
            Call::GetMany(keys, longest) => {
                let digests = keys.iter().map(|key| &key.digest[..]).collect();
                let lengths = keys.iter().map(|key| connection.text(&key.text).len());
                let longest_key = lengths.max().unwrap_or_default() as i64;
                let bounds = [Number(*longest), Number(longest_key)];
                let values = [ManyBytes(digests)].into_iter().chain(bounds);
                (&sql.get_many, values.collect())
            }
            Call::Set(of) => (&sql.set, row(of)),
            Call::Add(of) => (&sql.add, row(of)),
            Call::Replace(of, old) => (&sql.replace, and(row(of), Bytes(old))),
            Call::Delete(of) => (&sql.delete, key(of)),
            Call::DeleteIf(of, old) => (&sql.delete_if, and(key(of), Bytes(old))),
            Call::Clear(Chosen { prefix, part }, of) => {
                let prefix = Text(Cow::Borrowed(prefix));
                let values = and(and(slice(of), prefix), Text(connection.text(part)));
                (&sql.clear, values)
            }
            Call::Measure(of) => (&sql.measure, slice(of)),
            Call::DeleteExpired(limit) => (&sql.delete_expired, vec![Number((*limit).into())]),
            Call::DeleteOldest(limit) => (&sql.delete_oldest, vec![Number((*limit).into())]),
        };
        Some(Statement { sql, values })
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
