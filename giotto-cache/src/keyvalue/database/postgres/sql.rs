//! What PostgreSQL is told, with the name of the table in it.
//!
//! Each statement finds its rows by an index. The table is UNLOGGED: it is written without a log, and empty after a
//! crash of the server, which a cache may be.

use std::sync::Arc;

use crate::keyvalue::database::call::{BESIDE_KEY, LONGEST_KEY, RECORD};
use crate::keyvalue::database::server::statement::Statements;
use crate::keyvalue::database::table::Table;

/// By the server's clock, at the beginning of the statement.
const NOW_MS: &str = "(extract(epoch FROM statement_timestamp()) * 1000)::bigint";
const NOW_US: &str = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint";

pub(super) struct Sql {
    pub(super) common: Statements,
    pub(super) get_many: Arc<str>,
    pub(super) delete_expired: Arc<str>,
    pub(super) delete_oldest: Arc<str>,
}

impl Sql {
    /// A table of statements.
    pub(super) fn new(table: &Table) -> Self {
        let index = |suffix| table.index(suffix, '"');
        let (t, expires, stored) = (table.quoted('"'), index("_expires"), index("_stored"));
        let live = format!("(expires IS NULL OR expires > {NOW_MS})");
        // Of one that is too long to be an entry or a record, nothing is read.
        let value = |longest: &str| {
            format!("CASE WHEN octet_length(value) <= {longest} THEN value ELSE ''::bytea END")
        };
        let chosen = format!(
            "octet_length(key) <= {LONGEST_KEY} AND starts_with(key, $1) AND strpos(key, $2) > 0 AND {live}"
        );
        let longest = format!("CASE right(key, 1) WHEN '}}' THEN least($1, {RECORD}) ELSE $1 END");
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
        let common = Statements {
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
                "SELECT {} FROM {t} WHERE digest = $2 AND key = $3 AND {live}",
                value("$1")
            )
            .into(),
            add: format!("{set} WHERE old.expires <= {NOW_MS} OR old.key <> excluded.key").into(),
            set: set.into(),
            replace: format!(
                "UPDATE {t} SET value = $1, size = $2, stored = {NOW_US}, expires = {NOW_MS} + $3
                 WHERE digest = $4 AND key = $5 AND {live} AND value = $6"
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
            now: format!("SELECT {NOW_MS}, 0::bigint").into(),
            scan: format!(
                "SELECT digest, CASE WHEN {chosen} THEN key END, octet_length(value)::bigint,
                 CASE WHEN {chosen} THEN substring(value FROM 1 FOR octet_length(key) + {BESIDE_KEY}) END
                 FROM {t} WHERE digest > $3 AND octet_length(digest) = 16 ORDER BY digest LIMIT $4"
            )
            .into(),
        };
        Self {
            common,
            get_many: format!(
                "SELECT key, {} FROM {t}
                 WHERE digest = ANY ($3) AND octet_length(key) <= $2 AND {live}",
                value(&longest)
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
        let common = &sql.common;
        server.sql(&common.create);
        for (sql, values, index) in [
            (&common.get, "1, '', ''", "giotto_cache_pkey"),
            (&sql.get_many, "1, 1, '{}'", "giotto_cache_pkey"),
            (&common.replace, "'', 0, 0, '', '', ''", "giotto_cache_pkey"),
            (&common.delete, "'', ''", "giotto_cache_pkey"),
            (&common.delete_if, "'', '', ''", "giotto_cache_pkey"),
            (&common.clear, "'', '', '', ''", "giotto_cache_pkey"),
            (&common.measure, "'', ''", "giotto_cache_pkey"),
            (&common.scan, "'', '', '', 10", "giotto_cache_pkey"),
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
}
