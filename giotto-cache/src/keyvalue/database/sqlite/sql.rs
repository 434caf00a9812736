//! The statements of SQLite with the name of the table in them, and how they are given their values.
//!
//! Each statement but one finds its rows by an index.
//!
//! The file has no clock of its own. A row that ends and was stored later than now was stored before the wall clock was set
//! back, so that its age is unknown: it would live on once the clock has caught up. Such rows are deleted, and block no `add`.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use crate::keyvalue::database::call::{Call, Chosen, Found, Key, LONGEST_KEY, RECORD, Reply, Row};
use crate::keyvalue::database::table::Table;
use crate::keyvalue::longest::is_record;
use crate::keyvalue::scan::head_of;

/// How much the clocks of two processes of one machine may differ.
const SKEW_US: i64 = 1_000_000;

pub(super) struct Sql {
    pub(super) create: String,
    pub(super) get: String,
    pub(super) set: String,
    pub(super) add: String,
    pub(super) replace: String,
    pub(super) delete: String,
    pub(super) delete_if: String,
    pub(super) clear: String,
    pub(super) measure: String,
    pub(super) scan: String,
    /// The table, without quotes.
    pub(super) name: String,
    pub(super) delete_expired: String,
    pub(super) latest: String,
    pub(super) delete_from_the_future: String,
    pub(super) delete_oldest: String,
}

pub(super) fn get(
    connection: &Connection,
    sql: &str,
    digest: &[u8; 16],
    text: &str,
    now_ms: i64,
    longest: i64,
) -> rusqlite::Result<Option<Bytes>> {
    connection
        .prepare_cached(sql)?
        .query_row(params![digest, text, now_ms, longest], |row| {
            Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_bytes()?))
        })
        .optional()
}

impl Sql {
    /// A table of statements.
    pub(super) fn new(table: &Table) -> Self {
        let index = |suffix| table.index(suffix, '"');
        let (t, expires, stored) = (table.quoted('"'), index("_expires"), index("_stored"));
        let live = "(expires IS NULL OR expires > ?3)";
        let delete = format!("DELETE FROM {t} WHERE digest = ?1 AND key = ?2 AND {live}");
        // One of another length is not read either.
        let is = |old| {
            format!("CASE octet_length(value) WHEN octet_length({old}) THEN value = {old} END")
        };
        let insert = format!(
            "INSERT INTO {t} (digest, key, value, size, stored, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?5 / 1000 + ?6)
             ON CONFLICT (digest) DO UPDATE SET key = excluded.key, value = excluded.value,
             size = excluded.size, stored = excluded.stored, expires = excluded.expires"
        );
        Self {
            // Values come last: what stands in front of them is read without them.
            create: format!(
                "CREATE TABLE IF NOT EXISTS {t} (
                     key TEXT NOT NULL, expires INTEGER, stored INTEGER NOT NULL, size INTEGER NOT NULL,
                     digest BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL
                 );
                 CREATE INDEX IF NOT EXISTS {expires} ON {t} (expires) WHERE expires IS NOT NULL;
                 CREATE INDEX IF NOT EXISTS {stored} ON {t} (stored);"
            ),
            // Of a value that is too long to be an entry, nothing is read: its length stands in front of it.
            get: format!(
                "SELECT CASE WHEN octet_length(value) <= ?4 THEN value ELSE x'' END FROM {t}
                 WHERE digest = ?1 AND key = ?2 AND {live}"
            ),
            add: format!(
                "{insert} WHERE expires <= ?5 / 1000 OR key <> excluded.key
                 OR (expires IS NOT NULL AND stored > ?5 + {SKEW_US})"
            ),
            replace: format!(
                "UPDATE {t} SET value = ?3, size = ?4, stored = ?5, expires = ?5 / 1000 + ?6
                 WHERE digest = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?5 / 1000) AND {}",
                is("?7")
            ),
            set: insert,
            delete_if: format!("{delete} AND {}", is("?4")),
            delete,
            clear: format!(
                "DELETE FROM {t} WHERE digest BETWEEN ?1 AND ?2
                 AND instr(key, ?3) = 1 AND instr(key, ?4) > 0"
            ),
            measure: format!(
                "SELECT count(*), coalesce(sum(size), 0) FROM {t} WHERE digest BETWEEN ?1 AND ?2"
            ),
            scan: format!(
                "SELECT digest, rowid, octet_length(value),
                 CASE WHEN octet_length(key) <= {LONGEST_KEY} AND (expires IS NULL OR expires > ?1)
                 AND instr(key, ?2) = 1 AND instr(key, ?3) > 0
                 AND typeof(key) = 'text' AND typeof(value) = 'blob' THEN key END
                 FROM {t} WHERE digest > ?4 AND octet_length(digest) = 16 ORDER BY digest LIMIT ?5"
            ),
            name: table.name(),
            delete_expired: format!(
                "DELETE FROM {t} WHERE rowid IN
                 (SELECT rowid FROM {t} WHERE expires <= ?1 ORDER BY expires LIMIT ?2)"
            ),
            latest: format!("SELECT max(stored) FROM {t}"),
            delete_from_the_future: format!(
                "DELETE FROM {t} WHERE stored > ?1 + {SKEW_US} AND expires IS NOT NULL"
            ),
            delete_oldest: format!(
                "DELETE FROM {t} WHERE rowid IN (SELECT rowid FROM {t} ORDER BY stored LIMIT ?1)"
            ),
        }
    }

    /// Deletes what was stored before the wall clock was set back, all at once: it happens once.
    pub(super) fn delete_from_the_future(
        &self,
        connection: &Connection,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let now_us = now_ms.saturating_mul(1000);
        let deleted = connection
            .prepare_cached(&self.delete_from_the_future)?
            .execute([now_us])?;
        if deleted > 0 {
            tracing::warn!(
                deleted,
                "rows of the cache file were deleted because they were stored later than now: the clock of this machine \
                 was set back; restart the processes that were started before"
            );
        }
        Ok(())
    }

    /// What a scan finds. Of a value, only the pages are read that its beginning is on.
    fn scan(
        &self,
        connection: &Connection,
        Chosen { prefix, part }: &Chosen,
        after: &[u8],
        limit: u32,
        now_ms: i64,
    ) -> rusqlite::Result<Vec<Found>> {
        let mut statement = connection.prepare_cached(&self.scan)?;
        let mut rows = statement.query(params![now_ms, prefix, part, after, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (rowid, bytes): (i64, i64) = (row.get(1)?, row.get(2)?);
            let key: Option<String> = row.get(3)?;
            let chosen = match key {
                None => None,
                Some(key) => {
                    let value = connection.blob_open("main", &*self.name, "value", rowid, true)?;
                    let mut head = vec![0; value.len().min(head_of(key.len()))];
                    value.read_at_exact(&mut head, 0)?;
                    Some((key, head.into()))
                }
            };
            found.push(Found {
                digest: row.get(0)?,
                chosen,
                bytes: u64::try_from(bytes).unwrap_or(0),
            });
        }
        Ok(found)
    }

    /// Carries out `call`, one arm for each.
    pub(super) fn run(
        &self,
        connection: &Connection,
        call: &Call,
        now_ms: i64,
    ) -> rusqlite::Result<Reply> {
        let now_us = now_ms.saturating_mul(1000);
        let change = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let rows = connection.prepare_cached(sql)?.execute(values)?;
            Ok(Reply::rows(rows as u64))
        };
        let write = |sql: &str, row: &Row| {
            let Key { digest, text } = &row.key;
            let (value, size) = (&row.value[..], row.size_column());
            change(
                sql,
                params![digest, text, value, size, now_us, row.lifetime_ms],
            )
        };
        match call {
            Call::Get(Key { digest, text }, longest) => {
                get(connection, &self.get, digest, text, now_ms, *longest).map(Reply::value)
            }
            // A prepared statement for each: nothing is sent anywhere.
            Call::GetMany(keys, longest) => {
                let get = |Key { digest, text }: &Key| {
                    let longest = match is_record(text) {
                        true => RECORD.min(*longest),
                        false => *longest,
                    };
                    get(connection, &self.get, digest, text, now_ms, longest)
                };
                let values: rusqlite::Result<_> = keys.iter().map(get).collect();
                values.map(Reply::values)
            }
            Call::Set(row) => write(&self.set, row),
            Call::Add(row) => write(&self.add, row),
            Call::Replace(row, old) => {
                let Key { digest, text } = &row.key;
                let (value, size, lifetime) = (&row.value[..], row.size_column(), row.lifetime_ms);
                change(
                    &self.replace,
                    params![digest, text, value, size, now_us, lifetime, &old[..]],
                )
            }
            Call::Delete(Key { digest, text }) => {
                change(&self.delete, params![digest, text, now_ms])
            }
            Call::DeleteIf(Key { digest, text }, old) => {
                change(&self.delete_if, params![digest, text, now_ms, &old[..]])
            }
            Call::Clear(Chosen { prefix, part }, slice) => {
                change(&self.clear, params![slice.low, slice.high, prefix, part])
            }
            Call::Scan(chosen, after, limit) => self
                .scan(connection, chosen, after, *limit, now_ms)
                .map(Reply::found),
            Call::Create | Call::Now => Ok(Reply::default()),
            Call::Measure(slice) => connection
                .prepare_cached(&self.measure)?
                .query_row(params![slice.low, slice.high], |row| {
                    Ok(Reply::size(row.get(0)?, row.get(1)?))
                }),
            Call::DeleteExpired(limit) => {
                self.delete_from_the_future(connection, now_ms)?;
                change(&self.delete_expired, params![now_ms, limit])
            }
            Call::DeleteOldest(limit) => change(&self.delete_oldest, params![limit]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_but_clear_looks_at_rows_that_it_does_not_want() {
        let sql = Sql::new(&Table::default());
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&sql.create).unwrap();
        let statements = [
            (&sql.get, "(digest=?)"),
            (&sql.replace, "(digest=?)"),
            (&sql.delete, "(digest=?)"),
            (&sql.delete_if, "(digest=?)"),
            (&sql.clear, "(digest>? AND digest<?)"),
            (&sql.measure, "(digest>? AND digest<?)"),
            (&sql.scan, "(digest>?)"),
            (
                &sql.latest,
                "SEARCH giotto_cache USING COVERING INDEX giotto_cache_stored",
            ),
            (&sql.delete_expired, "giotto_cache_expires (expires<?)"),
            (
                &sql.delete_from_the_future,
                "giotto_cache_stored (stored>?)",
            ),
            (
                &sql.delete_oldest,
                "USING COVERING INDEX giotto_cache_stored",
            ),
        ];
        for (sql, index) in statements {
            let mut plan = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3));
            let steps: Vec<_> = steps.map(Result::unwrap).collect();
            assert!(
                steps.iter().any(|step| step.contains(index)),
                "{sql}: {steps:?}"
            );
            assert!(
                !steps.iter().any(|step| step == "SCAN giotto_cache"),
                "{sql}: {steps:?}"
            );
        }
    }
}
