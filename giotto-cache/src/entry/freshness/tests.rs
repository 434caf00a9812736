//! The rules of freshness, one by one.

use std::time::Duration;

use super::*;
use crate::entry::codec::Draft;
use crate::entry::extension::Stamp;
use crate::entry::inherited::Inherited;
use crate::invalidation::generation::{Generation, Record};
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
    assert_eq!(at(long, 3_600_000), only_seen(Reason::Expired));
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

/// An entry with a tag, the tag, and its record from before the entry.
fn tagged(policy: Policy) -> (Entry, String, Record) {
    let record = Record::new(0);
    let tag = "user:7".to_owned();
    let stamp = Stamp {
        tag: tag.clone(),
        generation: record.generation,
    };
    let extension = Extension {
        tags: vec![stamp],
        ..Extension::default()
    };
    (entry(policy, Duration::ZERO, extension), tag, record)
}

#[test]
fn a_tag_makes_an_entry_old_and_a_lost_or_hard_one_useless() {
    let policy = Policy::seconds(60).stale_if_error(3_600);
    let (entry, tag, record) = tagged(policy);
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
                |_| Generation::default(),
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
        |_| Generation::default(),
    );
    assert_eq!(verdict, Freshness::Fresh);
}

/// One that sets its own times, under `policy`.
fn kept(policy: Policy, is_negative: bool) -> Entry {
    let draft = Draft {
        key: &key(),
        clocks: policy.clocks(NOW, 0.0),
        cost: Duration::ZERO,
        is_negative,
        has_own_time: false,
        extension: Extension::default(),
        body: b"144",
        etag: None,
    };
    Entry::sealed(&draft, &Signer::default())
}

fn only_seen(reason: Reason) -> Freshness {
    Freshness::MustCompute {
        reason,
        stand_in: StandIn::OldValue,
    }
}

#[test]
fn after_its_time_an_entry_is_kept_for_the_computation_and_served_to_nobody() {
    let policy = Policy::seconds(60).stale_if_error(600).keep(3_600);
    let entry = plain(policy);
    let at = |policy, after_ms| judged(&entry, &Generations::default(), policy, after_ms);
    assert_eq!(at(policy, 659_999), must_compute(Reason::Expired, true));
    assert_eq!(at(policy, 660_000), only_seen(Reason::Expired));
    assert_eq!(at(policy, 4_259_999), only_seen(Reason::Expired));
    assert_eq!(at(policy, 4_260_000), must_compute(Reason::Expired, false));
    // Whatever is written, the reader's policy says how long it is seen, and after a failure it is not served for that time.
    let (shorter, longer) = (policy.keep(60), policy.stale_if_error(86_400));
    assert_eq!(at(shorter, 719_999), only_seen(Reason::Expired));
    assert_eq!(at(shorter, 720_000), must_compute(Reason::Expired, false));
    assert_eq!(at(longer, 660_000), only_seen(Reason::Expired));
}

#[test]
fn what_a_computation_allows_less_of_counts_whatever_the_policy_allows() {
    let policy = Policy::seconds(60)
        .stale_while_revalidate(300)
        .stale_if_error(3_600)
        .keep(86_400);
    // `must-revalidate`
    let strict = plain(policy.at_most(Some(0), Some(0), None));
    let at = |entry: &Entry, after_ms| judged(entry, &Generations::default(), policy, after_ms);
    assert_eq!(at(&strict, 59_999), Freshness::Fresh);
    assert_eq!(at(&strict, 60_000), only_seen(Reason::Expired));
    // Nor when it is invalidated within its fresh time, or its caller wants a new one.
    let record = Record::new(0);
    let tag = "user:7".to_owned();
    let tagged = |policy| {
        let tags = vec![Stamp {
            tag: tag.clone(),
            generation: record.generation,
        }];
        let extension = Extension {
            tags,
            ..Extension::default()
        };
        entry(policy, Duration::ZERO, extension)
    };
    let soft = Generations {
        tags: vec![(tag.clone(), Some(record.invalidated(false, NOW)))],
        ..Generations::default()
    };
    let reason = || Reason::Invalidated(Scope::Tag(tag.clone()));
    let invalidated = judged(
        &tagged(policy.at_most(Some(0), Some(0), None)),
        &soft,
        policy,
        0,
    );
    assert_eq!(invalidated, only_seen(reason()));
    let lenient = judged(&tagged(policy), &soft, policy, 0);
    assert_eq!(lenient, Freshness::Stale { reason: reason() });
    let lookup = Lookup::new(key(), policy).accept(|_| Acceptance::Recompute);
    let now = Generations::default();
    let of = |_: &str| Generation::default();
    let refused = judge(&strict, &now, &lookup, NOW, || 0.5, || Scope::All, of);
    assert_eq!(refused, only_seen(Reason::Refresh));
    // `no-cache`
    let never = plain(policy.at_most(Some(0), Some(0), None).lasting(0));
    assert_eq!(at(&never, 0), only_seen(Reason::Expired));
    assert!(never.clocks().are_of_no_cache() && !strict.clocks().are_of_no_cache());
}

#[test]
fn a_kept_entry_that_is_invalidated_is_seen_and_one_that_is_purged_is_not() {
    let policy = Policy::seconds(60).keep(600);
    let (entry, tag, record) = tagged(policy);
    let under = |record: Record| {
        let now = Generations {
            tags: vec![(tag.clone(), Some(record))],
            ..Generations::default()
        };
        // Nobody accepts it as old, either: its time is not over.
        let lookup = Lookup::new(key(), policy).accept(|_| Acceptance::Stale);
        judge(
            &entry,
            &now,
            &lookup,
            NOW,
            || 0.5,
            || Scope::All,
            |_| Generation::default(),
        )
    };
    let invalidated = || Reason::Invalidated(Scope::Tag(tag.clone()));
    let (soft, hard) = (
        record.invalidated(false, NOW),
        record.invalidated(true, NOW),
    );
    assert_eq!(under(soft), only_seen(invalidated()));
    assert_eq!(under(hard), must_compute(invalidated(), false));
}

/// What the caller says of an entry that is fresh for a minute, stale for five and there for an hour after a failure.
#[test]
fn a_caller_may_want_more_than_the_policy_and_may_take_less() {
    let policy = Policy::seconds(60)
        .stale_while_revalidate(300)
        .stale_if_error(3_600)
        .keep(3_600);
    let strict = Policy::seconds(60).keep(3_600);
    let judged = |policy: Policy, answer, after_ms| {
        let lookup = Lookup::new(key(), policy).accept(move |_| answer);
        let mut entry = plain(policy);
        entry.limit(&policy, true, NOW + after_ms);
        let (now, now_ms) = (Generations::default(), NOW + after_ms);
        judge(
            &entry,
            &now,
            &lookup,
            now_ms,
            || 0.5,
            || Scope::All,
            |_| Generation::default(),
        )
    };
    let expired = || Reason::Expired;
    let (stale, accepted) = (
        Freshness::Stale { reason: expired() },
        Freshness::Accepted { reason: expired() },
    );
    use Acceptance::{AsStored, Recompute, Stale};
    for (policy, answer, after_ms, expected) in [
        (policy, AsStored, 0, Freshness::Fresh),
        (policy, AsStored, 60_000, stale.clone()),
        (policy, Recompute, 0, must_compute(Reason::Refresh, true)),
        (policy, Recompute, 60_000, must_compute(expired(), true)),
        (strict, Recompute, 0, only_seen(Reason::Refresh)),
        (policy, Stale, 0, Freshness::Fresh),
        (policy, Stale, 60_000, stale),
        (policy, Stale, 360_000, accepted.clone()),
        (strict, Stale, 60_000, accepted.clone()),
        (strict, Stale, 3_659_999, accepted),
        (strict, Stale, 3_660_000, must_compute(expired(), false)),
    ] {
        let what = format!("{answer:?} after {after_ms} ms");
        assert_eq!(judged(policy, answer, after_ms), expected, "{what}");
    }
}

#[test]
fn nobody_accepts_what_was_invalidated_or_is_not_there() {
    let policy = Policy::seconds(60).negative(60).keep(3_600);
    let lookup = Lookup::new(key(), policy).accept(|_| Acceptance::Stale);
    let judged = |entry: &Entry, now: &Generations, now_ms| {
        judge(
            entry,
            now,
            &lookup,
            now_ms,
            || 0.5,
            || Scope::All,
            |_| Generation::default(),
        )
    };
    let now = Generations::default();
    let negative = kept(policy, true);
    let expired = must_compute(Reason::Expired, false);
    assert_eq!(judged(&negative, &now, NOW + 60_000), expired);
    let other = Generations {
        program: Generation::random(),
        ..Generations::default()
    };
    let invalidated = must_compute(Reason::Invalidated(Scope::All), false);
    assert_eq!(judged(&kept(policy, false), &other, NOW), invalidated);
    let future = judged(&kept(policy, false), &now, NOW - 2_000);
    assert_eq!(future, must_compute(Reason::ClockSkew, false));
}

#[test]
fn a_caller_is_told_the_age_and_the_rest_of_the_time() {
    let policy = Policy::seconds(60).keep(600);
    for (after_ms, age, left, over) in [
        (0, 0, Some(60), 0),
        (59_000, 59, Some(1), 0),
        (60_000, 60, Some(0), 0),
        (95_000, 95, Some(0), 35),
    ] {
        let lookup = Lookup::new(key(), policy).accept(move |stored: &Stored| {
            assert_eq!(stored.age(), Duration::from_secs(age));
            assert_eq!(stored.fresh_for(), left.map(Duration::from_secs));
            assert_eq!(stored.stale_for(), Duration::from_secs(over));
            assert!(stored.metadata().is_none() && !stored.is_negative());
            Acceptance::Recompute
        });
        let acceptance = acceptance(&plain(policy), &lookup, NOW + after_ms);
        assert_eq!(acceptance, Acceptance::Recompute);
    }
}

#[test]
fn an_entry_is_old_by_the_program_of_a_result_that_it_was_made_of() {
    let policy = Policy::seconds(60).stale_if_error(3_600);
    let before = Record::untouched().invalidated(true, NOW);
    let inherited = Inherited {
        programs: vec![("inner".to_owned(), before.generation)],
        ..Inherited::default()
    };
    let made = Extension {
        inherited,
        ..Extension::default()
    };
    let (entry, lookup) = (
        entry(policy, Duration::ZERO, made),
        Lookup::new(key(), policy),
    );
    let at = |now: Record| {
        let of = |program: &str| {
            assert_eq!(program, "inner");
            now.generation
        };
        judge(
            &entry,
            &Generations::default(),
            &lookup,
            NOW,
            || 0.5,
            || Scope::All,
            of,
        )
    };
    let reason = || Reason::Invalidated(Scope::Program("inner".to_owned()));
    assert_eq!(at(before), Freshness::Fresh);
    assert_eq!(
        at(before.invalidated(false, NOW)),
        must_compute(reason(), true)
    );
    assert_eq!(
        at(before.invalidated(true, NOW)),
        must_compute(reason(), false)
    );
}
