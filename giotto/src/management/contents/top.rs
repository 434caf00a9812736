//! The first entries in an order, of any number that come by, in memory for some.
//!
//! Part of `cache/list`.

use std::collections::HashSet;

use giotto_cache::ListedEntry;

use super::filter::Sort;

/// The first `limit` entries in the order of a column.
#[derive(Debug)]
pub(super) struct Top {
    sort: Sort,
    limit: usize,
    entries: Vec<ListedEntry>,
}

impl Top {
    pub(super) const fn new(sort: Sort, limit: usize) -> Self {
        Self {
            sort,
            limit,
            entries: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, entry: ListedEntry) {
        self.entries.push(entry);
        // Sorted only after as many more as are kept, so that an entry costs about as much as a comparison.
        if self.entries.len() >= 2 * self.limit {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.sort.order(&mut self.entries);
        // The store may have listed one twice.
        let mut seen = HashSet::new();
        self.entries
            .retain(|entry| seen.insert(entry.stored_key.clone()));
        self.entries.truncate(self.limit);
    }

    pub(super) fn into_entries(mut self) -> Vec<ListedEntry> {
        self.cut();
        self.entries
    }
}
