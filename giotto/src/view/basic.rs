//! A view that shows any value: most views start from it.
//!
//! Step 6 of an invocation, where a program has no renderer of its own.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::renderers::View;
use crate::error::{InvalidInput, Result};
use crate::mime::TEXT_CMD;

/// Shows any value that implements `Serialize`: as tables of HTML, JSON, plain text, and aligned columns on
/// the command line.
#[derive(Clone, Copy, Debug)]
pub struct BasicView;

/// What a [`BasicView`] shows: every type that implements `Serialize`.
///
/// Applications do not implement this trait.
#[diagnostic::on_unimplemented(
    message = "`BasicView` cannot show `{Self}`: add `#[derive(Serialize)]` to it, or start from `View::new()`"
)]
pub trait Shown: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Shown for T {}

impl BasicView {
    /// The four renderers. [`View::html`] and the others replace one each.
    #[expect(
        clippy::new_ret_no_self,
        reason = "every view is a View; this names where it starts"
    )]
    #[must_use]
    pub fn new<T: Shown + 'static>() -> View<T> {
        View::new()
            .html(|data: &T, refused: &InvalidInput| html(data, refused))
            .json(|data: &T| serde_json::to_vec(data))
            .text(|data: &T, refused: &InvalidInput| text(data, refused))
            .shows(TEXT_CMD, |data: &T, refused: &InvalidInput| {
                text(data, refused)
            })
    }
}

/// `text` with `&`, `<`, `>`, `"` and `'` escaped for HTML.
#[must_use]
pub fn escape_html(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped.into()
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse}th,td{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:left}\
    .errors{color:#a00}";

fn html<T: Serialize>(data: &T, refused: &InvalidInput) -> Result<String> {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Giotto</title>\n\
         <style>{STYLE}</style>\n"
    );
    if !refused.is_empty() {
        page.push_str("<ul class=\"errors\">");
        for field in refused.fields() {
            let (name, message) = (escape_html(field.name()), escape_html(field.message()));
            let _ = write!(page, "<li><b>{name}</b>: {message}</li>");
        }
        page.push_str("</ul>\n");
    }
    html_value(&mut page, &serde_json::to_value(data)?);
    page.push_str("\n</html>\n");
    Ok(page)
}

fn html_value(page: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            page.push_str("<table>");
            for (name, member) in members {
                let _ = write!(page, "<tr><th>{}</th><td>", escape_html(name));
                html_value(page, member);
                page.push_str("</td></tr>");
            }
            page.push_str("</table>");
        }
        Value::Array(items) => match columns(items) {
            Some(columns) => html_table(page, &columns, items),
            None => {
                page.push_str("<ul>");
                for item in items {
                    page.push_str("<li>");
                    html_value(page, item);
                    page.push_str("</li>");
                }
                page.push_str("</ul>");
            }
        },
        scalar => page.push_str(&escape_html(&plain(scalar))),
    }
}

fn html_table(page: &mut String, columns: &[&str], rows: &[Value]) {
    page.push_str("<table><tr>");
    for column in columns {
        let _ = write!(page, "<th>{}</th>", escape_html(column));
    }
    page.push_str("</tr>");
    for row in rows {
        page.push_str("<tr>");
        for column in columns {
            page.push_str("<td>");
            html_value(page, &row[column]);
            page.push_str("</td>");
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn text<T: Serialize>(data: &T, refused: &InvalidInput) -> Result<String> {
    let mut text = String::new();
    for field in refused.fields() {
        let _ = writeln!(text, "{}: {}", field.name(), field.message());
    }
    match serde_json::to_value(data)? {
        Value::Object(members) => {
            let width = members
                .keys()
                .map(|name| name.chars().count())
                .max()
                .unwrap_or(0);
            for (name, member) in &members {
                let _ = writeln!(text, "{name:width$}  {}", plain(member));
            }
        }
        Value::Array(rows) => match columns(&rows) {
            Some(columns) => text_table(&mut text, &columns, &rows),
            None => rows.iter().for_each(|row| {
                let _ = writeln!(text, "{}", plain(row));
            }),
        },
        scalar => {
            let _ = writeln!(text, "{}", plain(&scalar));
        }
    }
    Ok(text)
}

fn text_table(text: &mut String, columns: &[&str], rows: &[Value]) {
    let header = columns.iter().map(|&column| Cow::from(column)).collect();
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|&column| plain(&row[column])).collect());
    let lines: Vec<Vec<Cow<'_, str>>> = std::iter::once(header).chain(cells).collect();
    let width = |index: usize| {
        lines
            .iter()
            .map(|line| line[index].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for line in &lines {
        let padded: Vec<_> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    }
}

/// The columns of a table, if all rows are objects with the members of the first.
fn columns(rows: &[Value]) -> Option<Vec<&str>> {
    let first = rows.first()?.as_object()?;
    let is_alike = |row: &Value| {
        row.as_object()
            .is_some_and(|row| row.len() == first.len() && row.keys().eq(first.keys()))
    };
    rows.iter()
        .all(is_alike)
        .then(|| first.keys().map(String::as_str).collect())
}

/// A value on one line: text without quotes, anything else as JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Null => "".into(),
        other => other.to_string().into(),
    }
}
