//! Invalidations and purges are carried out.
//!
//! Part of `cache/invalidate` and `cache/purge`, after the operator has agreed.

use giotto_cache::{Key, Place, Scope};

use super::chosen::Chosen;
use super::outcome::Report;
use crate::error::Result;
use crate::management::contents::Pattern;
use crate::management::operator::Operator;

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
    tokio::time::sleep(cache.settles_within(&scope)).await;
    let is_own = cache.store().place() == Place::InProcess;
    let mut report = Report {
        pages: Chosen::Scope(scope.clone()).pages(),
        is_hard,
        writes: 1,
        note: operator.behind().filter(|_| is_own),
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
    Ok(Report {
        pages,
        is_hard: true,
        removed: Some(removed.entries),
        digests: removed.digests,
        looked_at: Some(removed.looked_at),
        within_ms: Some(cache.copies_live().as_millis()),
        note: operator.behind().filter(|_| cache.copies_live().is_zero()),
        ..Report::default()
    })
}
