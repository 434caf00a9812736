//! A call as a statement and its values, for every dialect of SQL.
//!
//! Between a call and a connection. Values are in the order of the statement, for dialects that do not number them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::keyvalue::database::call::{Call, Chosen, Key, Row, Slice};

/// The statements that every dialect has, with the name of the table in them.
pub(crate) struct Statements {
    pub(crate) create: String,
    /// Of the longest value that is read, a digest and a key.
    pub(crate) get: Arc<str>,
    /// Of a digest, a key, a value, its size and its lifetime, as the next one.
    pub(crate) set: Arc<str>,
    pub(crate) add: Arc<str>,
    /// Of a value, its size, its lifetime, a digest, a key and the old value.
    pub(crate) replace: Arc<str>,
    /// Of a digest and a key.
    pub(crate) delete: Arc<str>,
    /// Of a digest, a key and the old value.
    pub(crate) delete_if: Arc<str>,
    /// Of the ends of a slice, a prefix and a part.
    pub(crate) clear: Arc<str>,
    /// Of the ends of a slice.
    pub(crate) measure: Arc<str>,
    /// Of nothing.
    pub(crate) now: Arc<str>,
    /// Of a prefix, a part, the digest before the first one, and the number of rows.
    pub(crate) scan: Arc<str>,
}

#[derive(Clone)]
pub(crate) enum Value<'v> {
    Bytes(&'v [u8]),
    Text(Cow<'v, str>),
    Number(i64),
    NumberOrNull(Option<i64>),
}

pub(crate) struct Statement<'v> {
    pub(crate) sql: &'v Arc<str>,
    pub(crate) values: Vec<Value<'v>>,
    pub(crate) returns: Returns,
}

/// What a statement returns.
#[derive(Clone, Copy)]
pub(crate) enum Returns {
    /// A value in the first column of its row, if there is one.
    Value,
    /// Rows and bytes in the two columns of its row.
    Size,
    /// A digest, a key, the length of a value and its beginning in each row.
    Found,
    /// The number of rows that it changed.
    Changed,
}

impl Statements {
    /// The statement of `call`, one arm for each; `text` writes a key as the database holds it. None for the calls that
    /// are more than one of these statements.
    pub(crate) fn statement<'c>(
        &'c self,
        call: &'c Call,
        text: impl Fn(&'c str) -> Cow<'c, str>,
    ) -> Option<Statement<'c>> {
        use Value::{Bytes, Number, NumberOrNull, Text};

        let key = |Key { digest, text: key }: &'c Key| [Bytes(digest), Text(text(key))];
        let value = |row: &'c Row| {
            [
                Bytes(&row.value),
                Number(row.size_column()),
                NumberOrNull(row.lifetime_ms),
            ]
        };
        let ends = |slice: &'c Slice| [Bytes(&slice.low), Bytes(&slice.high)];
        let (sql, values) = match call {
            Call::Get(of, longest) => {
                let [digest, key] = key(of);
                (&self.get, vec![Number(*longest), digest, key])
            }
            Call::Set(row) => (&self.set, [&key(&row.key)[..], &value(row)].concat()),
            Call::Add(row) => (&self.add, [&key(&row.key)[..], &value(row)].concat()),
            Call::Replace(row, old) => {
                let values = [&value(row)[..], &key(&row.key), &[Bytes(old)]];
                (&self.replace, values.concat())
            }
            Call::Delete(of) => (&self.delete, key(of).into()),
            Call::DeleteIf(of, old) => {
                let [digest, key] = key(of);
                (&self.delete_if, vec![digest, key, Bytes(old)])
            }
            Call::Clear(Chosen { prefix, part }, slice) => {
                let [low, high] = ends(slice);
                (
                    &self.clear,
                    vec![low, high, Text(text(prefix)), Text(text(part))],
                )
            }
            Call::Measure(slice) => (&self.measure, ends(slice).into()),
            Call::Now => (&self.now, Vec::new()),
            Call::Scan(Chosen { prefix, part }, after, limit) => {
                let texts = [Text(text(prefix)), Text(text(part))];
                let page = [Bytes(after), Number((*limit).into())];
                (&self.scan, [texts, page].concat())
            }
            Call::Create | Call::GetMany(..) | Call::DeleteExpired(_) | Call::DeleteOldest(_) => {
                return None;
            }
        };
        let returns = match call {
            Call::Get(..) => Returns::Value,
            Call::Measure(_) | Call::Now => Returns::Size,
            Call::Scan(..) => Returns::Found,
            _ => Returns::Changed,
        };
        Some(Statement {
            sql,
            values,
            returns,
        })
    }
}
