//! Checks of the programs: whether they are cached at all, and which of them fill a store for ever.
//!
//! Part of `cache/doctor`.

use super::finding::{Finding, listed};
use crate::app::App;

/// Programs with `.cache(..)` in an application that was given no cache.
pub(super) fn without_cache(app: &App) -> Option<Finding> {
    let budgets = app.manifest().budgets();
    let paths: Vec<_> = budgets.iter().map(|(path, _)| *path).collect();
    let is_wrong = !app.cache_is_given() && !paths.is_empty();
    is_wrong.then(|| {
        Finding::new(
            "no-cache",
            format!("programs have .cache(..), but no cache is configured: {}", listed(&paths)),
            "their models run for every request",
            "write cache = \"locmem\" into giotto.toml, or cache = \"dummy\" if nothing is to be cached",
        )
    })
}

/// The paths of the programs whose pages never expire, and whose number nothing limits.
pub(super) fn unlimited(app: &App) -> Vec<&str> {
    let programs = app.manifest().all();
    let budgets = app.shared_cache().budgets();
    let mut paths: Vec<_> = programs
        .into_iter()
        .filter(|program| {
            program
                .cache_policy()
                .is_some_and(giotto_cache::Policy::never_expires)
        })
        // Without a parameter there is one page for each format.
        .filter(|program| !program.parameters().is_empty())
        .map(crate::program::Program::path)
        .filter(|path| {
            let mut budgets = budgets.iter();
            !budgets.any(|one| one.program == *path && one.budget.most_entries().is_some())
        })
        .collect();
    paths.dedup();
    paths
}
