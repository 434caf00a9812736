//! What a list has found so far, and where the next one begins.
//!
//! Part of `cache/list`.

use giotto_cache::ListedEntry;

use super::filter::Sort;
use super::top::Top;

/// What was found so far.
pub(super) struct Found {
    top: Option<Top>,
    entries: Vec<ListedEntry>,
    limit: usize,
    /// Of the page that begins at the cursor, so many were shown before, and so many are here.
    skip: usize,
    of_page: usize,
    cursor: Option<String>,
    is_cut: bool,
}

impl Found {
    pub(super) fn new(
        sort: Option<Sort>,
        limit: usize,
        skip: usize,
        cursor: Option<String>,
    ) -> Self {
        Self {
            top: sort.map(|sort| Top::new(sort, limit)),
            entries: Vec::new(),
            limit,
            skip,
            of_page: 0,
            cursor,
            is_cut: false,
        }
    }

    /// Whether no more pages are needed. For an order, all that the budget allows are.
    pub(super) fn is_full(&self) -> bool {
        self.is_cut || (self.top.is_none() && self.entries.len() >= self.limit)
    }

    /// Takes the entries of a page that are meant; `next` is where the next page begins.
    pub(super) fn take(&mut self, entries: impl Iterator<Item = ListedEntry>, next: Option<&str>) {
        if let Some(top) = &mut self.top {
            return entries.for_each(|entry| top.push(entry));
        }
        for (taken, entry) in (self.skip..).zip(entries.skip(self.skip)) {
            if self.entries.len() == self.limit {
                self.is_cut = true;
                self.of_page = taken;
                return;
            }
            self.entries.push(entry);
        }
        (self.skip, self.of_page) = (0, 0);
        self.cursor = next.map(str::to_owned);
    }

    /// Where to go on, if the walk goes on at `cursor`.
    pub(super) fn next(&self, cursor: Option<&str>) -> Option<String> {
        match (self.is_cut, cursor) {
            (true, _) => {
                let cursor = self.cursor.as_deref().unwrap_or_default();
                Some(format!("{}~{cursor}", self.of_page))
            }
            (false, cursor) => Some(format!("0~{}", cursor?)),
        }
    }

    pub(super) fn into_entries(self) -> Vec<ListedEntry> {
        match self.top {
            Some(top) => top.into_entries(),
            None => self.entries,
        }
    }
}
