//! The budgets of programs: tables by the path of the program, `[budget.search]`.
//!
//! Read before the first step of an invocation, and again when the configuration is reloaded.

use std::collections::BTreeMap;

use giotto_cache::Budget;

use super::setting::Setting;
use crate::error::{Error, Result};

const MEMBERS: [&str; 3] = [
    "cache_on_second_request",
    "max_entries",
    "new_entries_per_second",
];

/// What the configuration says of the budget of one program.
pub(crate) struct ProgramBudget<'s> {
    pub(crate) program: &'s str,
    /// The last setting of each member.
    members: BTreeMap<&'s str, &'s Setting>,
}

/// The budgets that the `settings` name, later ones after earlier ones, in the order of the programs.
pub(super) fn read(settings: &[Setting]) -> Result<Vec<ProgramBudget<'_>>> {
    let mut tables: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for setting in settings {
        let path = setting.key.strip_prefix("budget.").unwrap_or_default();
        // The root of the manifest has no name: [budget.""].
        let Some((program, member)) = path.rsplit_once('.') else {
            return Err(
                setting.refused("a table with the path of a program, such as [budget.search]")
            );
        };
        if !MEMBERS.contains(&member) {
            return Err(setting.unlike("key", member, MEMBERS.into_iter()));
        }
        tables.entry(program).or_default().insert(member, setting);
    }
    let budgets = tables.into_iter();
    Ok(budgets
        .map(|(program, members)| ProgramBudget { program, members })
        .collect())
}

impl ProgramBudget<'_> {
    /// The budget `own` of the program with what the configuration says in its place.
    pub(crate) fn over(&self, own: Budget) -> Result<Budget> {
        let mut budget = own;
        if let Some(entries) = self.members.get("max_entries") {
            budget = budget.max_entries(entries.positive()?);
            entries.checked(budget.check())?;
        }
        if let Some(entries) = self.members.get("new_entries_per_second") {
            budget = budget.new_entries_per_second(entries.positive()?);
        }
        match self.members.get("cache_on_second_request") {
            None => Ok(budget),
            Some(second) => Ok(budget.wait_for_second_request(second.boolean()?)),
        }
    }

    /// The error of a table whose program is not one of the `known`, those with a cache.
    pub(crate) fn unknown<'n>(&self, known: impl Iterator<Item = &'n str> + Clone) -> Error {
        let setting = self.members.values().next().expect("a table has a member");
        setting.unlike("program with .cache(..)", self.program, known)
    }
}
