//! MySQL and MariaDB: the calls in their dialect of SQL.
//!
//! The last step of a lookup. Both are meant wherever one is named. The statements are in `sql.rs`.

mod sql;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlDatabaseError, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, MySql, MySqlConnection, Row as _};

use super::call::{Call, Found, Key, Reply, Row};
use super::engine::Opener;
use super::server::dialect::Dialect;
use super::server::failure::Failure;
use super::server::statement::{Returns, Statement, Statements, Value};
use super::server::{self, url};
use super::url::without_user;
use crate::error::Result;
use sql::{GetMany, Sql};

/// What the statements rely on, whatever the server or the user has as a default: each is committed by itself and may
/// write, all rows are read and deleted that are asked for, nothing is cut to fit, and no statement waits for a lock
/// longer than a caller waits for the statement. The comments are read by MariaDB and by MySQL only.
const SESSION: &str = "SET SESSION autocommit = 1, \
    sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
    sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_big_selects = 1, \
    innodb_lock_wait_timeout = 1, lock_wait_timeout = 1 \
    /*M!100101 , max_statement_time = 1 */ /*!50708 , max_execution_time = 1000 */; \
    SET SESSION TRANSACTION READ WRITE";

/// No statement locks the gaps between the rows that it reads. A server whose log has statements in it, not rows,
/// refuses writes at that level.
const READ_COMMITTED: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
const REPEATABLE_READ: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

const VARIABLES: &str = "SHOW SESSION VARIABLES
    WHERE Variable_name IN ('max_allowed_packet', 'log_bin', 'binlog_format')";

/// What a URL may have after the question mark.
const PARAMETERS: [&str; 14] = [
    "ssl-mode",
    "sslmode",
    "ssl-ca",
    "sslca",
    "ssl-cert",
    "sslcert",
    "ssl-key",
    "sslkey",
    "charset",
    "collation",
    "statement-cache-capacity",
    "socket",
    "timezone",
    "time-zone",
];

/// What every server takes in one statement.
const LEAST_PACKET: u64 = 1 << 20;

struct MySqlDialect {
    options: MySqlConnectOptions,
    sql: Sql,
}

struct Connection {
    client: MySqlConnection,
    /// One byte more in a statement, and the server closes the connection.
    max_allowed_packet: u64,
}

pub(super) fn opener(url: &str) -> Result<(Opener, Option<usize>)> {
    let (checked, connections) = url::check(url, &PARAMETERS)?;
    let options: MySqlConnectOptions = checked.parse().map_err(|error| server::bad_url(&error))?;
    let options = options.disable_statement_logging();
    let opener = server::opener(without_user(url), move |table| MySqlDialect {
        options: options.clone(),
        sql: Sql::new(table),
    });
    Ok((opener, connections))
}

impl Dialect for MySqlDialect {
    type Connection = Connection;

    const QUOTE: char = '`';

    async fn connect(&self) -> sqlx::Result<Connection> {
        let mut client = self.options.connect().await?;
        raw(&mut client, SESSION).await?;
        let mut variables = HashMap::new();
        for row in sqlx::raw_sql(VARIABLES).fetch_all(&mut client).await? {
            let (name, value): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            variables.insert(name, value);
        }
        let is = |name, wanted| variables.get(name).is_some_and(|value| value == wanted);
        let logs_statements = is("log_bin", "ON") && is("binlog_format", "STATEMENT");
        let isolation = match logs_statements {
            true => REPEATABLE_READ,
            false => READ_COMMITTED,
        };
        raw(&mut client, isolation).await?;
        let max_allowed_packet = variables.get("max_allowed_packet");
        Ok(Connection {
            client,
            max_allowed_packet: max_allowed_packet
                .and_then(|bytes| bytes.parse().ok())
                .unwrap_or(LEAST_PACKET),
        })
    }

    fn largest(connection: &Connection) -> u64 {
        connection.max_allowed_packet
    }

    /// Most of MySQL's errors have a state that says nothing, or one that is the same for different things.
    fn failure(error: &dyn DatabaseError) -> Option<Failure> {
        let error = error.try_downcast_ref::<MySqlDatabaseError>()?;
        match error.number() {
            // Of the server, of the user, of the user's hour.
            1040 | 1203 | 1226 => Some(Failure::NoConnection),
            // Shut down, killed, idle for too long; a prepared statement that a proxy does not know or that is old.
            1053 | 1079 | 1927 | 3169 | 4031 | 1243 | 1615 => Some(Failure::Lost),
            // Read-only: it may have been replaced by another server of the same address.
            1290 | 1836 => Some(Failure::Lost),
            // Of a database, a table, a column, a function.
            1044 | 1142 | 1143 | 1227 | 1370 => Some(Failure::Denied),
            // Larger than max_allowed_packet.
            1153 => Some(Failure::TooLarge),
            // A value that a column or a check does not take, or that a trigger refuses.
            1118 | 1264 | 1265 | 1267 | 1270 | 1292 | 1300 | 1301 | 1364 | 1366 | 1406 | 1411
            | 3819 | 4025 => Some(Failure::Request),
            _ => None,
        }
    }

    fn statements(&self) -> &Statements {
        &self.sql.common
    }

    async fn run(&self, connection: &mut Connection, call: &Call) -> sqlx::Result<Reply> {
        let (sql, client) = (&self.sql, &mut connection.client);
        match call {
            Call::GetMany(keys, longest) => get_many(client, keys, *longest, &sql.get_many).await,
            Call::Add(row) => self.add(client, call, row).await,
            Call::DeleteExpired(limit) => {
                delete(client, query(&sql.expired).bind(limit), &sql.delete_expired).await
            }
            Call::DeleteOldest(limit) => {
                delete(client, query(&sql.oldest).bind(limit), &sql.delete_chosen).await
            }
            call => self.run_one(client, call).await,
        }
    }

    async fn execute(&self, connection: &mut Connection, sql: String) -> sqlx::Result<()> {
        raw(&mut connection.client, sql).await
    }
}

/// A row of a scan. One whose key is no text was not chosen.
fn found(row: &MySqlRow) -> sqlx::Result<Found> {
    let (key, head): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.try_get(1)?, row.try_get(3)?);
    let key = key.and_then(|key| String::from_utf8(key).ok());
    let bytes: i64 = row.try_get(2)?;
    Ok(Found {
        digest: row.try_get(0)?,
        chosen: key.zip(head.map(Bytes::from)),
        bytes: u64::try_from(bytes).unwrap_or(0),
    })
}

async fn raw(client: &mut MySqlConnection, sql: impl Into<String>) -> sqlx::Result<()> {
    let sql = AssertSqlSafe(sql.into());
    sqlx::raw_sql(sql).execute(client).await.map(drop)
}

impl MySqlDialect {
    /// Carries out a call that is one statement.
    async fn run_one(&self, client: &mut MySqlConnection, call: &Call) -> sqlx::Result<Reply> {
        let Some(statement) = self.sql.common.statement(call, Cow::Borrowed) else {
            return Ok(Reply::default());
        };
        let returns = statement.returns;
        let query = bound(statement);
        Ok(match returns {
            Returns::Changed => Reply::rows(query.execute(client).await?.rows_affected()),
            Returns::Value => {
                let row = query.fetch_optional(client).await?;
                let value: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
                Reply::value(value)
            }
            Returns::Size => {
                let row = query.fetch_one(client).await?;
                Reply::size(row.try_get(0)?, row.try_get(1)?)
            }
            Returns::Found => {
                let rows = query.fetch_all(client).await?;
                Reply::found(rows.iter().map(found).collect::<sqlx::Result<_>>()?)
            }
        })
    }

    /// A row that is in the way and dead is removed first. The insert alone decides which caller adds: one statement
    /// for both cannot say afterwards which it was.
    async fn add(
        &self,
        client: &mut MySqlConnection,
        add: &Call,
        row: &Row,
    ) -> sqlx::Result<Reply> {
        let added = self.run_one(client, add).await?;
        if added.rows > 0 {
            return Ok(added);
        }
        let delete_dead = query(&self.sql.delete_dead).bind(&row.key.digest[..]);
        let delete_dead = delete_dead.bind(row.key.text.as_bytes());
        match delete_dead.execute(&mut *client).await?.rows_affected() {
            0 => Ok(added),
            _ => self.run_one(client, add).await,
        }
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
    longest: i64,
    statement: &GetMany,
) -> sqlx::Result<Reply> {
    let digests: Vec<_> = keys.iter().map(|key| key.digest).collect();
    let longest_key = keys.iter().map(|key| key.text.len()).max();
    let statement = statement.bounded(longest, longest_key.unwrap_or_default());
    let select = sqlx::raw_sql(with_digests(&statement, &digests));
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

fn query<'q>(sql: &Arc<str>) -> Query<'q, MySql, MySqlArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

fn bound<'q>(statement: Statement<'q>) -> Query<'q, MySql, MySqlArguments> {
    let bind = |query: Query<'q, MySql, MySqlArguments>, value| match value {
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Text(Cow::Borrowed(text)) => query.bind(text.as_bytes()),
        Value::Text(Cow::Owned(text)) => query.bind(text.into_bytes()),
        Value::Number(number) => query.bind(number),
        Value::NumberOrNull(number) => query.bind(number),
    };
    statement
        .values
        .into_iter()
        .fold(query(statement.sql), bind)
}
