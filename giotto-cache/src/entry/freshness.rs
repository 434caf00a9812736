//! What may be done with a stored entry: the rules of freshness, in one place.
//!
//! Step 2 of a lookup. A pure function of the entry, the generations that count now, the policy and the time, so that
//! [`Cache::explain`](crate::Cache::explain) tells what the next lookup does.

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
    /// Compute, and serve the old one only where it may stand in.
    MustCompute { reason: Reason, stand_in: StandIn },
}

/// When an old entry may be served in place of the result that its caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIn {
    Never,
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
            Self::Never => false,
            Self::IfLate => staleness == Staleness::Late,
            Self::Always => true,
        }
    }
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
    if entry.is_from_the_future(now_ms) {
        return Freshness::useless(Reason::ClockSkew);
    }
    let Some(extension) = entry.extension() else {
        return Freshness::useless(Reason::Undecodable);
    };
    let (clocks, policy) = (entry.clocks(), &lookup.policy);
    // A hostile entry puts no attempt off for longer than the throttle.
    let retry_at = extension.retry_at;
    let may_try = now_ms >= retry_at || retry_at - now_ms > policy.throttle_ms();
    match invalid(&extension, now, policy, latest, of) {
        Some((reason, true)) => Freshness::useless(reason),
        Some((reason, false)) => judge_old(entry, clocks, lookup, now_ms, may_try, reason),
        None if now_ms >= clocks.fresh_until => {
            judge_old(entry, clocks, lookup, now_ms, may_try, Reason::Expired)
        }
        // Not for a caller that waits for a fresh result, such as a command: it exits before the refresh would end.
        None if policy.refreshes_early()
            && !lookup.waits_for_fresh
            && may_try
            && !entry.is_negative()
            && is_early(clocks, entry, policy.beta(), now_ms, draw()) =>
        {
            Freshness::Early
        }
        None => Freshness::Fresh,
    }
}

/// Judges an entry that is not fresh, for `reason`.
fn judge_old(
    entry: &Entry,
    clocks: Clocks,
    lookup: &Lookup,
    now_ms: u64,
    may_try: bool,
    reason: Reason,
) -> Freshness {
    let policy = &lookup.policy;
    let is_stale = policy.serves_stale() && now_ms < clocks.stale_until;
    let is_served = is_stale && !lookup.waits_for_fresh;
    let stand_in = match policy.serves_after_error() && now_ms < clocks.keep_until {
        true => StandIn::Always,
        false if is_stale => StandIn::IfLate,
        false => StandIn::Never,
    };
    match () {
        // "There is no such thing" is an answer of its time, and no old page.
        () if entry.is_negative() => Freshness::useless(reason),
        () if !may_try && (is_served || stand_in == StandIn::Always) => {
            Freshness::Throttled { reason }
        }
        () if is_served => Freshness::Stale { reason },
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
    let mut found = match extension.program.difference(now.program) {
        Difference::Same => None,
        difference => Some((
            Reason::Invalidated(latest()),
            difference == Difference::Hard,
        )),
    };
    for (program, generation) in &extension.inherited.programs {
        let difference = generation.difference(of(program));
        let is_worse = found.as_ref().is_none_or(|(_, is_hard)| !is_hard);
        if difference != Difference::Same && is_worse {
            let reason = Reason::Invalidated(Scope::Program(program.clone()));
            found = Some((reason, difference == Difference::Hard));
        }
    }
    for stamp in &extension.tags {
        let record = now.record(&stamp.tag);
        let Some(difference) = record.and_then(|record| record.since(stamp.generation)) else {
            // The store has lost the record, and with it whether the tag was invalidated.
            found = Some((Reason::TagLost(stamp.tag.clone()), true));
            continue;
        };
        let is_worse = found.as_ref().is_none_or(|(_, is_hard)| !is_hard);
        if difference != Difference::Same && is_worse {
            let reason = Reason::Invalidated(Scope::Tag(stamp.tag.clone()));
            found = Some((reason, difference == Difference::Hard));
        }
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

/// XFetch: a reader computes early when `now - cost * beta * ln(draw) >= fresh_until`.
fn is_early(clocks: Clocks, entry: &Entry, beta: f64, now_ms: u64, draw: f64) -> bool {
    let left_ms = (clocks.fresh_until - now_ms) as f64;
    let cost_ms = entry.cost().as_secs_f64() * 1_000.0;
    // ln(0) is minus infinity: that draw always refreshes.
    clocks.fresh_until != u64::MAX && -cost_ms * beta * draw.ln() >= left_ms
}
