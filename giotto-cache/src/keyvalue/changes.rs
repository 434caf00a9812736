//! How often the values of a store have changed, so that what was read from it is known to be what it would return now.
//!
//! Beside the last step of a lookup, for the memory of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The changes of a store, begun and ended.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A change that is being made, until this is dropped.
#[derive(Debug)]
pub struct Change<'c>(&'c Counts);

impl Changes {
    /// Begins a change.
    #[must_use]
    pub fn begin(&self) -> Change<'_> {
        self.0.begun.fetch_add(1, Ordering::AcqRel);
        Change(&self.0)
    }

    /// How many there were; `None` while one is being made. Between two equal counts there was none.
    #[inline]
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        // In this order: what has ended had begun, so that if they are equal, none was under way when the second was read.
        let ended = self.0.ended.load(Ordering::Acquire);
        let begun = self.0.begun.load(Ordering::Acquire);
        (begun == ended).then_some(begun)
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_count_while_a_change_is_being_made() {
        let changes = Changes::default();
        assert_eq!(changes.count(), Some(0));
        let (one, other) = (changes.begin(), changes.begin());
        assert_eq!(changes.count(), None);
        drop(one);
        assert_eq!(changes.clone().count(), None);
        drop(other);
        assert_eq!(changes.count(), Some(2));
    }
}
