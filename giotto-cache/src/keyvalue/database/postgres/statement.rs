//! The values of a statement: bound to it where the session is ours, else written into it.
//!
//! Between a call and its execution.

use std::fmt::Write;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use crate::keyvalue::database::server::statement::{Statement, Value};

/// A statement, and the list of bytes that takes the place of the parameter after its values, if there is one.
pub(super) struct Bound<'v>(pub(super) Statement<'v>, pub(super) Vec<&'v [u8]>);

impl<'v> Bound<'v> {
    /// Prepared under a name, for the next time.
    pub(super) fn query(self) -> Query<'v, Postgres, PgArguments> {
        let Self(statement, list) = self;
        let query = sqlx::query(AssertSqlSafe(Arc::clone(statement.sql)));
        let bind = |query: Query<'v, Postgres, PgArguments>, value| match value {
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::NumberOrNull(number) => query.bind(number),
        };
        let query = statement.values.into_iter().fold(query, bind);
        match list.is_empty() {
            true => query,
            false => query.bind(list),
        }
    }

    /// As one text. Texts and bytes are written in hexadecimal digits, so that nothing in them is taken for SQL.
    pub(super) fn text(&self) -> String {
        let mut written = String::new();
        let mut is_name = false;
        let mut rest = &**self.0.sql;
        while let Some(at) = rest.find(['"', '$']) {
            let (before, from) = rest.split_at(at);
            written.push_str(before);
            let (mark, after) = from.split_at(1);
            rest = after;
            // The name of a table may have a dollar in it. No statement has ten parameters.
            let number = match mark {
                "$" if !is_name => after.chars().next().and_then(|digit| digit.to_digit(10)),
                _ => None,
            };
            is_name ^= mark == "\"";
            match number {
                Some(number) => {
                    self.write(&mut written, number as usize);
                    rest = &after[1..];
                }
                None => written.push_str(mark),
            }
        }
        written + rest
    }

    fn write(&self, written: &mut String, number: usize) {
        let Self(statement, list) = self;
        match statement.values.get(number.saturating_sub(1)) {
            Some(value) => write_value(written, value),
            None => {
                written.push_str("ARRAY[");
                for (number, bytes) in list.iter().enumerate() {
                    written.push_str(if number == 0 { "" } else { ", " });
                    write_bytes(written, bytes);
                }
                written.push_str("]::bytea[]");
            }
        }
    }
}

fn write_value(written: &mut String, value: &Value<'_>) {
    match value {
        Value::Bytes(bytes) => write_bytes(written, bytes),
        Value::Text(text) => {
            written.push_str("convert_from(");
            write_bytes(written, text.as_bytes());
            written.push_str(", 'UTF8')");
        }
        Value::Number(number) | Value::NumberOrNull(Some(number)) => {
            // A text takes whatever is written to it.
            let _ = write!(written, "{number}::bigint");
        }
        Value::NumberOrNull(None) => written.push_str("NULL::bigint"),
    }
}

fn write_bytes(written: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    written.reserve(2 * bytes.len() + 20);
    written.push_str("decode('");
    for byte in bytes {
        written.push(DIGITS[usize::from(byte >> 4)]);
        written.push(DIGITS[usize::from(byte & 15)]);
    }
    written.push_str("', 'hex')");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyvalue::database::server::statement::Returns;

    #[test]
    fn values_are_written_in_the_place_of_their_numbers_and_of_nothing_else() {
        let sql = Arc::from(
            "SELECT $2 FROM \"a $1 \"\"$2\"\" table\" WHERE a = $1 AND b = $3 AND c = ANY ($4)",
        );
        let statement = Statement {
            sql: &sql,
            returns: Returns::Value,
            values: vec![
                Value::Bytes(b"\0'$2"),
                Value::Text("'; --".into()),
                Value::NumberOrNull(None),
            ],
        };
        assert_eq!(
            Bound(statement, vec![b"a", b""]).text(),
            "SELECT convert_from(decode('273b202d2d', 'hex'), 'UTF8') FROM \"a $1 \"\"$2\"\" table\" \
             WHERE a = decode('00272432', 'hex') AND b = NULL::bigint \
             AND c = ANY (ARRAY[decode('61', 'hex'), decode('', 'hex')]::bytea[])"
        );
    }
}
