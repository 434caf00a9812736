//! What MySQL and MariaDB are told, with the name of the table in it.
//!
//! Each statement finds its rows by an index.

use std::sync::Arc;

use crate::keyvalue::database::call::{BESIDE_KEY, LONGEST_KEY, RECORD};
use crate::keyvalue::database::server::statement::Statements;
use crate::keyvalue::database::table::Table;

/// By the server's clock, at the beginning of the statement; `UNIX_TIMESTAMP` ends in 2038 on some.
const NOW_US: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

pub(super) struct Sql {
    /// Its `add` adds nothing where a dead row is in the way.
    pub(super) common: Statements,
    pub(super) delete_dead: Arc<str>,
    pub(super) expired: Arc<str>,
    pub(super) oldest: Arc<str>,
    pub(super) get_many: GetMany,
    /// Without the list of digests that ends it, as is the next one.
    pub(super) delete_expired: String,
    pub(super) delete_chosen: String,
}

/// Without the longest values, the longest key and the list of digests that end its two parts.
pub(super) struct GetMany(String, String);

impl GetMany {
    pub(super) fn bounded(&self, longest: i64, longest_key: usize) -> String {
        let record = longest.min(RECORD);
        let Self(select, from) = self;
        format!("{select}{record}, {longest}{from}{longest_key} AND digest IN ")
    }
}

impl Sql {
    /// A table of statements.
    pub(super) fn new(table: &Table) -> Self {
        let t = table.quoted('`');
        let now_ms = format!("{NOW_US} DIV 1000");
        let live = format!("(expires IS NULL OR expires > {now_ms})");
        // As bytes: every collation of texts takes some different keys for equal.
        let key = "CAST(`key` AS BINARY)";
        let is_short = format!("LENGTH(`key`) <= {LONGEST_KEY}");
        let delete = format!("DELETE FROM {t} WHERE digest = ? AND {key} = ? AND {live}");
        let insert = format!(
            "INTO {t} (digest, `key`, value, size, stored, expires)
             VALUES (?, ?, ?, ?, {NOW_US}, {now_ms} + ?)"
        );
        let common = Statements {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {t} (
                     `key` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, expires BIGINT,
                     stored BIGINT NOT NULL, size BIGINT NOT NULL, digest BINARY(16) PRIMARY KEY,
                     value LONGBLOB NOT NULL, INDEX expires (expires), INDEX stored (stored)
                 ) ENGINE = InnoDB"
            ),
            // Of a value that is too long to be an entry, nothing is read.
            get: format!(
                "SELECT IF(LENGTH(value) <= ?, value, x'') FROM {t}
                 WHERE digest = ? AND {key} = ? AND {live}"
            )
            .into(),
            set: format!(
                "INSERT {insert} ON DUPLICATE KEY UPDATE `key` = VALUES(`key`), value = VALUES(value),
                 size = VALUES(size), stored = VALUES(stored), expires = VALUES(expires)"
            )
            .into(),
            add: format!("INSERT IGNORE {insert}").into(),
            replace: format!(
                "UPDATE {t} SET value = ?, size = ?, stored = {NOW_US}, expires = {now_ms} + ?
                 WHERE digest = ? AND {key} = ? AND {live} AND value = ?"
            )
            .into(),
            delete_if: format!("{delete} AND value = ?").into(),
            delete: delete.into(),
            clear: format!(
                "DELETE FROM {t} WHERE digest BETWEEN ? AND ?
                 AND LOCATE(?, {key}) = 1 AND LOCATE(?, {key}) > 0"
            )
            .into(),
            measure: format!(
                "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS SIGNED) FROM {t}
                 WHERE digest BETWEEN ? AND ?"
            )
            .into(),
            now: format!("SELECT CAST({now_ms} AS SIGNED), 0").into(),
            // The text of the key is compared again by the caller.
            scan: format!(
                "SELECT digest, IF({is_short}, {key}, NULL), CAST(LENGTH(value) AS SIGNED),
                 IF({is_short} AND LOCATE(?, {key}) = 1 AND LOCATE(?, {key}) > 0 AND {live},
                    SUBSTRING(value, 1, LENGTH(`key`) + {BESIDE_KEY}), NULL)
                 FROM {t} WHERE digest > ? ORDER BY digest LIMIT ?"
            )
            .into(),
        };
        Self {
            common,
            delete_dead: format!(
                "DELETE FROM {t} WHERE digest = ? AND ({key} <> ? OR expires <= {now_ms})"
            )
            .into(),
            get_many: GetMany(
                format!("SELECT {key}, IF(LENGTH(value) <= IF(RIGHT({key}, 1) = '}}', "),
                format!("), value, x'') FROM {t} WHERE {live} AND LENGTH(`key`) <= "),
            ),
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
        let common = &sql.common;
        server.sql(&common.create);
        server.sql(
            "INSERT INTO giotto_cache (digest, `key`, value, size, stored, expires)
             SELECT UNHEX(MD5(seq)), seq, '', 1, seq, seq * 1000000000 FROM seq_1_to_5000",
        );
        server.sql("ANALYZE TABLE giotto_cache");
        let (low, high) = (
            "x'00000000000000000000000000000000'",
            "x'01000000000000000000000000000000'",
        );
        let many = sql.get_many.bounded(1, 1);
        let [many, expired, chosen] = [&many, &sql.delete_expired, &sql.delete_chosen]
            .map(|sql| Arc::from(format!("{sql} ({low})")));
        for (sql, values, index) in [
            (&common.get, &["1", low, "'key'"][..], "PRIMARY"),
            (&many, &[], "PRIMARY"),
            (
                &common.replace,
                &["''", "0", "NULL", low, "'key'", "''"],
                "PRIMARY",
            ),
            (&common.delete, &[low, "'key'"], "PRIMARY"),
            (&common.delete_if, &[low, "'key'", "''"], "PRIMARY"),
            (&sql.delete_dead, &[low, "'key'"], "PRIMARY"),
            (&common.clear, &[low, high, "'{'", "'a'"], "PRIMARY"),
            (&common.measure, &[low, high], "PRIMARY"),
            (&common.scan, &["'{'", "'a'", low, "10"], "PRIMARY"),
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
