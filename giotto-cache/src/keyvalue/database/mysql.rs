//! MySQL and MariaDB: the calls in their dialect of SQL.
//!
//! The last step of a lookup. Both are meant wherever one is named.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, MySql, MySqlConnection, Row as _};

use super::call::{Call, Key, Reply, Row};
use super::server::{self, Dialect};
use super::{Opener, Table, without_user};
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
    replace: Arc<str>,
    delete_dead: Arc<str>,
    delete: Arc<str>,
    delete_if: Arc<str>,
    clear: Arc<str>,
    measure: Arc<str>,
    expired: Arc<str>,
    oldest: Arc<str>,
    /// Without the list of digests that ends it, as are the next two.
    get_many: String,
    delete_expired: String,
    delete_chosen: String,
}

struct Connection {
    client: MySqlConnection,
    /// One byte more in a statement, and the server closes the connection.
    max_allowed_packet: u64,
}

pub(super) fn opener(url: &str) -> Result<Opener> {
    let options: MySqlConnectOptions = url.parse().map_err(|error| server::bad_url(&error))?;
    let options = options.disable_statement_logging();
    Ok(server::opener(without_user(url), move |table| {
        MySqlDialect {
            options: options.clone(),
            sql: Sql::new(table),
        }
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

    /// The server ends one of two statements that wait for each other, and wants it sent again.
    async fn run(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Reply> {
        let mut tries = 1;
        loop {
            match self.run_once(&mut connection.client, call).await {
                Err(error) if tries < 3 && is_deadlock(&error) => tries += 1,
                result => return result,
            }
        }
    }
}

impl MySqlDialect {
    async fn run_once(&self, client: &mut MySqlConnection, call: &Call) -> sqlx::Result<Reply> {
        let sql = &self.sql;
        let query = match call {
            Call::Get(key) => {
                let row = by_key(&sql.get, key).fetch_optional(client).await?;
                let value: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
                return Ok(Reply::value(value));
            }
            Call::GetMany(keys) => return get_many(client, keys, &sql.get_many).await,
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
            Call::Replace(row, old) => query(&sql.replace)
                .bind(&row.value[..])
                .bind(row.size_column())
                .bind(row.lifetime_ms)
                .bind(&row.key.digest[..])
                .bind(row.key.text.as_bytes())
                .bind(&old[..]),
            Call::Delete(key) => by_key(&sql.delete, key),
            Call::DeleteIf(key, old) => by_key(&sql.delete_if, key).bind(&old[..]),
            Call::Clear(prefix, slice) => query(&sql.clear)
                .bind(&slice.low[..])
                .bind(&slice.high[..])
                .bind(prefix.len() as u64)
                .bind(prefix.as_bytes()),
            Call::DeleteExpired(limit) => {
                let chosen = query(&sql.expired).bind(limit);
                return delete(client, chosen, &sql.delete_expired).await;
            }
            Call::DeleteOldest(limit) => {
                let chosen = query(&sql.oldest).bind(limit);
                return delete(client, chosen, &sql.delete_chosen).await;
            }
        };
        Ok(Reply::rows(query.execute(client).await?.rows_affected()))
    }

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

/// Deletes the `chosen` rows. They are chosen without a lock, and locked in the order of the primary key, as
/// by everybody: a statement that does both locks one index after the other, and meets writers head-on.
async fn delete(
    client: &mut MySqlConnection,
    chosen: Query<'_, MySql, MySqlArguments>,
    statement: &str,
) -> sqlx::Result<Reply> {
    let mut digests = Vec::new();
    for row in chosen.fetch_all(&mut *client).await? {
        let digest: Vec<u8> = row.try_get(0)?;
        digests.push(digest);
    }
    if digests.is_empty() {
        return Ok(Reply::default());
    }
    digests.sort_unstable();
    let delete = with_digests(statement, &digests);
    let done = sqlx::raw_sql(delete).execute(client).await?;
    Ok(Reply::rows(done.rows_affected()))
}

async fn get_many(
    client: &mut MySqlConnection,
    keys: &[Key],
    statement: &str,
) -> sqlx::Result<Reply> {
    let digests: Vec<_> = keys.iter().map(|key| key.digest).collect();
    let select = sqlx::raw_sql(with_digests(statement, &digests));
    let mut found = HashMap::new();
    for row in select.fetch_all(client).await? {
        let (text, value): (Vec<u8>, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        found.insert(text, Bytes::from(value));
    }
    let value = |key: &Key| found.get(key.text.as_bytes()).cloned();
    Ok(Reply::values(keys.iter().map(value).collect()))
}

/// `statement` and the list of `digests`, of which there is at least one.
fn with_digests(statement: &str, digests: &[impl AsRef<[u8]>]) -> AssertSqlSafe<String> {
    let mut sql = statement.to_owned();
    for (number, digest) in digests.iter().enumerate() {
        sql.push_str(if number == 0 { "(x'" } else { "', x'" });
        sql.extend(digest.as_ref().iter().map(|byte| format!("{byte:02x}")));
    }
    sql.push_str("')");
    AssertSqlSafe(sql)
}

fn is_deadlock(error: &sqlx::Error) -> bool {
    let state = error.as_database_error().and_then(|error| error.code());
    state.as_deref() == Some("40001")
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
        let delete = format!("DELETE FROM {t} WHERE digest = ? AND {key} = ? AND {live}");
        let insert = format!(
            "INTO {t} (digest, `key`, value, size, stored, expires)
             VALUES (?, ?, ?, ?, {NOW_US}, {now_ms} + ?)"
        );
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
            replace: format!(
                "UPDATE {t} SET value = ?, size = ?, stored = {NOW_US}, expires = {now_ms} + ?
                 WHERE digest = ? AND {key} = ? AND {live} AND value = ?"
            )
            .into(),
            delete_dead: format!(
                "DELETE FROM {t} WHERE digest = ? AND ({key} <> ? OR expires <= {now_ms})"
            )
            .into(),
            delete_if: format!("{delete} AND value = ?").into(),
            delete: delete.into(),
            get_many: format!("SELECT {key}, value FROM {t} WHERE {live} AND digest IN "),
            clear: format!(
                "DELETE FROM {t} WHERE digest BETWEEN ? AND ? AND LEFT({key}, ?) = ?"
            )
            .into(),
            measure: format!(
                "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS SIGNED) FROM {t}
                 WHERE digest BETWEEN ? AND ?"
            )
            .into(),
            expired: format!(
                "SELECT digest FROM {t} WHERE expires <= {now_ms} ORDER BY expires LIMIT ?"
            )
            .into(),
            oldest: format!("SELECT digest FROM {t} ORDER BY stored LIMIT ?").into(),
            delete_expired: format!("DELETE FROM {t} WHERE expires <= {now_ms} AND digest IN "),
            delete_chosen: format!("DELETE FROM {t} WHERE digest IN "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_looks_at_rows_that_it_does_not_want() {
        let server = test_servers::MariaDb::start();
        let sql = Sql::new(&Table::default());
        server.sql(&sql.create);
        server.sql(
            "INSERT INTO giotto_cache (digest, `key`, value, size, stored, expires)
             SELECT UNHEX(MD5(seq)), seq, '', 1, seq, seq * 1000000000 FROM seq_1_to_5000",
        );
        server.sql("ANALYZE TABLE giotto_cache");
        let (low, high) = (
            "x'00000000000000000000000000000000'",
            "x'01000000000000000000000000000000'",
        );
        let [many, expired, chosen] = [&sql.get_many, &sql.delete_expired, &sql.delete_chosen]
            .map(|sql| Arc::from(format!("{sql} ({low})")));
        for (sql, values, index) in [
            (&sql.get, &[low, "'key'"][..], "PRIMARY"),
            (&many, &[], "PRIMARY"),
            (
                &sql.replace,
                &["''", "0", "NULL", low, "'key'", "''"],
                "PRIMARY",
            ),
            (&sql.delete, &[low, "'key'"], "PRIMARY"),
            (&sql.delete_if, &[low, "'key'", "''"], "PRIMARY"),
            (&sql.delete_dead, &[low, "'key'"], "PRIMARY"),
            (&sql.clear, &[low, high, "1", "'{'"], "PRIMARY"),
            (&sql.measure, &[low, high], "PRIMARY"),
            (&sql.expired, &["10"], "expires"),
            (&sql.oldest, &["10"], "stored"),
            (&expired, &[], "PRIMARY"),
            (&chosen, &[], "PRIMARY"),
        ] {
            let bound = values
                .iter()
                .fold(sql.to_string(), |sql, value| sql.replacen('?', value, 1));
            let plan = server.sql(&format!("EXPLAIN {bound}"));
            // Where the value of a primary key is not there, the plan ends before it begins.
            let is_found = plan.split('\t').nth(5) == Some(index);
            assert!(is_found || plan.contains("Impossible"), "{bound}: {plan}");
        }
    }
}
