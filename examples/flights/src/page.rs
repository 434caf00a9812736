//! What the page, the plain text and the terminal's table of a report have in common.

use crate::data::Origin;

/// What the page, the plain text and the terminal's table of a report have in common.
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) summary: String,
    /// `/delays` and `/JFK/7`: a format stands between the two, as in `/delays.json/JFK/7`.
    pub(crate) address: (&'static str, String),
    pub(crate) links: Vec<Links>,
    /// The first two columns are text, the others numbers.
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
    /// A caption, the column that it is about, and the values of that column.
    pub(crate) chart: (&'static str, usize, Vec<Option<f64>>),
}

/// A heading, and under it texts and addresses.
pub(crate) type Links = (&'static str, Vec<(String, String)>);

pub(crate) const UNITS: &str = "Delays are in minutes; a negative one is early.";

/// Links to the report of each origin, with the same `rest` of its arguments.
pub(crate) fn origins(report: &str, rest: &str) -> Vec<(String, String)> {
    [Origin::EWR, Origin::JFK, Origin::LGA]
        .map(|origin| (format!("{origin:?}"), format!("/{report}/{origin:?}{rest}")))
        .into()
}
