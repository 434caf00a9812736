//! What is stored under a key that the live page shows.
//!
//! Part of a report: runs no model.

use giotto_cache::{Key, Policy};

use super::{of_any, of_key};
use crate::app::App;
use crate::error::{Error, Result};
use crate::management::invocation::any_policy;
use crate::request::Controller;

/// What is stored under a key, and what the next request for it gets, as a server sees it.
///
/// # Errors
///
/// If `text` is not the key of a program of this application that has a cache.
pub(crate) async fn explain_key(text: &str, app: &App) -> Result<serde_json::Value> {
    let none = || Error::other("no program of this application has pages under this key");
    let key = Key::read(text).ok_or_else(none)?;
    if app.is_of_cache() {
        return Ok(serde_json::to_value(of_any(key, app).await)?);
    }
    let policy = policy_of(&key, app).ok_or_else(none)?;
    Ok(serde_json::to_value(of_key(key, policy, app).await)?)
}

/// How long the program of `key` keeps its pages; `None` if there is none, or it keeps nothing.
pub(crate) fn policy_of(key: &Key, app: &App) -> Option<Policy> {
    if app.is_of_cache() {
        return Some(any_policy());
    }
    let controllers = Controller::ALL.into_iter();
    let mut programs = controllers.flat_map(|controller| app.manifest().programs(controller));
    let name = key.program_name();
    programs.find_map(|program| {
        let is_its = program.path() == name;
        program.cache_policy().filter(|_| is_its).copied()
    })
}
