//! The budgets of the programs: what their authors declare, and what the configuration says in its place.
//!
//! Before the first request, and when the configuration is reloaded.

use giotto_cache::Budget;

use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};

impl App {
    /// Gives the programs the budgets of `config`, and those of the code where it says nothing. It may be called at any time:
    /// what is stored stays stored.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong; no budget is changed then.
    pub(crate) fn set_budgets(&self, config: &Config) -> Result<()> {
        let mut budgets = self.manifest().budgets();
        for said in config.budgets()? {
            let own = budgets.iter_mut().find(|(path, _)| *path == said.program);
            match own {
                Some((_, budget)) => *budget = said.over(*budget)?,
                None => {
                    return Err(
                        said.unknown(self.manifest().budgets().iter().map(|(path, _)| *path))
                    );
                }
            }
        }
        let cache = self.shared_cache();
        budgets
            .into_iter()
            .try_for_each(|(path, budget): (_, Budget)| {
                let set = cache.set_budget(path, budget);
                set.map_err(|error| Error::configuration(error.to_string()))
            })
    }
}
