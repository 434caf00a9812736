//! Several processes on one store: one computes, and nobody hangs, whatever becomes of it.

use std::sync::Arc;

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{Clock, KeyValue, LocMemKeyValue, Policy, Reason, Result, Staleness, Status};
use tokio::time::Instant;

use crate::model::{Model, Says, page};
use crate::spy::Spy;
use crate::until::until;
use crate::world::{
    MINUTE, START_MS, ask, cache_on, callers, kept, key, ms, pass, processes, seconds, spied,
};

const LEASE: &str = "{lease:page(program)(text/html)}";

#[tokio::test(start_paused = true)]
async fn one_of_four_processes_computes_and_the_others_get_its_page() -> Result<()> {
    let (caches, _, _) = processes::<4>();
    let model = Model::default();
    model.hold();
    let first = callers(&caches[0], 10, MINUTE, &model);
    until(async || model.runs() == 1).await;
    let others = caches[1..]
        .iter()
        .map(|cache| callers(cache, 10, MINUTE, &model));
    let others: Vec<_> = others.collect();
    until(async || caches[1..].iter().all(|cache| cache.counts().waited > 0)).await;
    model.release();
    for answers in others.into_iter().chain([first]) {
        for answer in answers.join_all().await {
            assert_eq!(page(&answer?), 1);
        }
    }
    assert_eq!(model.runs(), 1);
    Ok(())
}

/// The counters and the answers are two reports of one thing.
#[tokio::test(start_paused = true)]
async fn what_another_process_has_computed_meanwhile_is_told_as_it_is_counted() -> Result<()> {
    let ([one, two], _, clock) = processes();
    let (model, own) = (Model::held(), Model::default());
    let waits = async |policy: Policy| {
        let (runs, waited) = (model.runs(), two.counts().waited);
        let first = callers(&one, 1, policy, &model);
        until(async || model.runs() > runs).await;
        let second = callers(&two, 1, policy, &own);
        until(async || two.counts().waited > waited).await;
        model.release();
        first.join_all().await;
        second.join_all().await.remove(0)
    };
    let answer = waits(kept()).await?;
    assert_eq!(
        (answer.status, answer.reason),
        (Status::Collapsed, Some(Reason::FirstSeen))
    );
    let counts = two.counts();
    assert_eq!((counts.hits, counts.misses, counts.collapsed), (0, 1, 1));

    // The other process fails.
    clock.advance(seconds(60));
    model.says(Says::Fails);
    model.hold();
    let answer = waits(kept()).await?;
    assert_stale!(answer, Staleness::Failed);
    assert_eq!(answer.reason, Some(Reason::Expired));
    let counts = two.counts();
    assert_eq!((counts.misses, counts.expired), (2, 1));
    assert_eq!((counts.stale_failed, counts.stale_throttled), (1, 0));
    assert_eq!(own.runs(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_dies_is_succeeded_within_the_life_of_its_lease() -> Result<()> {
    let ([dying, next, third], [chaos, ..], clock) = processes();
    let (model, after) = (Model::default(), Model::default());
    chaos.die_with_lease();
    model.hold();
    let _dead = callers(&dying, 1, MINUTE, &model);
    until(async || model.runs() == 1).await;
    assert!(chaos.is_dead());
    let waiting = callers(&next, 10, MINUTE, &after);
    until(async || next.counts().waited > 0).await;
    pass(&clock, seconds(5)).await;
    for answer in waiting.join_all().await {
        assert_eq!(page(&answer?), 1);
    }
    assert_eq!(after.runs(), 1, "one other wins");
    next.settle().await;
    let started = Instant::now();
    let answer = ask(&third, &MINUTE, &after).await?;
    assert_eq!(started.elapsed(), seconds(0), "and nobody waits after that");
    assert_eq!(page(&answer), 1 + usize::from(answer.status != Status::Hit));

    // What it computed while it was dead is nobody's page.
    model.release();
    dying.settle().await;
    chaos.heal();
    assert_ne!(after.runs(), 0);
    assert_hit!(ask(&third, &MINUTE, &after).await?);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_its_owner_computes_and_the_wait_for_it_is_bounded() -> Result<()>
{
    let ([one, two], [_, spy], clock) = spied();
    let model = Model::default();
    model.hold();
    let first = callers(&one, 1, MINUTE, &model);
    until(async || model.runs() == 1).await;
    pass(&clock, seconds(20)).await;
    let owner = spy.store.get(LEASE).await?;
    assert!(owner.is_some(), "renewed for 20 seconds");

    let (own, started) = (Model::default(), Instant::now());
    let waiting = callers(&two, 5, MINUTE, &own);
    pass(&clock, seconds(5) - ms(50)).await;
    assert_eq!(own.runs(), 0);
    pass(&clock, seconds(1)).await;
    for answer in waiting.join_all().await {
        let answer = answer?;
        let is_expected = matches!(answer.status, Status::NotStored | Status::Collapsed);
        assert!(is_expected, "{:?}", answer.status);
    }
    assert!(started.elapsed() <= seconds(6));
    assert_eq!(own.runs(), 1);
    let entry = spy.store.get(key("page").as_str()).await?;
    assert_eq!(entry, None, "who computed without a lease stores nothing");
    assert_eq!(spy.store.get(LEASE).await?, owner, "nor takes it away");
    model.release();
    first.join_all().await;
    one.settle().await;
    assert_eq!(spy.store.get(LEASE).await?, None, "given back");
    assert_eq!(page(&ask(&two, &MINUTE, &own).await?), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_took_over_is_left_alone_and_the_page_with_it() -> Result<()> {
    let ([one, two], [spy, _], _) = spied();
    let model = Model::default();
    model.hold();
    let first = callers(&one, 1, MINUTE, &model);
    until(async || model.runs() == 1).await;
    spy.store.set(LEASE, "another".into(), None).await?;
    model.release();
    first.join_all().await;
    one.settle().await;
    assert_eq!(spy.store.get(LEASE).await?, Some("another".into()));
    assert_eq!(spy.store.get(key("page").as_str()).await?, None);
    two.remove(&key("page")).await?;
    assert_eq!(page(&ask(&two, &MINUTE, &model).await?), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failure_a_panic_or_a_refusal_frees_the_lease_at_once() -> Result<()> {
    for says in [Says::Fails, Says::Panics, Says::Refused] {
        let ([one, two], ..) = spied();
        let started = Instant::now();
        ask(&one, &MINUTE, &Model::saying(says)).await.unwrap_err();
        assert_miss!(ask(&two, &MINUTE, &Model::default()).await?);
        assert_eq!(started.elapsed(), seconds(0));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_cannot_ask_for_a_lease_computes_without_one_at_once() -> Result<()> {
    let ([one, two], [_, spy], _) = spied();
    let (held, model) = (Model::default(), Model::default());
    held.hold();
    let _first = callers(&one, 1, MINUTE, &held);
    until(async || held.runs() == 1).await;
    spy.failing(Some("add"));
    let started = Instant::now();
    assert_eq!(page(&ask(&two, &MINUTE, &model).await?), 1);
    assert_eq!(started.elapsed(), seconds(0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_store_without_an_atomic_add_and_a_policy_without_a_lease_use_none() -> Result<()> {
    for (is_atomic, policy) in [(false, MINUTE), (true, MINUTE.without_lease())] {
        let clock = Clock::manual(START_MS);
        let mut spy = Spy::new(LocMemKeyValue::new().clock(clock.clone()));
        if !is_atomic {
            spy = spy.without_atomic_add();
        }
        let caches = [(); 2].map(|()| cache_on(Arc::new(spy.clone()), &clock));
        let model = Model::default();
        model.hold();
        let both = caches
            .each_ref()
            .map(|cache| callers(cache, 5, policy, &model));
        until(async || model.runs() == 2).await;
        model.release();
        for answers in both {
            answers.join_all().await;
        }
        let leases = spy.calls();
        let mut leases = leases.iter().filter(|(_, key)| key.contains("{lease:"));
        assert_eq!(leases.next(), None);
    }
    Ok(())
}

/// Those who came before the model ran are owed its result; who came while it ran cannot know what became of the page.
#[tokio::test(start_paused = true)]
async fn a_lost_lease_costs_earlier_callers_no_other_run() -> Result<()> {
    let ([one, two], [spy, _], _) = spied();
    for removes in [false, true] {
        one.remove(&key("page")).await?;
        let model = Model::default();
        model.hold();
        let first = callers(&one, 10, MINUTE, &model);
        until(async || model.runs() == 1).await;
        let collapsed = one.counts().collapsed;
        let later = callers(&one, 10, MINUTE, &model);
        until(async || one.counts().collapsed == collapsed + 10).await;
        match removes {
            true => assert!(!two.remove(&key("page")).await?),
            // A store may lose any value.
            false => assert!(spy.store.delete(LEASE).await?),
        }
        model.release();
        for (answers, run) in [(first, 1), (later, 2)] {
            for answer in answers.join_all().await {
                assert_eq!(page(&answer?), run);
            }
        }
        one.settle().await;
        assert_eq!(model.runs(), 2);
        assert_hit!(ask(&one, &MINUTE, &model).await?);
    }
    Ok(())
}

/// Planted, it would keep the page from being stored for ever.
#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_lease_is_waited_for_once_and_removed() -> Result<()> {
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    chaos.set(LEASE, "planted".into(), None).await?;
    let first = ask(&cache, &MINUTE, &model).await?;
    assert_eq!(first.status, Status::NotStored);
    assert_eq!(chaos.get(LEASE).await?, None);
    assert_eq!(ask(&cache, &MINUTE, &model).await?.status, Status::Stored);
    Ok(())
}
