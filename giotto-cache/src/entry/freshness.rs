//! What may be done with a stored entry: the rules of freshness, in one place.
//!
//! Step 2 of a lookup. A pure function of the entry, the generations that count now, the policy and the time, so that
//! [`Cache::explain`](crate::Cache::explain) tells what the next lookup does.

use std::time::Duration;

use crate::acceptance::{Acceptance, Stored};
use crate::entry::Entry;
use crate::entry::extension::Extension;
use crate::invalidation::generation::{Difference, Generation, Generations};
use crate::lookup::Lookup;
use crate::policy::Policy;
use crate::policy::clocks::Clocks;
use crate::reason::{Reason, Staleness, Status};
use crate::scope::Scope;

#[cfg(test)]
mod tests;

/// What a lookup does with the entry that it has found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it, and compute a new one in the background: its end is near.
    Early,
    /// Serve it, and compute a new one in the background.
    Stale { reason: Reason },
    /// Serve it, and compute nothing: an attempt has failed a moment ago.
    Throttled { reason: Reason },
    /// Serve it, and compute nothing: its caller accepts it, for whom the policy would have it computed.
    Accepted { reason: Reason },
    /// Compute, and serve the old one only where it may stand in.
    MustCompute { reason: Reason, stand_in: StandIn },
}

/// When an old entry may be served in place of the result that its caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIn {
    /// It is of no use at all.
    Never,
    /// No caller is served it, but the computation may see it.
    OldValue,
    /// If the computation takes too long: the entry could be served stale anyway.
    IfLate,
    /// Also if the computation fails.
    Always,
}

impl Freshness {
    /// How a lookup answers that serves the entry without computing; `None` if it must compute. The only place that maps
    /// one to the other: lookups and `explain` both ask here.
    pub(crate) const fn status(&self) -> Option<Status> {
        match self {
            Self::Fresh | Self::Early => Some(Status::Hit),
            Self::Stale { .. } => Some(Status::Stale(Staleness::Revalidating)),
            Self::Throttled { .. } => Some(Status::Stale(Staleness::Throttled)),
            Self::Accepted { .. } => Some(Status::Stale(Staleness::Accepted)),
            Self::MustCompute { .. } => None,
        }
    }

    /// Whether a new result is computed in the background while the entry is served.
    pub(crate) const fn refreshes(&self) -> bool {
        matches!(self, Self::Early | Self::Stale { .. })
    }

    /// Why the entry is not fresh; `None` if it is.
    pub(crate) const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Fresh | Self::Early => None,
            Self::Stale { reason }
            | Self::Throttled { reason }
            | Self::Accepted { reason }
            | Self::MustCompute { reason, .. } => Some(reason),
        }
    }

    /// When the entry may be served because no new result can be had.
    pub(crate) const fn stand_in(&self) -> StandIn {
        match self {
            Self::MustCompute { stand_in, .. } => *stand_in,
            _ => StandIn::Always,
        }
    }

    /// Nothing that is stored may be served, for this reason.
    pub(crate) const fn useless(reason: Reason) -> Self {
        Self::MustCompute {
            reason,
            stand_in: StandIn::Never,
        }
    }
}

impl StandIn {
    pub(crate) fn covers(self, staleness: Staleness) -> bool {
        match self {
            Self::Never | Self::OldValue => false,
            Self::IfLate => staleness == Staleness::Late,
            Self::Always => true,
        }
    }
}

/// How much the clocks of machines that share a store may differ.
const SKEW_MS: u64 = 1_000;

/// Whether what was `created` then was computed later than now. The machine that stored it and this one do not agree on the
/// time, so that its age cannot be known.
#[inline]
pub(crate) const fn is_from_the_future(created: u64, now_ms: u64) -> bool {
    created > now_ms.saturating_add(SKEW_MS)
}

/// Judges `entry` at `now_ms` for the caller of `lookup`. `draw` returns a random number between 0 and 1, `latest` the scope of
/// its program and of everything that was invalidated last, and `of` the generation of another program. They are called only
/// where they decide.
pub(crate) fn judge(
    entry: &Entry,
    now: &Generations,
    lookup: &Lookup,
    now_ms: u64,
    draw: impl FnOnce() -> f64,
    latest: impl FnOnce() -> Scope,
    of: impl Fn(&str) -> Generation,
) -> Freshness {
    if is_from_the_future(entry.created_ms(), now_ms) {
        return Freshness::useless(Reason::ClockSkew);
    }
    let Some(extension) = entry.extension() else {
        return Freshness::useless(Reason::Undecodable);
    };
    let (clocks, policy) = (entry.clocks(), &lookup.policy);
    // A hostile entry puts no attempt off for longer than the throttle.
    let retry_at = extension.retry_at;
    let may_try = now_ms >= retry_at || retry_at - now_ms > policy.throttle_ms();
    let reason = match invalid(&extension, now, policy, latest, of) {
        Some((reason, true)) => return Freshness::useless(reason),
        Some((reason, false)) => Some(reason),
        None => overdue(entry, clocks, now, now_ms),
    };
    let acceptance = acceptance(entry, lookup, now_ms);
    let is_refused = reason.is_none() && acceptance == Acceptance::Recompute;
    if let Some(reason) = reason.or(is_refused.then_some(Reason::Refresh)) {
        return judge_old(entry, clocks, lookup, acceptance, now_ms, may_try, reason);
    }
    // Not for a caller that waits for a fresh result, such as a command: it exits before the refresh would end.
    let may_refresh = policy.refreshes_early() && !lookup.waits_for_fresh && may_try;
    let is_refreshed = may_refresh && !entry.is_negative();
    match is_refreshed && is_early(clocks, entry, policy.beta(), now_ms, draw()) {
        true => Freshness::Early,
        false => Freshness::Fresh,
    }
}

/// Why an entry that nothing has made old is not fresh.
fn overdue(entry: &Entry, clocks: Clocks, now: &Generations, now_ms: u64) -> Option<Reason> {
    match entry.created_ms() < now.doubted_before_ms {
        _ if now_ms >= clocks.fresh_until => Some(Reason::Expired),
        true => Some(Reason::BackendSkipped),
        false => None,
    }
}

/// What the caller of `lookup` accepts of `entry` beyond its policy.
pub(crate) fn acceptance(entry: &Entry, lookup: &Lookup, now_ms: u64) -> Acceptance {
    let Some(judge) = &lookup.judge else {
        return Acceptance::AsStored;
    };
    judge.of(&Stored {
        metadata: entry.metadata(),
        age: Duration::from_millis(now_ms.saturating_sub(entry.created_ms())),
        fresh_for: entry.fresh_for(now_ms),
        stale_for: entry.stale_for(now_ms),
        is_negative: entry.is_negative(),
    })
}

/// Judges an entry that is not fresh, or not fresh enough for its caller, for `reason`.
fn judge_old(
    entry: &Entry,
    clocks: Clocks,
    lookup: &Lookup,
    acceptance: Acceptance,
    now_ms: u64,
    may_try: bool,
    reason: Reason,
) -> Freshness {
    let policy = &lookup.policy;
    let is_stale = policy.serves_stale() && clocks.serve_old_until(clocks.stale_until, now_ms);
    let waits = lookup.waits_for_fresh || acceptance == Acceptance::Recompute;
    let is_served = is_stale && !waits;
    let stand_in =
        match policy.serves_after_error() && clocks.serve_old_until(clocks.error_until, now_ms) {
            true => StandIn::Always,
            false if is_stale => StandIn::IfLate,
            false if now_ms < clocks.keep_until => StandIn::OldValue,
            false => StandIn::Never,
        };
    match () {
        // "There is no such thing" is an answer of its time, and no old page.
        () if entry.is_negative() => Freshness::useless(reason),
        () if !may_try && (is_served || stand_in == StandIn::Always) => {
            Freshness::Throttled { reason }
        }
        () if is_served => Freshness::Stale { reason },
        () if acceptance == Acceptance::Stale
            && reason == Reason::Expired
            && now_ms < clocks.keep_until =>
        {
            Freshness::Accepted { reason }
        }
        () => Freshness::MustCompute { reason, stand_in },
    }
}

/// Why an entry is old before its time is over, and whether it must never be served again (`true`). A hard reason replaces a
/// soft one; a missing record of a tag, a tag that the entry does not have, and another version replace both.
fn invalid(
    extension: &Extension,
    now: &Generations,
    policy: &Policy,
    latest: impl FnOnce() -> Scope,
    of: impl Fn(&str) -> Generation,
) -> Option<(Reason, bool)> {
    let mut found = None;
    note(
        &mut found,
        extension.program.difference(now.program),
        latest,
    );
    for (program, stamped) in &extension.inherited.programs {
        note(&mut found, stamped.difference(of(program)), || {
            Scope::of_program(program)
        });
    }
    for stamp in &extension.tags {
        let record = now.record(&stamp.tag);
        let Some(difference) = record.and_then(|record| record.since(stamp.generation)) else {
            // The store has lost the record, and with it whether the tag was invalidated.
            found = Some((Reason::TagLost(stamp.tag.clone()), true));
            continue;
        };
        note(&mut found, difference, || Scope::Tag(stamp.tag.clone()));
    }
    // An entry from before its program had the tag cannot tell whether the tag was invalidated since.
    let is_untold = |(tag, _): &&(String, _)| !extension.tags.iter().any(|stamp| stamp.tag == *tag);
    if let Some((tag, _)) = now.tags.iter().find(is_untold) {
        found = Some((Reason::Invalidated(Scope::Tag(tag.clone())), true));
    }
    if extension.version != policy.version_number() {
        let is_useless = !policy.keeps_versions();
        if is_useless || found.is_none() {
            found = Some((Reason::Version, is_useless));
        }
    }
    found
}

/// Notes that `scope` was invalidated, if it was. A hard reason replaces a soft one.
fn note(found: &mut Option<(Reason, bool)>, difference: Difference, scope: impl FnOnce() -> Scope) {
    let is_worse = found.as_ref().is_none_or(|(_, is_hard)| !is_hard);
    if difference != Difference::Same && is_worse {
        let is_hard = difference == Difference::Hard;
        *found = Some((Reason::Invalidated(scope()), is_hard));
    }
}

/// XFetch: a reader computes early when `now - cost * beta * ln(draw) >= fresh_until`.
fn is_early(clocks: Clocks, entry: &Entry, beta: f64, now_ms: u64, draw: f64) -> bool {
    let left_ms = (clocks.fresh_until - now_ms) as f64;
    let cost_ms = entry.cost().as_secs_f64() * 1_000.0;
    // ln(0) is minus infinity: that draw always refreshes.
    clocks.fresh_until != u64::MAX && -cost_ms * beta * draw.ln() >= left_ms
}
