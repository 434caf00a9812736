//! The view of a report: a page, plain text, a table in the terminal, or the JSON of the report itself.

use std::iter;

use giotto::prelude::*;

use crate::html::html;
use crate::page::Page;

/// The view of what can become a [`Page`]; its JSON stays that of `BasicView`, the report itself.
pub(crate) fn report<T: Serialize + 'static>(page: fn(&T) -> Page) -> View<T> {
    BasicView::new()
        .html(move |report: &T| html(&page(report)))
        .text(move |report: &T| text(&page(report)))
        .cmd(move |report: &T| in_colour(&text(&page(report))))
}

fn text(page: &Page) -> String {
    let header: Vec<_> = page.columns.iter().map(ToString::to_string).collect();
    let lines: Vec<_> = iter::once(&header).chain(&page.rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..header.len()).filter_map(width).collect();
    let mut text = format!("{}\n{}\n\n", page.title, page.summary);
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
