//! Any value as text: facts and tables in columns that a terminal aligns.
//!
//! Step 6 of an invocation. Columns are aligned by the width that a terminal gives each character, which is two cells for
//! some and none for others.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use super::table::{Table, inline, is_fact};
use crate::error::{InvalidInput, Result};

const EMPTY: &str = "(none)\n";

pub(super) fn text(data: &Value, refused: &InvalidInput) -> Result<String> {
    let mut text = String::new();
    for field in refused.fields() {
        let _ = writeln!(text, "{}: {}", field.name(), field.message());
    }
    match data {
        Value::Object(members) => object(&mut text, members, 0),
        Value::Array(items) => list(&mut text, items, 0),
        scalar => {
            let _ = writeln!(text, "{}", inline(scalar));
        }
    }
    Ok(text)
}

/// The facts of a struct, and then its other members, each under its name. All of it is `indent` cells from the left.
fn object(text: &mut String, members: &Map<String, Value>, indent: usize) {
    let (facts, parts): (Vec<_>, Vec<_>) = members.iter().partition(|(_, value)| is_fact(value));
    let width = facts.iter().map(|(name, _)| name.width()).max();
    let width = width.unwrap_or_default();
    for (name, value) in &facts {
        let (value, margin) = (inline(value), " ".repeat(indent + width + 2));
        // The lines of a text stand under each other.
        let value = value.lines().collect::<Vec<_>>();
        let value = value.join(&format!("\n{margin}"));
        line(
            text,
            indent,
            &format!("{}  {value}", padded(name, width, false)),
        );
    }
    for (at, (name, value)) in parts.into_iter().enumerate() {
        if at > 0 || !facts.is_empty() {
            text.push('\n');
        }
        line(text, indent, name);
        match value {
            Value::Object(members) if members.is_empty() => line(text, indent, EMPTY),
            Value::Object(members) => object(text, members, indent + 2),
            Value::Array(items) => list(text, items, indent),
            scalar => line(text, indent, &inline(scalar)),
        }
    }
}

fn list(text: &mut String, items: &[Value], indent: usize) {
    if items.is_empty() {
        line(text, indent, EMPTY);
        return;
    }
    if let Some(table) = Table::of(items) {
        return lines_of(text, &table, indent);
    }
    for item in items {
        match item {
            Value::Object(members) => {
                object(text, members, indent);
                text.push('\n');
            }
            item => line(text, indent, &in_row(item)),
        }
    }
}

fn lines_of(text: &mut String, table: &Table<'_>, indent: usize) {
    let header = table.columns.iter().map(|column| in_one_line(column.name));
    let cells = table.rows.iter().map(|row| {
        let cells = table.columns.iter().map(|column| row.get(column.name));
        cells.map(|cell| cell.map_or("".into(), in_row)).collect()
    });
    let lines: Vec<Vec<Cow<'_, str>>> = std::iter::once(header.collect()).chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max();
    let widths: Vec<_> = (0..table.columns.len()).filter_map(width).collect();
    for cells in &lines {
        let cells = cells.iter().zip(&widths).zip(&table.columns);
        let cells = cells.map(|((cell, width), column)| padded(cell, *width, column.is_numeric));
        line(text, indent, &cells.collect::<Vec<_>>().join("  "));
    }
}

/// One line, without spaces at its end.
fn line(text: &mut String, indent: usize, line: &str) {
    let _ = writeln!(text, "{:indent$}{}", "", line.trim_end());
}

/// `cell` in `width` cells of a terminal, at the right side of them if it is a number.
fn padded(cell: &str, width: usize, is_numeric: bool) -> String {
    let space = " ".repeat(width.saturating_sub(cell.width()));
    match is_numeric {
        true => format!("{space}{cell}"),
        false => format!("{cell}{space}"),
    }
}

fn in_row(value: &Value) -> Cow<'_, str> {
    match inline(value) {
        Cow::Borrowed(text) => in_one_line(text),
        Cow::Owned(text) => in_one_line(&text).into_owned().into(),
    }
}

/// `text` where the end of a line would break a row.
fn in_one_line(text: &str) -> Cow<'_, str> {
    match text.contains(['\n', '\r', '\t']) {
        false => text.into(),
        true => {
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            lines.join(" ↵ ").replace(['\r', '\t'], " ").into()
        }
    }
}
