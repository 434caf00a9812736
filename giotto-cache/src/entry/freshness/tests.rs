//! The rules of freshness, one by one.

use std::time::Duration;

use super::*;
use crate::entry::codec::Draft;
use crate::entry::extension::Stamp;
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
        etag: None,
    };
    Entry::sealed(&draft, &Signer::default())
}

fn judged(entry: &Entry, now: &Generations, policy: Policy, after_ms: u64) -> Freshness {
    let lookup = Lookup::new(key(), policy);
    let mut entry = entry.clone();
    entry.limit(&policy, true, NOW + after_ms);
    judge(
        &entry,
        now,
        &lookup,
        NOW + after_ms,
        || 0.5,
        || Scope::All,
        |_| Generation::default(),
    )
}

fn plain(policy: Policy) -> Entry {
    entry(policy, Duration::ZERO, Extension::default())
}

const fn must_compute(reason: Reason, is_fallback: bool) -> Freshness {
    let stand_in = match is_fallback {
        true => StandIn::Always,
        false => StandIn::Never,
    };
    Freshness::MustCompute { reason, stand_in }
}

#[test]
fn the_three_clocks_pass_one_after_the_other() {
    let policy = Policy::seconds(60)
        .stale_while_revalidate(300)
        .stale_if_error(3_600);
    let entry = plain(policy);
    let at = |after_ms| judged(&entry, &Generations::default(), policy, after_ms);
    let stale = Freshness::Stale {
        reason: Reason::Expired,
    };
    assert_eq!(at(59_999), Freshness::Fresh);
    assert_eq!(at(60_000), stale);
    assert_eq!(at(359_999), stale);
    assert_eq!(at(360_000), must_compute(Reason::Expired, true));
    assert_eq!(at(3_659_999), must_compute(Reason::Expired, true));
    assert_eq!(at(3_660_000), must_compute(Reason::Expired, false));
}

#[test]
fn an_old_entry_is_never_served_under_a_policy_that_does_not_say_so() {
    let entry = plain(
        Policy::seconds(60)
            .stale_while_revalidate(300)
            .stale_if_error(3_600),
    );
    let strict = Policy::seconds(60);
    assert_eq!(
        judged(&entry, &Generations::default(), strict, 60_000),
        must_compute(Reason::Expired, false)
    );
}

#[test]
fn an_entry_lives_no_longer_than_its_readers_policy_allows() {
    let of_an_hour = plain(
        Policy::seconds(3_600)
            .stale_while_revalidate(600)
            .stale_if_error(7_200),
    );
    let at = |policy, after_ms| judged(&of_an_hour, &Generations::default(), policy, after_ms);
    let short = Policy::seconds(1)
        .stale_while_revalidate(2)
        .stale_if_error(3);
    let stale = Freshness::Stale {
        reason: Reason::Expired,
    };
    assert_eq!(at(short, 999), Freshness::Fresh);
    assert_eq!(at(short, 1_000), stale);
    assert_eq!(at(short, 3_000), must_compute(Reason::Expired, true));
    assert_eq!(at(short, 4_000), must_compute(Reason::Expired, false));
    // A policy that allows more does not prolong it.
    let long = Policy::seconds(86_400);
    assert_eq!(at(long, 3_599_999), Freshness::Fresh);
    assert_eq!(at(long, 3_600_000), must_compute(Reason::Expired, false));
}

#[test]
fn an_entry_that_was_computed_later_than_now_is_of_no_use() {
    let policy = Policy::seconds(60)
        .stale_while_revalidate(60)
        .stale_if_error(600);
    let entry = plain(policy);
    let before = |ms: u64| {
        let (lookup, now_ms) = (Lookup::new(key(), policy), NOW - ms);
        let mut entry = entry.clone();
        entry.limit(&policy, true, now_ms);
        let left = entry.fresh_for(now_ms);
        let now = Generations::default();
        (
            judge(
                &entry,
                &now,
                &lookup,
                now_ms,
                || 0.5,
                || Scope::All,
                |_| Generation::default(),
            ),
            left,
        )
    };
    // Clocks never agree to the millisecond; the life is that of the policy all the same.
    assert_eq!(
        before(1_000),
        (Freshness::Fresh, Some(Duration::from_secs(60)))
    );
    assert_eq!(before(1_001).0, must_compute(Reason::ClockSkew, false));
    assert_eq!(before(NOW).0, must_compute(Reason::ClockSkew, false));
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
        etag: None,
    };
    let entry = Entry::sealed(&draft, &Signer::default());
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
    let throttled = Freshness::Throttled {
        reason: Reason::Expired,
    };
    let at = |after_ms| judged(&entry, &Generations::default(), policy, after_ms);
    assert_eq!(at(89_999), throttled);
    assert_eq!(at(90_000), must_compute(Reason::Expired, true));
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
        let now = Generations {
            tags: vec![(tag.clone(), record)],
            ..Generations::default()
        };
        judged(&entry, &now, policy, 0)
    };
    let invalidated = || Reason::Invalidated(Scope::Tag(tag.clone()));
    let soft = record.invalidated(false, NOW);
    let hard = record.invalidated(true, NOW);
    assert_eq!(under(Some(record)), Freshness::Fresh);
    assert_eq!(under(Some(soft)), must_compute(invalidated(), true));
    assert_eq!(under(Some(hard)), must_compute(invalidated(), false));
    assert_eq!(
        under(None),
        must_compute(Reason::TagLost(tag.clone()), false)
    );
    let untold = judged(&entry, &Generations::default(), policy, 0);
    assert_eq!(untold, must_compute(Reason::TagLost(tag.clone()), false));
}

#[test]
fn another_version_is_old_and_a_fallback_only_if_the_policy_says_so() {
    let policy = Policy::seconds(60).stale_if_error(3_600);
    let entry = plain(policy);
    let changed = policy.version(2);
    let now = Generations::default();
    assert_eq!(
        judged(&entry, &now, changed, 0),
        must_compute(Reason::Version, false)
    );
    let tolerant = changed.stale_versions();
    assert_eq!(
        judged(&entry, &now, tolerant, 0),
        must_compute(Reason::Version, true)
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
                &Generations::default(),
                &lookup,
                now_ms,
                || draw,
                || Scope::All,
            ) == Freshness::Early
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
        &Generations::default(),
        &Lookup::new(key(), policy),
        NOW,
        || 0.0,
        || Scope::All,
    );
    assert_eq!(verdict, Freshness::Fresh);
}
