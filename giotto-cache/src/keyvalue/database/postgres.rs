//! PostgreSQL: the calls in its dialect of SQL.
//!
//! The last step of a lookup. The table is UNLOGGED: it is written without a log, and empty after a crash
//! of the server, which a cache may be.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Postgres, Row as _};

use super::call::{Call, Key, Reply, Row, Slice};
use super::server::{self, Dialect};
use super::{Opener, Table, url, without_user};
use crate::Result;

/// By the server's clock, at the beginning of the statement.
const NOW_MS: &str = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint";
const NOW_US: &str = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint";

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

struct Sql {
    create: String,
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

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// Binds values as one session wants them.
#[derive(Clone, Copy)]
struct Binder {
    is_kept: bool,
    is_unicode: bool,
}

impl Binder {
    fn query<'q>(self, sql: &Arc<str>) -> PgQuery<'q> {
        sqlx::query(AssertSqlSafe(Arc::clone(sql))).persistent(self.is_kept)
    }

    fn key<'q>(self, sql: &Arc<str>, key: &'q Key) -> PgQuery<'q> {
        self.query(sql)
            .bind(&key.digest[..])
            .bind(self.text(&key.text))
    }

    fn row<'q>(self, sql: &Arc<str>, row: &'q Row) -> PgQuery<'q> {
        self.key(sql, &row.key)
            .bind(&row.value[..])
            .bind(row.size_column())
            .bind(row.lifetime_ms)
    }

    fn slice<'q>(self, sql: &Arc<str>, slice: &'q Slice) -> PgQuery<'q> {
        self.query(sql).bind(&slice.low[..]).bind(&slice.high[..])
    }

    async fn get_many(
        self,
        sql: &Arc<str>,
        keys: &[Key],
        longest: i64,
        client: &mut PgConnection,
    ) -> sqlx::Result<Reply> {
        let digests: Vec<_> = keys.iter().map(|key| &key.digest[..]).collect();
        let texts: Vec<_> = keys.iter().map(|key| self.text(&key.text)).collect();
        let longest_key = texts
            .iter()
            .map(|text| text.len())
            .max()
            .unwrap_or_default();
        let query = self
            .query(sql)
            .bind(digests)
            .bind(longest)
            .bind(longest_key as i64);
        let mut found = HashMap::new();
        for row in query.fetch_all(client).await? {
            let (text, value): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            found.insert(text, Bytes::from(value));
        }
        let value = |text: Cow<'_, str>| found.get(&*text).cloned();
        Ok(Reply::values(texts.into_iter().map(value).collect()))
    }

    fn text(self, text: &str) -> Cow<'_, str> {
        match self.is_unicode {
            true => without_nul(text),
            false => in_ascii(text),
        }
    }
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

/// The text as a database can hold it whose encoding knows few characters: `\u{4e2d}` for each that is not ASCII,
/// and twice the backslash, so that different keys stay different.
fn in_ascii(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii() && !matches!(character, '\0' | '\\');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(2 * text.len());
    for character in text.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            character if is_plain(character) => written.push(character),
            character => written.extend(character.escape_unicode()),
        }
    }
    Cow::Owned(written)
}

impl Sql {
    fn new(table: &Table) -> Self {
        let index = |suffix| table.index(suffix, '"');
        let (t, expires, stored) = (table.quoted('"'), index("_expires"), index("_stored"));
        let live = format!("(expires IS NULL OR expires > {NOW_MS})");
        // Of one that is too long to be an entry, nothing is read.
        let value = |longest| {
            format!("CASE WHEN octet_length(value) <= {longest} THEN value ELSE ''::bytea END")
        };
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
            ),
            get: format!(
                "SELECT {} FROM {t} WHERE digest = $1 AND key = $2 AND {live}",
                value("$3")
            )
            .into(),
            get_many: format!(
                "SELECT key, {} FROM {t}
                 WHERE digest = ANY ($1) AND octet_length(key) <= $3 AND {live}",
                value("$2")
            )
            .into(),
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
                "DELETE FROM {t} WHERE digest BETWEEN $1 AND $2
                 AND starts_with(key, $3) AND strpos(key, $4) > 0"
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
            (&sql.get, "'', '', 1", "giotto_cache_pkey"),
            (&sql.get_many, "'{}', 1, 1", "giotto_cache_pkey"),
            (&sql.replace, "'', '', '', 0, 0, ''", "giotto_cache_pkey"),
            (&sql.delete, "'', ''", "giotto_cache_pkey"),
            (&sql.delete_if, "'', '', ''", "giotto_cache_pkey"),
            (&sql.clear, "'', '', '', ''", "giotto_cache_pkey"),
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

    #[test]
    fn keys_with_nul_stay_readable_and_different() {
        assert_eq!(without_nul("{'x': 12}"), "{'x': 12}");
        assert_eq!(without_nul("a\0b"), "a\u{2400}0b");
        assert_eq!(without_nul("a\u{2400}b"), "a\u{2400}\u{2400}b");
        assert_ne!(without_nul("\u{2400}\0"), without_nul("\0\u{2400}"));
    }

    #[test]
    fn keys_in_a_database_of_few_characters_stay_different() {
        assert_eq!(in_ascii("{'x': 12}"), "{'x': 12}");
        assert_eq!(in_ascii("中\0"), "\\u{4e2d}\\u{0}");
        assert_eq!(in_ascii("\\u{4e2d}"), "\\\\u{4e2d}");
        assert_ne!(in_ascii("\\中"), in_ascii("\\\\u{4e2d}"));
        // What contains a part still does.
        assert!(in_ascii("{'x': '中é'}(squared)(text/html)").contains(&*in_ascii("é'}(squared)(")));
    }
}
