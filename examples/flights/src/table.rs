//! A report as a table, which its plain text and the terminal show.

use crate::data::Origin;

/// A report as a table.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) summary: String,
    /// The first two columns are text, the others numbers.
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
}

pub(crate) const UNITS: &str = "Delays are in minutes; a negative one is early.";

pub(crate) const ORIGINS: [Origin; 3] = [Origin::EWR, Origin::JFK, Origin::LGA];
