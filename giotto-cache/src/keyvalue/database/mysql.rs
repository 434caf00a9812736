//! MySQL and MariaDB: the calls in their dialect of SQL.
//!
//! The last step of a lookup. Both are meant wherever one is named.

use std::sync::Arc;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, MySql, MySqlConnection, Row as _};

use super::call::{Call, Key, Reply, Row};
use super::server::{self, Dialect};
use super::{Opener, Table};
use crate::Result;

/// By the server's clock, at the beginning of the statement; `UNIX_TIMESTAMP` ends in 2038 on some.
const NOW_US: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

/// No statement waits for a lock longer than anybody waits for the statement, and none locks the gaps between
/// the rows that it reads. The comment is read by MariaDB only.
const SESSION: &str = "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1 \
    /*M!100101 , max_statement_time = 1 */; \
    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

struct MySqlDialect {
    options: MySqlConnectOptions,
    sql: Sql,
}

struct Sql {
    create: Arc<str>,
    get: Arc<str>,
    set: Arc<str>,
    insert: Arc<str>,
    delete_dead: Arc<str>,
    delete: Arc<str>,
    clear: Arc<str>,
    measure: Arc<str>,
    delete_expired: Arc<str>,
    delete_oldest: Arc<str>,
}

struct Connection {
    client: MySqlConnection,
    /// One byte more in a statement, and the server closes the connection.
    max_allowed_packet: u64,
}

pub(super) fn opener(url: &str) -> Result<Opener> {
    let options: MySqlConnectOptions = url.parse().map_err(|error| server::bad_url(&error))?;
    let options = options.disable_statement_logging();
    Ok(server::opener(move |table| MySqlDialect {
        options: options.clone(),
        sql: Sql::new(table),
    }))
}

impl Dialect for MySqlDialect {
    type Connection = Connection;

    async fn connect(&self) -> sqlx::Result<Connection> {
        let mut client = self.options.connect().await?;
        sqlx::raw_sql(SESSION).execute(&mut client).await?;
        let largest = "SELECT CAST(@@max_allowed_packet AS UNSIGNED)";
        let max_allowed_packet = sqlx::query(largest)
            .fetch_one(&mut client)
            .await?
            .try_get(0)?;
        Ok(Connection {
            client,
            max_allowed_packet,
        })
    }

    fn largest(connection: &Connection) -> u64 {
        connection.max_allowed_packet
    }

    async fn run(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Reply> {
        let (sql, client) = (&self.sql, &mut connection.client);
        let query = match call {
            Call::Get(key) => {
                let row = by_key(&sql.get, key).fetch_optional(client).await?;
                return Ok(Reply::value(row.map(|row| row.try_get(0)).transpose()?));
            }
            Call::Measure(slice) => {
                let query = query(&sql.measure)
                    .bind(&slice.low[..])
                    .bind(&slice.high[..]);
                let row = query.fetch_one(client).await?;
                return Ok(Reply::size(row.try_get(0)?, row.try_get(1)?));
            }
            Call::Create => {
                let create = AssertSqlSafe(Arc::clone(&sql.create));
                sqlx::raw_sql(create).execute(client).await?;
                return Ok(Reply::default());
            }
            Call::Add(row) => return self.add(client, row).await,
            Call::Set(row) => with_row(&sql.set, row),
            Call::Delete(key) => by_key(&sql.delete, key),
            Call::Clear(prefix, slice) => query(&sql.clear)
                .bind(&slice.low[..])
                .bind(&slice.high[..])
                .bind(prefix.len() as u64)
                .bind(prefix.as_bytes()),
            Call::DeleteExpired(limit) => query(&sql.delete_expired).bind(limit),
            Call::DeleteOldest(limit) => query(&sql.delete_oldest).bind(limit),
        };
        Ok(Reply::rows(query.execute(client).await?.rows_affected()))
    }
}

impl MySqlDialect {
    /// A row that is in the way and dead is removed first. The insert alone decides who adds: one statement
    /// for both cannot say afterwards which it was.
    async fn add(&self, client: &mut MySqlConnection, row: &Row) -> sqlx::Result<Reply> {
        let insert = || with_row(&self.sql.insert, row);
        let mut rows = insert().execute(&mut *client).await?.rows_affected();
        if rows == 0 {
            let delete_dead = by_key(&self.sql.delete_dead, &row.key);
            if delete_dead.execute(&mut *client).await?.rows_affected() > 0 {
                rows = insert().execute(client).await?.rows_affected();
            }
        }
        Ok(Reply::rows(rows))
    }
}

fn query<'q>(sql: &Arc<str>) -> Query<'q, MySql, MySqlArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

fn by_key<'q>(sql: &Arc<str>, key: &'q Key) -> Query<'q, MySql, MySqlArguments> {
    query(sql).bind(&key.digest[..]).bind(key.text.as_bytes())
}

fn with_row<'q>(sql: &Arc<str>, row: &'q Row) -> Query<'q, MySql, MySqlArguments> {
    query(sql)
        .bind(&row.key.digest[..])
        .bind(&row.key.text)
        .bind(&row.value[..])
        .bind(row.size_column())
        .bind(row.lifetime_ms)
}

impl Sql {
    fn new(table: &Table) -> Self {
        let t = table.quoted("", '`');
        let now_ms = format!("{NOW_US} DIV 1000");
        let live = format!("(expires IS NULL OR expires > {now_ms})");
        // As bytes: every collation of texts takes some different keys for equal.
        let key = "CAST(`key` AS BINARY)";
        let insert = format!(
            "INTO {t} (digest, `key`, value, size, stored, expires)
             VALUES (?, ?, ?, ?, {NOW_US}, {now_ms} + ?)"
        );
        // The rows are chosen without a lock, and locked by the primary key, like those of a writer: in
        // another order, a sweeper and a writer would wait for each other.
        let delete = |chosen: &str, condition: &str| {
            format!(
                "DELETE row_of FROM (SELECT digest FROM {t} {chosen} LIMIT ?) AS chosen
                 STRAIGHT_JOIN {t} AS row_of ON row_of.digest = chosen.digest {condition}"
            )
        };
        Self {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {t} (
                     `key` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, expires BIGINT,
                     stored BIGINT NOT NULL, size BIGINT NOT NULL, digest BINARY(16) PRIMARY KEY,
                     value LONGBLOB NOT NULL, INDEX expires (expires), INDEX stored (stored)
                 ) ENGINE = InnoDB"
            )
            .into(),
            get: format!("SELECT value FROM {t} WHERE digest = ? AND {key} = ? AND {live}").into(),
            set: format!(
                "INSERT {insert} ON DUPLICATE KEY UPDATE `key` = VALUES(`key`), value = VALUES(value),
                 size = VALUES(size), stored = VALUES(stored), expires = VALUES(expires)"
            )
            .into(),
            insert: format!("INSERT IGNORE {insert}").into(),
            delete_dead: format!(
                "DELETE FROM {t} WHERE digest = ? AND ({key} <> ? OR expires <= {now_ms})"
            )
            .into(),
            delete: format!("DELETE FROM {t} WHERE digest = ? AND {key} = ? AND {live}").into(),
            clear: format!(
                "DELETE FROM {t} WHERE digest BETWEEN ? AND ? AND LEFT({key}, ?) = ?"
            )
            .into(),
            measure: format!(
                "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS SIGNED) FROM {t}
                 WHERE digest BETWEEN ? AND ?"
            )
            .into(),
            delete_expired: delete(
                &format!("WHERE expires <= {now_ms} ORDER BY expires"),
                &format!("WHERE row_of.expires <= {now_ms}"),
            )
            .into(),
            delete_oldest: delete("ORDER BY stored", "").into(),
        }
    }
}
