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

#[cfg(test)]
mod tests {
    use std::iter::empty;

    use super::*;
    use crate::manifest::Manifest;
    use crate::program::Program;
    use crate::view::BasicView;
    use giotto_cache::LocMemKeyValue;

    fn app() -> App {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct X {
            x: i64,
        }
        let program = || Program::new(|X { x }: X| x);
        let limited = program()
            .cache(60)
            .max_entries(10)
            .new_entries_per_second(5);
        let manifest = Manifest::new([
            ("limited", limited.view(BasicView::new())),
            ("free", program().cache(60).view(BasicView::new())),
            ("uncached", program().view(BasicView::new())),
        ]);
        App::new(manifest).cache(LocMemKeyValue::new())
    }

    fn set(app: &App, settings: &[&str]) -> Result<Vec<(String, Budget)>> {
        app.set_budgets(&Config::load(
            None,
            empty(),
            settings.iter().copied(),
            None,
        )?)?;
        let budgets = app.shared_cache().budgets().into_iter();
        Ok(budgets.map(|one| (one.program, one.budget)).collect())
    }

    #[test]
    fn the_configuration_overrides_the_code_and_may_be_read_again() {
        let app = app();
        let own = Budget::new().max_entries(10).new_entries_per_second(5);
        let limited = |budget| ("limited".to_owned(), budget);
        assert_eq!(set(&app, &[]).unwrap(), [limited(own)]);
        let both = [
            "budget.limited.max_entries=20",
            "budget.free.cache_on_second_request=true",
        ];
        let free = ("free".to_owned(), Budget::new().cache_on_second_request());
        assert_eq!(
            set(&app, &both).unwrap(),
            [free, limited(own.max_entries(20))]
        );
        // Without the settings, it is the code's again.
        assert_eq!(set(&app, &[]).unwrap(), [limited(own)]);
    }

    #[test]
    fn a_wrong_budget_is_refused_with_its_place_and_changes_nothing() {
        let app = app();
        for (setting, words) in [
            (
                "budget.limited.max_entries=0",
                ["max_entries", "at least 1"],
            ),
            (
                "budget.limited.max_entries=10000000",
                ["max_entries", "10,000,000"],
            ),
            (
                "budget.limited.max_entry=1",
                ["\"max_entry\"", "\"max_entries\""],
            ),
            ("budget.limitd.max_entries=1", ["\"limitd\"", "\"limited\""]),
            (
                "budget.uncached.max_entries=1",
                ["\"uncached\"", "with .cache(..)"],
            ),
            (
                "budget.max_entries=1",
                ["budget.max_entries", "[budget.search]"],
            ),
            (
                "budget.free.cache_on_second_request=maybe",
                ["--set", "true or false"],
            ),
        ] {
            let error = set(&app, &["budget.free.max_entries=7", setting])
                .unwrap_err()
                .to_string();
            assert!(
                words.iter().all(|word| error.contains(word)),
                "{setting}: {error}"
            );
            assert_eq!(app.shared_cache().budgets().len(), 1, "{setting}");
        }
    }
}
