//! A store that fails, hangs or returns foreign bytes: requests become misses, and no response waits for it.

use std::future::ready;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{CacheControl, Entry, Policy, Result, Status};
use tokio::time::Instant;

use crate::model::{Broken, Model, Says, page};
use crate::scripted::{DEADLINE, HOUR, Mood, body, is_pending, scripted};
use crate::until::until;
use crate::world::{MINUTE, START_MS, callers, key, ms, processes, seconds};

#[tokio::test]
async fn a_failing_store_is_a_miss_and_never_an_error() -> Result<()> {
    let (cache, store, _clock) = scripted();
    store.moods(Mood::Fails, Mood::Fails);
    for run in 1..=20 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        assert_eq!(answer.entry.body(), "one");
        cache.settle().await;
        assert_eq!((cache.counts().computed, cache.counts().stored), (run, 0));
    }
    assert_eq!(
        cache.counts().backend_errors,
        9,
        "after the fifth get the breaker is open, and nothing is set"
    );
    assert_eq!(store.calls(), 9);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_delays_an_answer_by_one_deadline_and_then_not_at_all() -> Result<()> {
    let (cache, store, _clock) = scripted();
    store.moods(Mood::Hangs, Mood::Hangs);
    let mut delays = Vec::new();
    for _ in 0..8 {
        let started = Instant::now();
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        assert_eq!(answer.entry.body(), "one");
        delays.push(started.elapsed());
        cache.settle().await;
    }
    let [late, at_once] =
        [DEADLINE, Duration::ZERO].map(|delay| delay..delay + Duration::from_millis(2));
    assert!(
        delays[..5].iter().all(|delay| late.contains(delay)),
        "{delays:?}"
    );
    assert!(
        delays[5..].iter().all(|delay| at_once.contains(delay)),
        "{delays:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_a_hanging_store_run_one_computation() {
    let ((cache, store, _clock), model) = (scripted(), Model::held());
    store.moods(Mood::Hangs, Mood::Hangs);
    let callers = callers(&cache, 1000, HOUR, &model);
    until(async || store.calls() == 1000).await;
    tokio::time::advance(DEADLINE).await;
    until(async || cache.counts().collapsed == 999).await;
    model.release();
    assert!(
        callers
            .join_all()
            .await
            .iter()
            .flatten()
            .all(|answer| page(answer) == 1)
    );
    assert_eq!(model.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_on_set_does_not_delay_the_answer_and_late_callers_join_it() -> Result<()>
{
    let (cache, store, clock) = scripted();
    store.moods(Mood::Works, Mood::Hangs);
    let started = Instant::now();
    let first = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    assert_eq!((first.status, cache.in_flight()), (Status::Stored, 1));

    clock.advance(Duration::from_secs(1));
    let late = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(
        (late.status, late.entry.body()),
        (Status::Collapsed, "one".into())
    );
    assert_eq!(
        late.fresh_for,
        Some(Duration::from_secs(3599)),
        "what is left of it"
    );
    assert_eq!(started.elapsed(), Duration::ZERO);

    cache.settle().await;
    let counts = cache.counts();
    assert_eq!(
        (counts.stored, counts.backend_errors, cache.in_flight()),
        (0, 1, 0)
    );
    let next = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(next.entry.body(), "two");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn settle_returns_once_the_store_has_taken_the_result() -> Result<()> {
    let (cache, store, _clock) = scripted();
    cache.settle().await;
    store.moods(Mood::Works, Mood::Waits);
    cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await?;
    cache
        .get_or_compute(key("other"), HOUR, || body("two"))
        .await?;

    let mut settled = pin!(cache.settle());
    assert!(is_pending(settled.as_mut()));
    until(async || store.calls() == 6).await;
    assert!(is_pending(settled.as_mut()), "both sets are under way");
    store.permits.add_permits(1);
    until(async || cache.counts().stored == 1).await;
    assert!(is_pending(settled.as_mut()), "one of them still is");
    store.permits.add_permits(1);
    settled.await;
    assert!(store.value(&key("page")).is_some() && store.value(&key("other")).is_some());
    assert_eq!((cache.counts().stored, cache.in_flight()), (2, 0));
    Ok(())
}

#[tokio::test]
async fn bytes_that_are_no_entry_of_the_key_are_a_miss_counted_once_and_overwritten() -> Result<()>
{
    let (cache, store, _clock) = scripted();
    let [ours, other] = ["page", "other"].map(key);
    let sealed = |key| Entry::seal(key, HOUR, START_MS, Duration::ZERO, b"stored").to_bytes();
    let mut damaged = sealed(&ours).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let mut later_version = sealed(&ours).to_vec();
    later_version[4] += 1;
    let cases = [
        ("empty", Bytes::new()),
        ("foreign", "<p>144</p>".into()),
        ("zeros", vec![0; 4096].into()),
        ("damaged", damaged.into()),
        ("cut short", sealed(&ours).slice(..70)),
        ("another version", later_version.into()),
        ("another key", sealed(&other)),
    ];
    for (number, (name, bytes)) in (1..).zip(cases) {
        store.put(&ours, bytes);
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("computed"))
            .await?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::Stored, "computed".into()),
            "{name}"
        );
        assert_eq!(cache.counts().undecodable, number, "{name}");
        cache.settle().await;
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("again"))
            .await?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::Hit, "computed".into()),
            "{name}"
        );
    }
    assert_eq!(cache.counts().backend_errors, 0);
    Ok(())
}

#[tokio::test]
async fn a_store_that_fails_at_random_or_answers_with_foreign_bytes_never_shows() -> Result<()> {
    let (cache, store, clock) = scripted();
    let mut random = 12_u64;
    for _ in 0..5_000 {
        // Knuth's linear congruential generator; the upper bits are the good ones.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [get, set] = [random >> 33, random >> 43].map(|bits| match bits % 10 {
            0..3 => Mood::Fails,
            _ => Mood::Works,
        });
        store.moods(get, set);
        clock.advance(Duration::from_millis(random >> 55));
        let [page, other] =
            [random >> 50 & 15, random >> 54 & 15].map(|number| format!("page {number}"));
        if let (0, Some(foreign)) = (random >> 60, store.value(&key(&other))) {
            store.put(&key(&page), foreign);
        }
        let expected = Bytes::from(page.clone());
        let compute = move || ready(Ok::<_, Broken>(expected));
        let answer = cache
            .get_or_compute(key(&page), Policy::seconds(10), compute)
            .await?;
        assert_eq!(answer.entry.body(), page);
        cache.settle().await;
    }
    let counts = cache.counts();
    assert_eq!(counts.hits + counts.misses, 5_000);
    assert!(counts.hits > 1_000 && counts.undecodable > 10, "{counts:?}");
    Ok(())
}

/// It costs one call that hangs, and the callers that came during the computation get its result.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_while_the_model_runs_costs_one_deadline() -> Result<()> {
    let says = [
        Says::Page,
        Says::NotFound,
        Says::Wants(|control| control.tags(["late"])),
        Says::Wants(CacheControl::no_store),
    ];
    for (number, says) in says.into_iter().enumerate() {
        let ([cache], [chaos], _) = processes();
        let model = Model::saying(says);
        model.hold();
        let first = callers(&cache, 1, MINUTE, &model);
        until(async || model.runs() == 1).await;
        let later = callers(&cache, usize::from(number != 3), MINUTE, &model);
        until(async || cache.counts().collapsed == later.len() as u64).await;
        chaos.delay(seconds(3_600));
        let started = Instant::now();
        model.release();
        for answers in [first, later] {
            for answer in answers.join_all().await {
                assert_eq!(page(&answer?), 1);
            }
        }
        let waited = started.elapsed();
        assert!(waited <= ms(101), "{number}: {waited:?}");
        assert_eq!(model.runs(), 1);
    }
    Ok(())
}
