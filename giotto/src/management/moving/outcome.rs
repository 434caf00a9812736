//! What became of what was moved.
//!
//! The report of `cache/copy`, `cache/export` and `cache/import`.

use std::fmt;

use giotto_cache::Moved;
use serde::Serialize;

use crate::management::text::{columns, grouped};

/// What was moved from where to where.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) from: String,
    pub(super) to: String,
    #[serde(flatten)]
    pub(super) moved: Moved,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moved {
            entries,
            records,
            present,
            expired,
            refused,
            unknown,
            too_large,
            ..
        } = self.moved;
        let always = [("pages", entries), ("invalidations", records)];
        let seldom = [
            ("there already", present),
            ("over", expired),
            ("not sound", refused),
            ("key not told", unknown),
            ("too large", too_large),
        ];
        let seldom = seldom.into_iter().filter(|(_, number)| *number > 0);
        let numbers = always.into_iter().chain(seldom);
        let numbers = numbers.map(|(name, number)| (name, grouped(number)));
        let places = [("from", self.from.clone()), ("to", self.to.clone())];
        f.write_str(&columns(places.into_iter().chain(numbers)))
    }
}
