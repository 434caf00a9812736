//! What a value is like: a fact, a table, or a list of something else.
//!
//! Used by `html` and `text`.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

/// The most items of a list that is shown in one line.
const MAX_INLINE: usize = 12;

/// A column of a table.
pub(super) struct Column<'v> {
    pub(super) name: &'v str,
    /// Whether all its values are numbers.
    pub(super) is_numeric: bool,
}

/// A table: the members of its rows may differ a little.
pub(super) struct Table<'v> {
    pub(super) columns: Vec<Column<'v>>,
    pub(super) rows: Vec<&'v Map<String, Value>>,
}

impl<'v> Table<'v> {
    /// The table that `items` are, if they are structs that have at least half of their members in common.
    pub(super) fn of(items: &'v [Value]) -> Option<Self> {
        let rows: Option<Vec<_>> = items.iter().map(Value::as_object).collect();
        let rows = rows.filter(|rows| !rows.is_empty())?;
        let mut columns: Vec<Column<'v>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (name, value) in rows.iter().copied().flatten() {
            let place = *places.entry(name).or_insert(columns.len());
            match columns.get_mut(place) {
                Some(column) => column.is_numeric &= is_numeric(value),
                None => columns.push(Column {
                    name,
                    is_numeric: is_numeric(value),
                }),
            }
        }
        let is_alike = |row: &&Map<String, Value>| 2 * row.len() >= columns.len();
        (!columns.is_empty() && rows.iter().all(is_alike)).then_some(Self { columns, rows })
    }
}

/// Whether `value` may stand in a column of numbers: it is one, or nothing.
fn is_numeric(value: &Value) -> bool {
    value.is_number() || value.is_null()
}

/// Whether `value` is shown in one place: it has no parts, or is a short list of such values.
pub(super) fn is_fact(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => {
            !items.is_empty() && items.len() <= MAX_INLINE && items.iter().all(is_scalar)
        }
        _ => true,
    }
}

pub(super) const fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

/// `value` in one place: text without quotes, `a, b` for a list, `city: Rome, zip: 00100` for a struct.
pub(super) fn inline(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Null => "".into(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(nested).collect();
            items.join(", ").into()
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, member)| format!("{name}: {}", nested(member)));
            members.collect::<Vec<_>>().join(", ").into()
        }
        scalar => scalar.to_string().into(),
    }
}

/// `value` inside another one.
fn nested(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Array(_) => format!("[{}]", inline(value)).into(),
        Value::Object(_) => format!("({})", inline(value)).into(),
        scalar => inline(scalar),
    }
}
