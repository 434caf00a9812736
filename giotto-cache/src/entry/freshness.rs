//! What may be done with what was found: the rules of freshness, in one place.
//!
//! Part of step 3 of a lookup. A pure function of the entry, its generations, the policy and the time, so that
//! [`Cache::explain`](crate::Cache::explain) says what the next lookup will do.

use crate::entry::{Entry, Extension};
use crate::invalidation::generation::{Difference, Generation, Record};
use crate::lookup::Lookup;
use crate::policy::{Clocks, Policy};
use crate::reason::Reason;
use crate::reason::Staleness;
use crate::scope::Scope;

/// What is to be done with a found entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Serve it.
    Fresh,
    /// Serve it, and compute a new one if nobody does: its end is near.
    Early,
    /// Serve it as it is, and compute a new one.
    Stale { reason: Reason },
    /// Serve it as it is: an attempt to compute failed a moment ago.
    Throttled { reason: Reason },
    /// Compute, and serve the old one only where it may stand in.
    Due { reason: Reason, fallback: Fallback },
}

/// When an old entry may stand in for the result that its caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    Never,
    /// If the computation takes too long: it could be served stale anyway.
    IfLate,
    /// Also if it fails.
    Always,
}

impl Fallback {
    pub(crate) fn covers(self, staleness: Staleness) -> bool {
        match self {
            Self::Never => false,
            Self::IfLate => staleness == Staleness::Late,
            Self::Always => true,
        }
    }
}

/// The generations that count now, as a lookup has read them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) epoch: Generation,
    /// By tag; `None` if there is no record of it.
    pub(crate) tags: Vec<(String, Option<Record>)>,
}

impl Marks {
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|(known, _)| known == tag)
    }

    fn record(&self, tag: &str) -> Option<Record> {
        let (_, record) = self.tags.iter().find(|(known, _)| known == tag)?;
        *record
    }

    fn tag(&self, tag: &str) -> Option<Generation> {
        self.record(tag).map(|record| record.generation)
    }

    /// Whether what was computed under these is as good as what is computed under `now`.
    pub(crate) fn still_count(&self, now: &Self) -> bool {
        let is_same = |(tag, now): &(String, Option<Record>)| match (self.record(tag), *now) {
            (Some(own), Some(now)) => own.generation == now.generation,
            // Made meanwhile: it counts if nobody has invalidated it.
            (None, Some(record)) => record.changed_ms == 0,
            // Lost or removed meanwhile, and with it whether it was invalidated.
            (Some(_), None) => false,
            (None, None) => true,
        };
        self.epoch == now.epoch && now.tags.iter().all(is_same)
    }
}

/// What makes an entry old before its time, and whether it must not be served at all any more.
fn invalid(
    extension: &Extension,
    marks: &Marks,
    policy: &Policy,
    latest: impl FnOnce() -> Scope,
) -> Option<(Reason, bool)> {
    let mut found = None;
    match extension.epoch.difference(marks.epoch) {
        Difference::Same => {}
        difference => {
            found = Some((
                Reason::Invalidated(latest()),
                difference == Difference::Hard,
            ));
        }
    }
    for stamp in &extension.tags {
        let difference = match marks.tag(&stamp.tag) {
            Some(now) => stamp.generation.difference(now),
            // The store has lost the record, and with it whether the tag was invalidated.
            None => {
                found = Some((Reason::TagLost(stamp.tag.clone()), true));
                continue;
            }
        };
        let is_worse = found.as_ref().is_none_or(|(_, is_hard)| !is_hard);
        if difference != Difference::Same && is_worse {
            let reason = Reason::Invalidated(Scope::Tag(stamp.tag.clone()));
            found = Some((reason, difference == Difference::Hard));
        }
    }
    // An entry from before its program had the tag cannot tell what became of it.
    let is_untold = |(tag, _): &&(String, _)| !extension.tags.iter().any(|stamp| stamp.tag == *tag);
    if let Some((tag, _)) = marks.tags.iter().find(is_untold) {
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

/// Judges `entry` at `now_ms` for whoever asks by `lookup`. `draw` gives a random number between 0 and 1, and
/// `latest` what was invalidated last of the program and everything; both are asked only where they decide.
pub(crate) fn judge(
    entry: &Entry,
    marks: &Marks,
    lookup: &Lookup,
    now_ms: u64,
    draw: impl FnOnce() -> f64,
    latest: impl FnOnce() -> Scope,
) -> Verdict {
    let useless = |reason| Verdict::Due {
        reason,
        fallback: Fallback::Never,
    };
    if entry.is_from_the_future(now_ms) {
        return useless(Reason::ClockSkew);
    }
    let Some(extension) = entry.extension() else {
        return useless(Reason::Undecodable);
    };
    let (clocks, policy) = (entry.clocks(), &lookup.policy);
    // No attempt is put off for longer than the throttle, whatever the entry says.
    let latest_retry = now_ms.saturating_add(policy.throttle_ms());
    let may_try = now_ms >= extension.retry_at || extension.retry_at > latest_retry;
    let reason = match invalid(&extension, marks, policy, latest) {
        Some((reason, true)) => return useless(reason),
        Some((reason, false)) => reason,
        None if now_ms < clocks.fresh_until => {
            // Whoever waits for a fresh result is about to leave: the next one will be early, too.
            let is_early = policy.refreshes_early()
                && !lookup.waits_for_fresh
                && may_try
                && !entry.is_negative()
                && is_early(clocks, entry, policy.beta(), now_ms, draw());
            return if is_early {
                Verdict::Early
            } else {
                Verdict::Fresh
            };
        }
        None => Reason::Expired,
    };
    let is_stale = policy.serves_stale() && now_ms < clocks.stale_until;
    let is_served = is_stale && !lookup.waits_for_fresh;
    let fallback = match policy.serves_after_error() && now_ms < clocks.keep_until {
        true => Fallback::Always,
        false if is_stale => Fallback::IfLate,
        false => Fallback::Never,
    };
    match () {
        // Not to be found is an answer of its time, and no old page.
        () if entry.is_negative() => useless(reason),
        () if !may_try && (is_served || fallback == Fallback::Always) => {
            Verdict::Throttled { reason }
        }
        () if is_served => Verdict::Stale { reason },
        () => Verdict::Due { reason, fallback },
    }
}

/// XFetch: a reader computes early when `now - cost * beta * ln(draw) >= fresh_until`.
fn is_early(clocks: Clocks, entry: &Entry, beta: f64, now_ms: u64, draw: f64) -> bool {
    let left_ms = (clocks.fresh_until - now_ms) as f64;
    let cost_ms = entry.cost().as_secs_f64() * 1_000.0;
    // ln(0) is minus infinity: that draw always refreshes.
    clocks.fresh_until != u64::MAX && -cost_ms * beta * draw.ln() >= left_ms
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::entry::{Draft, Stamp};
    use crate::invalidation::generation::Record;
    use crate::key::Key;
    use crate::signature::Signer;

    const NOW: u64 = 1_000_000;

    fn key() -> Key {
        Key::new("squared", "{'x': 12}", "text/html")
    }

    fn entry(policy: Policy, cost: Duration, extension: Extension) -> Entry {
        let draft = Draft {
            key: &key(),
            clocks: policy.clocks(NOW, 0.0),
            cost,
            is_negative: false,
            has_own_time: false,
            extension,
            body: b"144",
        };
        draft.seal(&Signer::default())
    }

    fn verdict(entry: &Entry, marks: &Marks, policy: Policy, after_ms: u64) -> Verdict {
        let lookup = Lookup::new(key(), policy);
        let mut entry = entry.clone();
        entry.limit(&policy, true, NOW + after_ms);
        judge(
            &entry,
            marks,
            &lookup,
            NOW + after_ms,
            || 0.5,
            || Scope::All,
        )
    }

    fn plain(policy: Policy) -> Entry {
        entry(policy, Duration::ZERO, Extension::default())
    }

    const fn due(reason: Reason, is_fallback: bool) -> Verdict {
        let fallback = match is_fallback {
            true => Fallback::Always,
            false => Fallback::Never,
        };
        Verdict::Due { reason, fallback }
    }

    #[test]
    fn the_three_clocks_pass_one_after_the_other() {
        let policy = Policy::seconds(60).stale(300).stale_if_error(3_600);
        let entry = plain(policy);
        let at = |after_ms| verdict(&entry, &Marks::default(), policy, after_ms);
        let stale = Verdict::Stale {
            reason: Reason::Expired,
        };
        assert_eq!(at(59_999), Verdict::Fresh);
        assert_eq!(at(60_000), stale);
        assert_eq!(at(359_999), stale);
        assert_eq!(at(360_000), due(Reason::Expired, true));
        assert_eq!(at(3_659_999), due(Reason::Expired, true));
        assert_eq!(at(3_660_000), due(Reason::Expired, false));
    }

    #[test]
    fn an_old_entry_is_never_served_under_a_policy_that_does_not_say_so() {
        let entry = plain(Policy::seconds(60).stale(300).stale_if_error(3_600));
        let strict = Policy::seconds(60);
        assert_eq!(
            verdict(&entry, &Marks::default(), strict, 60_000),
            due(Reason::Expired, false)
        );
    }

    #[test]
    fn an_entry_lives_no_longer_than_its_readers_policy_allows() {
        let of_an_hour = plain(Policy::seconds(3_600).stale(600).stale_if_error(7_200));
        let at = |policy, after_ms| verdict(&of_an_hour, &Marks::default(), policy, after_ms);
        let short = Policy::seconds(1).stale(2).stale_if_error(3);
        let stale = Verdict::Stale {
            reason: Reason::Expired,
        };
        assert_eq!(at(short, 999), Verdict::Fresh);
        assert_eq!(at(short, 1_000), stale);
        assert_eq!(at(short, 3_000), due(Reason::Expired, true));
        assert_eq!(at(short, 4_000), due(Reason::Expired, false));
        // A policy that allows more does not prolong it.
        let long = Policy::seconds(86_400);
        assert_eq!(at(long, 3_599_999), Verdict::Fresh);
        assert_eq!(at(long, 3_600_000), due(Reason::Expired, false));
    }

    #[test]
    fn an_entry_that_was_computed_later_than_now_is_of_no_use() {
        let policy = Policy::seconds(60).stale(60).stale_if_error(600);
        let entry = plain(policy);
        let before = |ms: u64| {
            let (lookup, now_ms) = (Lookup::new(key(), policy), NOW - ms);
            let mut entry = entry.clone();
            entry.limit(&policy, true, now_ms);
            let left = entry.fresh_for(now_ms);
            let marks = Marks::default();
            (
                judge(&entry, &marks, &lookup, now_ms, || 0.5, || Scope::All),
                left,
            )
        };
        // Clocks never agree to the millisecond; the life is that of the policy all the same.
        assert_eq!(
            before(1_000),
            (Verdict::Fresh, Some(Duration::from_secs(60)))
        );
        assert_eq!(before(1_001).0, due(Reason::ClockSkew, false));
        assert_eq!(before(NOW).0, due(Reason::ClockSkew, false));
    }

    #[test]
    fn a_computation_sets_a_longer_time_only_where_its_reader_allows_that() {
        let policy = Policy::seconds(60);
        let draft = Draft {
            key: &key(),
            clocks: policy.lasting(3_600_000).clocks(NOW, 0.0),
            cost: Duration::ZERO,
            is_negative: false,
            has_own_time: true,
            extension: Extension::default(),
            body: b"144",
        };
        let entry = draft.seal(&Signer::default());
        for (allows, expected) in [(true, 3_600), (false, 60)] {
            let mut entry = entry.clone();
            entry.limit(&policy, allows, NOW);
            assert_eq!(entry.fresh_for(NOW), Some(Duration::from_secs(expected)));
        }
    }

    #[test]
    fn after_a_failure_no_attempt_is_made_for_a_while() {
        let policy = Policy::seconds(60).stale_if_error(3_600);
        let failed = Extension {
            retry_at: NOW + 90_000,
            ..Extension::default()
        };
        let entry = entry(policy, Duration::ZERO, failed);
        let throttled = Verdict::Throttled {
            reason: Reason::Expired,
        };
        let at = |after_ms| verdict(&entry, &Marks::default(), policy, after_ms);
        assert_eq!(at(89_999), throttled);
        assert_eq!(at(90_000), due(Reason::Expired, true));
    }

    #[test]
    fn a_tag_makes_an_entry_old_and_a_lost_or_hard_one_useless() {
        let policy = Policy::seconds(60).stale_if_error(3_600);
        let record = Record::new(0);
        let tag = "user:7".to_owned();
        let stamp = Stamp {
            tag: tag.clone(),
            generation: record.generation,
        };
        let tagged = Extension {
            tags: vec![stamp],
            ..Extension::default()
        };
        let entry = entry(policy, Duration::ZERO, tagged);
        let under = |record| {
            let marks = Marks {
                tags: vec![(tag.clone(), record)],
                ..Marks::default()
            };
            verdict(&entry, &marks, policy, 0)
        };
        let invalidated = || Reason::Invalidated(Scope::Tag(tag.clone()));
        let soft = record.invalidated(false, NOW);
        let hard = record.invalidated(true, NOW);
        assert_eq!(under(Some(record)), Verdict::Fresh);
        assert_eq!(under(Some(soft)), due(invalidated(), true));
        assert_eq!(under(Some(hard)), due(invalidated(), false));
        assert_eq!(under(None), due(Reason::TagLost(tag.clone()), false));
        let untold = verdict(&entry, &Marks::default(), policy, 0);
        assert_eq!(untold, due(Reason::TagLost(tag.clone()), false));
    }

    #[test]
    fn another_version_is_old_and_a_fallback_only_if_the_policy_says_so() {
        let policy = Policy::seconds(60).stale_if_error(3_600);
        let entry = plain(policy);
        let changed = policy.version(2);
        let marks = Marks::default();
        assert_eq!(
            verdict(&entry, &marks, changed, 0),
            due(Reason::Version, false)
        );
        let tolerant = changed.stale_versions();
        assert_eq!(
            verdict(&entry, &marks, tolerant, 0),
            due(Reason::Version, true)
        );
    }

    /// The seeded draws of 100,000 readers for each of several distances from the end.
    #[test]
    fn early_refresh_follows_its_law() {
        let policy = Policy::seconds(60).early_refresh(1.0);
        let entry = entry(policy, Duration::from_secs(2), Extension::default());
        let lookup = Lookup::new(key(), policy);
        let mut random = fastrand::Rng::with_seed(7);
        for (left, expected) in [
            (1_000.0, -0.5_f64),
            (2_000.0, -1.0),
            (4_000.0, -2.0),
            (6_000.0, -3.0),
        ] {
            let now_ms = NOW + 60_000 - left as u64;
            let early = (0..100_000).filter(|_| {
                let draw = random.f64();
                judge(
                    &entry,
                    &Marks::default(),
                    &lookup,
                    now_ms,
                    || draw,
                    || Scope::All,
                ) == Verdict::Early
            });
            let part = early.count() as f64 / 100_000.0;
            let expected = expected.exp();
            assert!(
                (part - expected).abs() <= 0.02 * expected,
                "{part} instead of {expected}"
            );
        }
    }

    #[test]
    fn an_entry_that_never_expires_is_never_early() {
        let entry = entry(Policy::forever(), Duration::MAX, Extension::default());
        let policy = Policy::seconds(60).early_refresh(1_000.0);
        let verdict = judge(
            &entry,
            &Marks::default(),
            &Lookup::new(key(), policy),
            NOW,
            || 0.0,
            || Scope::All,
        );
        assert_eq!(verdict, Verdict::Fresh);
    }
}
