//! Invalidations and purges are carried out.
//!
//! Part of `cache/invalidate` and `cache/purge`, after the operator has agreed.

use giotto_cache::{Key, Place, Scope};
use serde::Serialize;

use super::chosen::Chosen;
use super::outcome::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::management::contents::Pattern;
use crate::management::operator::Operator;
use crate::management::process::forget::Changed;
use crate::management::servers::{LONG, Told};

/// One small write, and what it leaves behind is removed if that is wished.
pub(super) async fn change_scope(
    is_hard: bool,
    scope: Scope,
    reclaims: bool,
    operator: &Operator,
) -> Result<Report> {
    let cache = operator.app.shared_cache();
    match is_hard {
        true => cache.purge(scope.clone()).await?,
        false => cache.invalidate(scope.clone()).await?,
    }
    let within = cache.settles_within(&scope);
    let told = match within.is_zero() {
        true => Told::default(),
        false => operator.tell(&Changed::default()).await?,
    };
    // Processes elsewhere cannot be told. Where none could be, they are waited for.
    let is_told = !told.processes.is_empty();
    if !is_told {
        tokio::time::sleep(within).await;
    }
    let is_own = cache.store().place() == Place::InProcess;
    let mut report = Report {
        pages: Chosen::Scope(scope.clone()).pages(),
        is_hard,
        writes: 1,
        others_know_within_ms: is_told.then_some(within.as_millis()),
        told,
        note: operator.behind().filter(|_| is_own).map(str::to_owned),
        ..Report::default()
    };
    if reclaims {
        let removed = cache.reclaim(&scope).await?;
        report.reclaimed = Some(removed.map(|removed| removed.entries));
    }
    Ok(report)
}

/// Looks for the pages of a pattern, and removes them.
pub(super) async fn remove(pattern: Pattern, operator: &Operator) -> Result<Report> {
    let cache = operator.app.shared_cache();
    let (path, pages) = (pattern.path().to_owned(), pattern.pages());
    let meant = move |key: &Key| pattern.matches(key);
    let removed = cache.remove_matching(&path, meant).await?;
    // They do not know which pages these were. What they forget, they have again with the next request.
    let told = match cache.copies_live().is_zero() {
        true => Told::default(),
        false => operator.tell(&Changed::everything()).await?,
    };
    Ok(Report {
        pages,
        is_hard: true,
        removed: Some(removed.entries),
        digests: removed.digests,
        looked_at: Some(removed.looked_at),
        within_ms: Some(cache.copies_live().as_millis()),
        told,
        note: operator
            .behind()
            .filter(|_| cache.copies_live().is_zero())
            .map(str::to_owned),
        ..Report::default()
    })
}

/// Has each server do what `program` does with these arguments to its memory, which is all that there is.
pub(super) async fn in_each_memory(
    program: &str,
    arguments: &impl Serialize,
    operator: &Operator,
) -> Result<Report> {
    let path = format!("cache/{program}");
    // It may have to go through all keys.
    let awake = operator.awake(program).await?;
    let asked = awake
        .operator
        .ask_memories::<Report>(program, &path, arguments, LONG);
    let mut asked = asked.await?;
    // A server in whose memory no page has the tag has nothing to do.
    let is_failure = |(_, error): &(u32, Error)| *error.kind() != ErrorKind::InvalidInput;
    asked.refused.retain(is_failure);
    let mut told = asked.told();
    told.silent.extend(awake.silent);
    let mut report = Report::default();
    for (_, answer) in asked.answers {
        report.add(answer);
    }
    report.failure = told.failure();
    report.told = told;
    Ok(report)
}
