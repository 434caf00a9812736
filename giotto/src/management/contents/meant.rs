//! What is asked of a list: which entries, and of which layer.
//!
//! Part of `cache/list`.

use std::collections::HashMap;

use giotto_cache::{KeyValue, ListedEntry, Listing, Place, Policy};
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::pattern::Pattern;
use crate::app::App;
use crate::error::Result;
use crate::management::model::refused;
use crate::management::operator::Operator;
use crate::management::process::figures::layers_of;
use crate::request::Controller;

/// What `cache/list` is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct Arguments {
    #[serde(default)]
    pub(super) invocation: Vec<String>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) older: Option<u64>,
    #[serde(default)]
    pub(super) larger: Option<u64>,
    #[serde(default)]
    pub(super) sort: Option<String>,
    #[serde(default = "twenty")]
    pub(super) limit: usize,
    #[serde(default)]
    pub(super) after: Option<String>,
    #[serde(default)]
    pub(super) budget: Option<u64>,
    #[serde(default)]
    pub(super) layer: Option<usize>,
    #[serde(default)]
    pub(super) process: Option<u32>,
    #[serde(default)]
    pub(super) watch: bool,
}

const fn twenty() -> usize {
    20
}

/// The entries that are meant.
pub(super) struct Meant {
    pattern: Option<Pattern>,
    filter: Filter,
}

impl Meant {
    pub(super) fn read(arguments: &Arguments, app: &App) -> Result<Self> {
        let words = &arguments.invocation;
        let pattern = match words.is_empty() {
            true => None,
            false => Some(Pattern::of_words(words, app)?),
        };
        let Arguments {
            state,
            older,
            larger,
            ..
        } = arguments;
        let filter = Filter::read(state.as_deref(), *older, *larger)?;
        Ok(Self { pattern, filter })
    }

    pub(super) fn has(&self, entry: &ListedEntry) -> bool {
        let is_of_it = |pattern: &Pattern| pattern.has(entry);
        self.pattern.as_ref().is_none_or(is_of_it) && self.filter.admits(entry)
    }

    /// What is in the keys of all that are meant.
    pub(super) fn part(&self) -> String {
        self.pattern.as_ref().map(Pattern::part).unwrap_or_default()
    }
}

/// The layer that is listed.
pub(super) struct Layer<'a> {
    number: usize,
    pub(super) store: &'a dyn KeyValue,
    pub(super) note: Option<&'static str>,
}

impl<'a> Layer<'a> {
    pub(super) fn of(arguments: &Arguments, operator: &'a Operator) -> Result<Self> {
        let layers = layers_of(operator.app.shared_cache());
        let number = arguments.layer.unwrap_or(layers.len());
        let chosen = number.checked_sub(1).and_then(|at| layers.get(at).copied());
        let chosen = chosen.ok_or_else(|| {
            let message = format!("the layers are 1 to {}, the fastest first", layers.len());
            refused("layer", number.to_string(), message)
        })?;
        let is_own = chosen.place() == Place::InProcess;
        Ok(Self {
            number: number - 1,
            store: chosen,
            note: is_own.then_some("this is the memory of one process: others have their own"),
        })
    }

    /// The question for a page of all that it has.
    pub(super) fn listing(&self, operator: &Operator) -> Listing {
        let listing = Listing::new(self.store.place().keys_of_page()).layer(self.number);
        listing.policies(policies(&operator.app))
    }
}

/// The policy of each program that has one, by its name.
pub(in crate::management) fn policies(app: &App) -> HashMap<String, Policy> {
    let controllers = Controller::ALL.into_iter();
    let programs = controllers.flat_map(|controller| app.manifest().programs(controller));
    let policies =
        programs.filter_map(|program| Some((program.path().to_owned(), *program.cache_policy()?)));
    policies.collect()
}
