//! How much of the store the pages of one program may take.
//!
//! A ground type: the argument of [`Cache::set_budget`](crate::Cache::set_budget).

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

/// More entries than this are a mistake: each takes up to 40 bytes of this process's memory.
const MOST: u32 = 10_000_000;

/// How much of the store the entries of one program may take, and which of its new entries are stored.
///
/// It is about *new* entries: keys that have none. An entry that is stored is refreshed as ever. What is over the budget is
/// computed and returned, and not stored, so that it evicts nothing.
///
/// ```
/// use giotto_cache::{Budget, Cache, LocMemKeyValue};
///
/// let cache = Cache::new(LocMemKeyValue::new());
/// let budget = Budget::new().max_entries(10_000).new_entries_per_second(50);
/// cache.set_budget("search", budget)?;
/// # Ok::<(), giotto_cache::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Budget {
    max_entries: Option<u32>,
    new_entries_per_second: Option<u32>,
    cache_on_second_request: bool,
}

impl Budget {
    /// No limit.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_entries: None,
            new_entries_per_second: None,
            cache_on_second_request: false,
        }
    }

    /// The most entries of the program that are kept at the same time.
    ///
    /// In the memory of this process the bound is exact. In a store that processes share, each process counts what it has
    /// stored itself, so that the bound is `entries` for each of them; an entry counts until its time is over, even if the
    /// store has evicted it, and one that never expires for a day. The place of an entry stays free for it for up to a minute
    /// after its time.
    #[must_use]
    pub const fn max_entries(mut self, entries: u32) -> Self {
        self.max_entries = Some(entries);
        self
    }

    /// The most new entries of the program that this process stores in a second.
    #[must_use]
    pub const fn new_entries_per_second(mut self, entries: u32) -> Self {
        self.new_entries_per_second = Some(entries);
        self
    }

    /// Stores a result only if this process was asked for the same key before, at most ten to twenty minutes ago, or has
    /// stored it before. If it is asked for more than 131,072 different keys of the program in that time, it forgets the
    /// oldest.
    #[must_use]
    pub const fn cache_on_second_request(self) -> Self {
        self.wait_for_second_request(true)
    }

    /// The same, with the choice whether the [second request](Self::cache_on_second_request) is waited for.
    #[must_use]
    pub const fn wait_for_second_request(mut self, waits: bool) -> Self {
        self.cache_on_second_request = waits;
        self
    }

    /// Whether it limits nothing.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::new()
    }

    /// The most entries, if there is a limit.
    #[must_use]
    pub const fn most_entries(&self) -> Option<u32> {
        self.max_entries
    }

    /// The most new entries in a second, if there is a limit.
    #[must_use]
    pub const fn most_new_entries_per_second(&self) -> Option<u32> {
        self.new_entries_per_second
    }

    /// Whether the first result of a key is not stored.
    #[must_use]
    pub const fn waits_for_second_request(&self) -> bool {
        self.cache_on_second_request
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`] with what is wrong.
    pub fn check(self) -> Result<Self> {
        let problem = match (self.max_entries, self.new_entries_per_second) {
            (Some(0), _) => {
                "`max_entries` of 0 stores nothing: give it at least 1, or turn the cache of the program off"
            }
            (Some(MOST..), _) => {
                "`max_entries` of 10,000,000 or more takes too much memory to count: leave it out, and limit the store"
            }
            (_, Some(0)) => {
                "`new_entries_per_second` of 0 stores no new page: give it at least 1, or turn the cache of the program off"
            }
            _ => return Ok(self),
        };
        Err(Error::new(ErrorKind::Policy, problem))
    }
}

/// What a program has used of its budget.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BudgetUse {
    /// The name of the program.
    pub program: String,
    /// Its budget.
    #[serde(flatten)]
    pub budget: Budget,
    /// How many of its entries this process counts; `None` without [`max_entries`](Budget::max_entries).
    pub entries: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_stores_nothing_is_refused_with_the_remedy() {
        for budget in [
            Budget::new().max_entries(0),
            Budget::new().max_entries(MOST),
            Budget::new().new_entries_per_second(0),
        ] {
            let error = budget.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Policy, "{budget:?}");
        }
        let budget = Budget::new().max_entries(1).new_entries_per_second(1);
        assert!(budget.cache_on_second_request().check().is_ok());
        assert!(Budget::new().is_unlimited());
    }
}
