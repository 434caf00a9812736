//! A table for people: names on the left, numbers on the right.
//!
//! Part of a report: runs no model.

use std::fmt;

/// Rows of texts under headings. The first column, and the last one if it is a text, are aligned to the left.
#[derive(Clone, Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    ends_in_text: bool,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new<'h>(headings: impl IntoIterator<Item = &'h str>) -> Self {
        let headings = headings.into_iter().map(str::to_owned);
        Self {
            rows: vec![headings.collect()],
            ends_in_text: false,
        }
    }

    /// The same with a text in the last column.
    pub(super) fn end_in_text(self) -> Self {
        Self {
            ends_in_text: true,
            ..self
        }
    }

    /// Adds a row, which has a cell for each heading.
    pub(super) fn add(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let length = |cell: &String| cell.chars().count();
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(length).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width - length(cell));
                match at {
                    0 => line.push_str(&format!("{cell}{gap}")),
                    _ if self.ends_in_text && at + 1 == columns => {
                        line.push_str(&format!("  {cell}"));
                    }
                    _ => line.push_str(&format!("  {gap}{cell}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_on_the_left_and_numbers_on_the_right() {
        let mut table = Table::new(["program", "hits"]);
        table.add(["überlang".to_owned(), "7".to_owned()]);
        table.add(["a".to_owned(), "12,345".to_owned()]);
        let shown = "program     hits\nüberlang       7\na         12,345\n";
        assert_eq!(table.to_string(), shown);
    }
}
