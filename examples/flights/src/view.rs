//! The views of a report: a page by a template, plain text, a table in the terminal, or the JSON of the report itself.

use std::collections::BTreeMap;
use std::iter;

use giotto::prelude::*;

use crate::delays::period;
use crate::numbers::{decimal, thousands};
use crate::table::Table;

/// What the templates share. They are found from every working directory, because the folder is an absolute one.
pub(crate) fn templates() -> Templates {
    let airports = BTreeMap::from([
        ("EWR", "Newark Liberty International"),
        ("JFK", "John F. Kennedy International"),
        ("LGA", "LaGuardia"),
    ]);
    Templates::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"))
        .global("airports", airports)
        .filter("decimal", decimal)
        .filter("month", period)
        .filter("thousands", thousands)
}

/// The view of a report: the page of the template `name`, and otherwise its `table`; its JSON stays that of `BasicView`.
pub(crate) fn report<T: Serialize + 'static>(name: &str, table: fn(&T) -> Table) -> View<T> {
    BasicView::new()
        .html(template(name))
        .text(move |report: &T| text(&table(report)))
        .cmd(move |report: &T| in_colour(&text(&table(report))))
}

fn text(table: &Table) -> String {
    let header: Vec<_> = table.columns.iter().map(ToString::to_string).collect();
    let lines: Vec<_> = iter::once(&header).chain(&table.rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..header.len()).filter_map(width).collect();
    let mut text = format!("{}\n{}\n\n", table.title, table.summary);
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate();
        let padded = cells.map(|(column, (cell, width))| match column {
            0 | 1 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += &padded.collect::<Vec<_>>().join("  ");
        text += "\n";
    }
    text
}

/// The title in bold; giotto leaves that out where the output is not a terminal.
fn in_colour(text: &str) -> String {
    let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("\x1b[1m{title}\x1b[0m\n{rest}")
}
