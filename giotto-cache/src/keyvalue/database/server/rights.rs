//! The rights that the user of a database needs, found out by statements that change nothing.
//!
//! No step of a lookup: `syncdb` asks.

use super::dialect::Dialect;
use super::failure::{self, Failure};
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::database::call::Reply;
use crate::keyvalue::database::table::Table;

/// Creates the table and its indexes if they are missing.
///
/// Looks first: a user with the rights to use a table that is there needs none to create it.
pub(super) async fn create<D: Dialect>(
    dialect: &D,
    connection: &mut D::Connection,
    place: &str,
    table: &Table,
) -> sqlx::Result<Result<Reply>> {
    let failure = |error: &sqlx::Error| failure::of(error, D::failure);
    let (mut is_there, mut lacking) = (true, Vec::new());
    for (right, probe) in probes(table, D::QUOTE) {
        match dialect.execute(connection, probe).await {
            Ok(()) => {}
            Err(error) => match failure(&error) {
                Failure::NoTable => is_there = false,
                Failure::Denied => lacking.push(right),
                _ => return Err(error),
            },
        }
    }
    if is_there && !lacking.is_empty() {
        let message = missing(place, table, D::QUOTE, &lacking);
        return Ok(Err(Error::new(ErrorKind::Backend, message)));
    }
    let create = dialect.statements().create.clone();
    match dialect.execute(connection, create).await {
        Err(error) if failure(&error) == Failure::Denied => {
            if is_there {
                return Ok(Ok(Reply::default()));
            }
            let message = no_create(place, table, &error);
            Ok(Err(Error::new(ErrorKind::Backend, message)))
        }
        result => result.map(|()| Ok(Reply::default())),
    }
}

/// Each right on the table, and a statement that needs it and touches no row.
fn probes(table: &Table, quote: char) -> [(&'static str, String); 4] {
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

fn missing(place: &str, table: &Table, quote: char, rights: &[&str]) -> String {
    let (t, rights) = (table.quoted(quote), rights.join(", "));
    format!(
        "the cache database at {place}: the user of the URL lacks {rights} on the table {:?}: \
         run GRANT {rights} ON {t} TO that user",
        table.name()
    )
}

fn no_create(place: &str, table: &Table, error: &sqlx::Error) -> String {
    format!(
        "the cache database at {place}: the table {:?} does not exist, and the user of the URL lacks the right CREATE: \
         {error}; grant it, or run mgt/syncdb once as a user who has it and GRANT SELECT, INSERT, UPDATE, DELETE",
        table.name()
    )
}
