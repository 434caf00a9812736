//! How much of the store an author lets the pages of a program take.
//!
//! Before the first request; see [`Program`].

use giotto_cache::Budget;

use super::definition::Program;
use crate::error::Error;

impl<S> Program<S> {
    /// The most pages of the program that are kept at the same time, one for each combination of arguments and media type. Over
    /// the limit, new pages are computed and not stored (`over-budget`): they evict nothing. Pages that are stored are
    /// refreshed as ever. See [`Budget::max_entries`](giotto_cache::Budget::max_entries) for what counts.
    ///
    /// ```
    /// # use giotto::prelude::*;
    /// # #[model] fn search(words: String) -> String { words }
    /// let program = Program::new(search).cache(3600).max_entries(10_000).cache_on_second_request();
    /// # let _ = program.view(BasicView::new());
    /// ```
    ///
    /// The table `budget` of the configuration overrides it, without a new build: `[budget.search]`, `max_entries = 20000`.
    #[must_use]
    pub fn max_entries(self, entries: u32) -> Self {
        let budget = self.settings.budget.max_entries(entries);
        self.with_budget(budget)
    }

    /// The most new pages of the program that a process stores in a second. New pages above that are computed and not stored
    /// (`over-budget`). Pages that were stored before are not new.
    #[must_use]
    pub fn new_entries_per_second(self, entries: u32) -> Self {
        let budget = self.settings.budget.new_entries_per_second(entries);
        self.with_budget(budget)
    }

    /// Stores a page when a process is asked for it a second time within ten to twenty minutes: pages that are asked for once,
    /// as a crawler does that invents arguments, are computed and not stored (`first-request`). A page that was stored before
    /// is stored again at once. The command line and `mgt/cache/warm` store at the first request.
    #[must_use]
    pub fn cache_on_second_request(self) -> Self {
        let budget = self.settings.budget.cache_on_second_request();
        self.with_budget(budget)
    }

    fn with_budget(mut self, budget: Budget) -> Self {
        if let Err(error) = budget.check() {
            let error = Error::configuration(error.to_string());
            self.settings.error.get_or_insert(error);
        }
        self.settings.budget = budget;
        self
    }
}

impl Program {
    /// How much of the store its pages may take.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.settings.budget
    }
}
