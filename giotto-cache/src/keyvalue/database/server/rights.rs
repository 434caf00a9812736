//! The rights that the user of a database needs, found out by statements that change nothing.
//!
//! No step of a lookup: `syncdb` asks.

use crate::keyvalue::database::table::Table;

/// Each right on the table, and a statement that needs it and touches no row.
pub(super) fn probes(table: &Table, quote: char) -> [(&'static str, String); 4] {
    let t = table.quoted(quote);
    let columns = ["digest", "key", "value", "size", "stored", "expires"]
        .map(|column| format!("{quote}{column}{quote}"))
        .join(", ");
    [
        ("SELECT", format!("SELECT {columns} FROM {t} WHERE 1 = 0")),
        (
            "INSERT",
            format!("INSERT INTO {t} ({columns}) SELECT {columns} FROM {t} WHERE 1 = 0"),
        ),
        ("UPDATE", format!("UPDATE {t} SET stored = 0 WHERE 1 = 0")),
        ("DELETE", format!("DELETE FROM {t} WHERE 1 = 0")),
    ]
}

pub(super) fn missing(place: &str, table: &Table, quote: char, rights: &[&str]) -> String {
    let (t, rights) = (table.quoted(quote), rights.join(", "));
    format!(
        "the cache database at {place}: the user of the URL lacks {rights} on the table {:?}: \
         run GRANT {rights} ON {t} TO that user",
        table.name()
    )
}

pub(super) fn no_create(place: &str, table: &Table, error: &sqlx::Error) -> String {
    format!(
        "the cache database at {place}: the table {:?} does not exist, and the user of the URL lacks the right CREATE: \
         {error}; grant it, or run mgt/syncdb once as a user who has it and GRANT SELECT, INSERT, UPDATE, DELETE",
        table.name()
    )
}
