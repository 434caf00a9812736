//! A statement and its values: bound to it where the session is ours, else written into it.
//!
//! Between a call and its execution.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

/// What takes the place of `$1`, `$2` and so on.
pub(super) enum Value<'v> {
    Bytes(&'v [u8]),
    ManyBytes(Vec<&'v [u8]>),
    Text(Cow<'v, str>),
    Number(i64),
    NumberOrNull(Option<i64>),
}

pub(super) struct Statement<'v> {
    pub(super) sql: &'v Arc<str>,
    pub(super) values: Vec<Value<'v>>,
}

impl<'v> Statement<'v> {
    /// Prepared under a name, for the next time.
    pub(super) fn bound(self) -> Query<'v, Postgres, PgArguments> {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(self.sql)));
        let bind = |query: Query<'v, Postgres, PgArguments>, value| match value {
            Value::Bytes(bytes) => query.bind(bytes),
            Value::ManyBytes(many) => query.bind(many),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::NumberOrNull(number) => query.bind(number),
        };
        self.values.into_iter().fold(query, bind)
    }

    /// As one text. Texts and bytes are written in hexadecimal digits, so that nothing in them is taken for SQL.
    pub(super) fn written(&self) -> String {
        let mut written = String::new();
        let mut is_name = false;
        let mut rest = &**self.sql;
        while let Some(at) = rest.find(['"', '$']) {
            let (before, from) = rest.split_at(at);
            written.push_str(before);
            let (mark, after) = from.split_at(1);
            rest = after;
            // The name of a table may have a dollar in it.
            let value = match mark {
                "$" if !is_name => after.chars().next().and_then(|digit| self.value(digit)),
                _ => None,
            };
            is_name ^= mark == "\"";
            match value {
                Some(value) => {
                    write_value(&mut written, value);
                    rest = &after[1..];
                }
                None => written.push_str(mark),
            }
        }
        written + rest
    }

    /// No statement has ten.
    fn value(&self, digit: char) -> Option<&Value<'v>> {
        let number = digit.to_digit(10)? as usize;
        self.values.get(number.checked_sub(1)?)
    }
}

fn write_value(written: &mut String, value: &Value<'_>) {
    match value {
        Value::Bytes(bytes) => write_bytes(written, bytes),
        Value::ManyBytes(many) => {
            written.push_str("ARRAY[");
            for (number, bytes) in many.iter().enumerate() {
                written.push_str(if number == 0 { "" } else { ", " });
                write_bytes(written, bytes);
            }
            written.push_str("]::bytea[]");
        }
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

    #[test]
    fn values_are_written_in_the_place_of_their_numbers_and_of_nothing_else() {
        let sql = Arc::from(
            "SELECT $2 FROM \"a $1 \"\"$2\"\" table\" WHERE a = $1 AND b = $3 AND c = ANY ($4)",
        );
        let statement = Statement {
            sql: &sql,
            values: vec![
                Value::Bytes(b"\0'$2"),
                Value::Text("'; --".into()),
                Value::NumberOrNull(None),
                Value::ManyBytes(vec![b"a", b""]),
            ],
        };
        assert_eq!(
            statement.written(),
            "SELECT convert_from(decode('273b202d2d', 'hex'), 'UTF8') FROM \"a $1 \"\"$2\"\" table\" \
             WHERE a = decode('00272432', 'hex') AND b = NULL::bigint \
             AND c = ANY (ARRAY[decode('61', 'hex'), decode('', 'hex')]::bytea[])"
        );
    }
}
