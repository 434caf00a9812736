//! What is stored under a key: one that the live page shows, or one of a cache without a manifest.
//!
//! Part of a report: runs no model.

use giotto_cache::{Key, Lookup, Policy};

use super::Report;
use crate::app::App;
#[cfg(feature = "admin")]
use crate::error::{Error, Result};
#[cfg(feature = "admin")]
use crate::management::invocation::any_policy;
use crate::management::report::next::Next;
#[cfg(feature = "admin")]
use crate::request::Controller;
use crate::request::HTTP_GET;

/// What is stored under `key`, and what the next lookup with `policy` gets.
pub(super) async fn report(key: Key, policy: Policy, app: &App) -> Report {
    let report = Report {
        program: key.program().to_owned(),
        arguments: key.arguments().to_owned(),
        mimetype: key.mimetype().to_owned(),
        ..Report::default()
    };
    let explained = app.shared_cache().explain(&Lookup::new(key, policy)).await;
    let next = vec![Next::new(HTTP_GET, &explained)];
    Report {
        next,
        ..report.of_cached(explained)
    }
}

/// What is stored under a key, and what the next request for it gets, as a server sees it.
///
/// # Errors
///
/// If `text` is not the key of a program of this application that has a cache.
#[cfg(feature = "admin")]
pub(crate) async fn explain_key(text: &str, app: &App) -> Result<serde_json::Value> {
    let none = || Error::other("no program of this application has pages under this key");
    let key = Key::read(text).ok_or_else(none)?;
    let policy = policy_of(&key, app).ok_or_else(none)?;
    Ok(serde_json::to_value(report(key, policy, app).await)?)
}

/// How long the program of `key` keeps its pages; `None` if there is none, or it keeps nothing.
#[cfg(feature = "admin")]
pub(crate) fn policy_of(key: &Key, app: &App) -> Option<Policy> {
    if app.is_of_cache() {
        return Some(any_policy());
    }
    let controllers = Controller::ALL.into_iter();
    let mut programs = controllers.flat_map(|controller| app.manifest().programs(controller));
    programs.find_map(|program| {
        let is_its = Key::new(program.path(), "", "").program() == key.program();
        program.cache_policy().filter(|_| is_its).copied()
    })
}
