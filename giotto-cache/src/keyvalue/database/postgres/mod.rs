//! PostgreSQL: the calls in its dialect of SQL.
//!
//! The last step of a lookup. The statements of `sql.rs` are given their values by `statement.rs`, and their keys by
//! `text.rs`.

mod session;
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

use self::session::{MARK, SESSION, in_transaction, is_refused_option};
use self::sql::Sql;
use self::statement::Bound;
use super::call::{Call, Found, Key, Reply};
use super::engine::Opener;
use super::server::dialect::Dialect;
use super::server::failure::Failure;
use super::server::statement::{Returns, Statement, Statements, Value};
use super::server::{self, url};
use super::url::without_user;
use crate::error::Result;

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
    let (checked, connections) = url::check(url, &PARAMETERS)?;
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

    fn statements(&self) -> &Statements {
        &self.sql.common
    }

    async fn run(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Reply> {
        let limited = |sql, limit: &u32| Statement {
            sql,
            values: vec![Value::Number((*limit).into())],
            returns: Returns::Changed,
        };
        let statement = match call {
            Call::GetMany(keys, longest) => return self.get_many(connection, keys, *longest).await,
            Call::DeleteExpired(limit) => Some(limited(&self.sql.delete_expired, limit)),
            Call::DeleteOldest(limit) => Some(limited(&self.sql.delete_oldest, limit)),
            call => self
                .sql
                .common
                .statement(call, |text| connection.text(text)),
        };
        let Some(statement) = statement else {
            return Ok(Reply::default());
        };
        let returns = statement.returns;
        let bound = Bound(statement, Vec::new());
        match returns {
            Returns::Changed => change(connection, bound).await.map(Reply::rows),
            Returns::Value => {
                let rows = select(connection, bound).await?;
                let value: Option<Vec<u8>> = rows.first().map(|row| row.try_get(0)).transpose()?;
                Ok(Reply::value(value))
            }
            Returns::Size => {
                let rows = select(connection, bound).await?;
                let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
                Ok(Reply::size(row.try_get(0)?, row.try_get(1)?))
            }
            Returns::Found => {
                let rows = select(connection, bound).await?;
                let found: sqlx::Result<_> = rows.iter().map(|row| connection.found(row)).collect();
                found.map(Reply::found)
            }
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
}

impl Connection {
    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.is_unicode {
            true => text::without_nul(text),
            false => text::in_ascii(text),
        }
    }

    /// A row of a scan. One whose key is not a text of ours was not chosen.
    fn found(&self, row: &PgRow) -> sqlx::Result<Found> {
        let (key, head): (Option<String>, Option<Vec<u8>>) = (row.try_get(1)?, row.try_get(3)?);
        let key = key.and_then(|key| match self.is_unicode {
            true => text::with_nul(&key),
            false => text::from_ascii(&key),
        });
        let bytes: i64 = row.try_get(2)?;
        Ok(Found {
            digest: row.try_get(0)?,
            chosen: key.zip(head.map(Bytes::from)),
            bytes: u64::try_from(bytes).unwrap_or(0),
        })
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

    async fn get_many(
        &self,
        connection: &mut Connection,
        keys: &[Key],
        longest: i64,
    ) -> sqlx::Result<Reply> {
        let digests = keys.iter().map(|key| &key.digest[..]).collect();
        let lengths = keys.iter().map(|key| connection.text(&key.text).len());
        let longest_key = lengths.max().unwrap_or_default() as i64;
        let statement = Statement {
            sql: &self.sql.get_many,
            values: vec![Value::Number(longest), Value::Number(longest_key)],
            returns: Returns::Value,
        };
        let mut found = HashMap::new();
        for row in select(connection, Bound(statement, digests)).await? {
            let (text, value): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            found.insert(text, Bytes::from(value));
        }
        let value = |key: &Key| found.get(&*connection.text(&key.text)).cloned();
        Ok(Reply::values(keys.iter().map(value).collect()))
    }
}

async fn change(connection: &mut Connection, statement: Bound<'_>) -> sqlx::Result<u64> {
    let client = &mut connection.client;
    let done = if connection.is_pooled {
        let sql = AssertSqlSafe(in_transaction(&statement.text(), true));
        sqlx::raw_sql(sql).execute(client).await?
    } else {
        statement.query().execute(client).await?
    };
    Ok(done.rows_affected())
}

async fn select(connection: &mut Connection, statement: Bound<'_>) -> sqlx::Result<Vec<PgRow>> {
    if connection.is_pooled {
        let sql = AssertSqlSafe(in_transaction(&statement.text(), false));
        sqlx::raw_sql(sql).fetch_all(&mut connection.client).await
    } else {
        statement.query().fetch_all(&mut connection.client).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
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
