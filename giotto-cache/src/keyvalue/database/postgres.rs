//! PostgreSQL: the calls in its dialect of SQL.
//!
//! The last step of a lookup. The table is UNLOGGED: it is written without a log, and empty after a crash
//! of the server, which a cache may be.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Postgres, Row as _};

use super::call::{Call, Key, Reply, Row};
use super::server::{self, Dialect};
use super::{Opener, Table, without_user};
use crate::Result;

/// By the server's clock, at the beginning of the statement.
const NOW_MS: &str = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint";
const NOW_US: &str = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint";

/// No statement waits for a lock longer than anybody waits for the statement.
const SESSION: &str =
    "SET statement_timeout = 1000; SET lock_timeout = 1000; SET client_min_messages = warning";

struct PostgreSql {
    options: PgConnectOptions,
    sql: Sql,
}

struct Sql {
    create: Arc<str>,
    get: Arc<str>,
    get_many: Arc<str>,
    set: Arc<str>,
    add: Arc<str>,
    replace: Arc<str>,
    delete: Arc<str>,
    delete_if: Arc<str>,
    clear: Arc<str>,
    measure: Arc<str>,
    delete_expired: Arc<str>,
    delete_oldest: Arc<str>,
}

pub(super) fn opener(url: &str) -> Result<Opener> {
    let options: PgConnectOptions = url.parse().map_err(|error| server::bad_url(&error))?;
    let options = options.disable_statement_logging();
    Ok(server::opener(without_user(url), move |table| PostgreSql {
        options: options.clone(),
        sql: Sql::new(table),
    }))
}

impl Dialect for PostgreSql {
    type Connection = PgConnection;

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let mut connection = self.options.connect().await?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await?;
        Ok(connection)
    }

    async fn run(&self, connection: &mut PgConnection, call: &Call) -> sqlx::Result<Reply> {
        let sql = &self.sql;
        let query = match call {
            Call::Get(key) => {
                let row = by_key(&sql.get, key).fetch_optional(connection).await?;
                let value: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
                return Ok(Reply::value(value));
            }
            Call::GetMany(keys) => return get_many(&sql.get_many, keys, connection).await,
            Call::Measure(slice) => {
                let query = query(&sql.measure)
                    .bind(&slice.low[..])
                    .bind(&slice.high[..]);
                let row = query.fetch_one(connection).await?;
                return Ok(Reply::size(row.try_get(0)?, row.try_get(1)?));
            }
            Call::Create => {
                let create = AssertSqlSafe(Arc::clone(&sql.create));
                sqlx::raw_sql(create).execute(connection).await?;
                return Ok(Reply::default());
            }
            Call::Set(row) => with_row(&sql.set, row),
            Call::Add(row) => with_row(&sql.add, row),
            Call::Replace(row, old) => with_row(&sql.replace, row).bind(&old[..]),
            Call::Delete(key) => by_key(&sql.delete, key),
            Call::DeleteIf(key, old) => by_key(&sql.delete_if, key).bind(&old[..]),
            Call::Clear(prefix, slice) => query(&sql.clear)
                .bind(&slice.low[..])
                .bind(&slice.high[..])
                .bind(prefix),
            Call::DeleteExpired(limit) => query(&sql.delete_expired).bind(i64::from(*limit)),
            Call::DeleteOldest(limit) => query(&sql.delete_oldest).bind(i64::from(*limit)),
        };
        Ok(Reply::rows(
            query.execute(connection).await?.rows_affected(),
        ))
    }
}

async fn get_many(
    sql: &Arc<str>,
    keys: &[Key],
    connection: &mut PgConnection,
) -> sqlx::Result<Reply> {
    let digests: Vec<_> = keys.iter().map(|key| &key.digest[..]).collect();
    let mut found = HashMap::new();
    for row in query(sql).bind(digests).fetch_all(connection).await? {
        let (text, value): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        found.insert(text, Bytes::from(value));
    }
    let value = |key: &Key| found.get(&*without_nul(&key.text)).cloned();
    Ok(Reply::values(keys.iter().map(value).collect()))
}

fn query<'q>(sql: &Arc<str>) -> Query<'q, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

fn by_key<'q>(sql: &Arc<str>, key: &'q Key) -> Query<'q, Postgres, PgArguments> {
    query(sql)
        .bind(&key.digest[..])
        .bind(without_nul(&key.text))
}

fn with_row<'q>(sql: &Arc<str>, row: &'q Row) -> Query<'q, Postgres, PgArguments> {
    by_key(sql, &row.key)
        .bind(&row.value[..])
        .bind(row.size_column())
        .bind(row.lifetime_ms)
}

/// The text as PostgreSQL can hold it, which has no NUL in its texts: the symbol for it, and a 0; and where
/// that symbol is in the text, twice the symbol, so that different keys stay different.
fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains(['\0', '\u{2400}']) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(
            text.replace('\u{2400}', "\u{2400}\u{2400}")
                .replace('\0', "\u{2400}0"),
        ),
    }
}

impl Sql {
    fn new(table: &Table) -> Self {
        let quoted = |suffix| table.quoted(suffix, '"');
        let (t, expires, stored) = (quoted(""), quoted("_expires"), quoted("_stored"));
        let live = format!("(expires IS NULL OR expires > {NOW_MS})");
        let set = format!(
            "INSERT INTO {t} AS old (digest, key, value, size, stored, expires)
             VALUES ($1, $2, $3, $4, {NOW_US}, {NOW_MS} + $5)
             ON CONFLICT (digest) DO UPDATE SET key = excluded.key, value = excluded.value,
             size = excluded.size, stored = excluded.stored, expires = excluded.expires"
        );
        let delete_live = format!("DELETE FROM {t} WHERE digest = $1 AND key = $2 AND {live}");
        // Rows that another sweeper or a writer holds are left to it: no waiting, no deadlock. ARRAY, so that
        // the rows are chosen once, whatever the plan.
        let delete = |chosen: &str| {
            format!(
                "DELETE FROM {t} WHERE digest = ANY (ARRAY(
                     SELECT digest FROM {t} {chosen} LIMIT $1 FOR UPDATE SKIP LOCKED))"
            )
        };
        Self {
            // One transaction; the lock is for two processes that create the table at the same time.
            create: format!(
                "SELECT pg_advisory_xact_lock(7167843); CREATE UNLOGGED TABLE IF NOT EXISTS {t} (
                     key text COLLATE \"C\" NOT NULL, expires bigint, stored bigint NOT NULL,
                     size bigint NOT NULL, digest bytea PRIMARY KEY, value bytea NOT NULL
                 );
                 CREATE INDEX IF NOT EXISTS {expires} ON {t} (expires) WHERE expires IS NOT NULL;
                 CREATE INDEX IF NOT EXISTS {stored} ON {t} (stored);"
            )
            .into(),
            get: format!("SELECT value FROM {t} WHERE digest = $1 AND key = $2 AND {live}").into(),
            get_many: format!("SELECT key, value FROM {t} WHERE digest = ANY ($1) AND {live}").into(),
            add: format!("{set} WHERE old.expires <= {NOW_MS} OR old.key <> excluded.key").into(),
            set: set.into(),
            replace: format!(
                "UPDATE {t} SET value = $3, size = $4, stored = {NOW_US}, expires = {NOW_MS} + $5
                 WHERE digest = $1 AND key = $2 AND {live} AND value = $6"
            )
            .into(),
            delete_if: format!("{delete_live} AND value = $3").into(),
            delete: delete_live.into(),
            clear: format!(
                "DELETE FROM {t} WHERE digest BETWEEN $1 AND $2 AND starts_with(key, $3)"
            )
            .into(),
            measure: format!(
                "SELECT count(*), coalesce(sum(size), 0)::bigint FROM {t} WHERE digest BETWEEN $1 AND $2"
            )
            .into(),
            delete_expired: delete(&format!("WHERE expires <= {NOW_MS} ORDER BY expires")).into(),
            delete_oldest: delete("ORDER BY stored").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_looks_at_rows_that_it_does_not_want() {
        let server = test_servers::Postgres::start();
        let sql = Sql::new(&Table::default());
        server.sql(&sql.create);
        for (sql, values, index) in [
            (&sql.get, "'', ''", "giotto_cache_pkey"),
            (&sql.get_many, "'{}'", "giotto_cache_pkey"),
            (&sql.replace, "'', '', '', 0, 0, ''", "giotto_cache_pkey"),
            (&sql.delete, "'', ''", "giotto_cache_pkey"),
            (&sql.delete_if, "'', '', ''", "giotto_cache_pkey"),
            (&sql.clear, "'', '', ''", "giotto_cache_pkey"),
            (&sql.measure, "'', ''", "giotto_cache_pkey"),
            (&sql.delete_expired, "1", "giotto_cache_expires"),
            (&sql.delete_oldest, "1", "giotto_cache_stored"),
        ] {
            // An empty table is read as a whole if nothing forbids it.
            let plan = server.sql(&format!(
                "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;
                 PREPARE statement AS {sql}; EXPLAIN EXECUTE statement({values})"
            ));
            assert!(
                plan.contains(index) && !plan.contains("Seq Scan"),
                "{sql}: {plan}"
            );
        }
    }

    #[test]
    fn keys_with_nul_stay_readable_and_different() {
        assert_eq!(without_nul("{'x': 12}"), "{'x': 12}");
        assert_eq!(without_nul("a\0b"), "a\u{2400}0b");
        assert_eq!(without_nul("a\u{2400}b"), "a\u{2400}\u{2400}b");
        assert_ne!(without_nul("\u{2400}\0"), without_nul("\0\u{2400}"));
    }
}
