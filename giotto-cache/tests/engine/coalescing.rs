//! Request coalescing: callers of the same page share one computation, whatever becomes of it.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::testing::assert_hit;
use giotto_cache::{
    Answer, Cache, Clock, Computed, ErrorKind, LocMemKeyValue, Lookup, Result, Status,
};
use tokio::task::JoinSet;

use crate::model::{Broken, Model, Says, page};
use crate::scripted::{HOUR, body, in_memory};
use crate::until::until;
use crate::world::{MINUTE, START_MS, ask, cache_on, callers, key, processes, seconds};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_callers_run_one_computation_and_get_the_same_bytes() {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    let callers = callers(&cache, 1000, HOUR, &model);
    until(async || cache.counts().collapsed == 999).await;
    model.release();

    let answers: Vec<_> = callers
        .join_all()
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let first = answers[0].entry.body();
    assert!(
        answers
            .iter()
            .all(|answer| answer.entry.body().as_ptr() == first.as_ptr()),
        "no copies"
    );
    assert_eq!(first, "1");
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == Status::Stored)
            .count(),
        1
    );
    assert_eq!((model.runs(), cache.in_flight()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_at_any_moment_never_run_the_computation_twice() {
    for _ in 0..50 {
        let ((cache, _clock), model) = (in_memory(), Model::held());
        let mut callers = callers(&cache, 50, HOUR, &model);
        model.release();
        while let Some(answer) = callers.join_next().await {
            assert_eq!(page(&answer.unwrap().unwrap()), 1);
        }
        assert_eq!((model.runs(), cache.in_flight()), (1, 0));
        let counts = cache.counts();
        assert_eq!(counts.hits + counts.misses, 50);
    }
}

#[tokio::test]
async fn a_computation_holds_up_no_other_key() -> Result<()> {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    let callers = callers(&cache, 1, HOUR, &model);
    until(async || model.runs() == 1).await;
    assert_eq!(
        cache
            .get_or_compute(key("other"), HOUR, || body("fast"))
            .await?
            .entry
            .body(),
        "fast"
    );
    assert_eq!(cache.in_flight(), 1);
    model.release();
    callers.join_all().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_error_goes_to_all_waiters_and_is_not_stored() {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    model.says(Says::Fails);
    let callers = callers(&cache, 100, HOUR, &model);
    until(async || cache.counts().collapsed == 99).await;
    model.release();
    for answer in callers.join_all().await {
        let error = answer.unwrap_err();
        assert_eq!(
            (error.kind(), error.computed()),
            (ErrorKind::Compute, Some(&Broken))
        );
    }
    assert_eq!(
        (model.runs(), cache.in_flight(), cache.counts().stored),
        (1, 0, 0)
    );
}

/// The flight has ended by the time that its callers hear of it, so that asking again computes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_after_an_error_computes_again() {
    let (cache, _clock) = in_memory();
    for runs in 1..=2000 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || ready(Err::<Bytes, _>(Broken)))
            .await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Compute);
        assert_eq!(cache.counts().computed, runs);
    }
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await;
    assert_eq!(answer.unwrap().status, Status::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_panic_the_leader_gets_an_error_and_one_waiter_computes_again() {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    model.says(Says::PanicsAtFirst);
    let callers = callers(&cache, 100, HOUR, &model);
    until(async || cache.counts().collapsed == 99).await;
    model.release();

    let answers = callers.join_all().await;
    let errors: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert_eq!(
        errors.iter().map(|error| error.kind()).collect::<Vec<_>>(),
        [ErrorKind::Panic]
    );
    assert!(answers.iter().flatten().all(|answer| page(answer) == 2));
    assert_eq!((model.runs(), cache.in_flight()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_panic_is_shared_and_the_next_caller_starts_afresh() {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    model.says(Says::Panics);
    let callers = callers(&cache, 100, HOUR, &model);
    until(async || cache.counts().collapsed == 99).await;
    model.release_one();
    until(async || cache.counts().collapsed == 99 + 98).await;
    model.release();
    for answer in callers.join_all().await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Panic);
    }
    assert_eq!((model.runs(), cache.in_flight()), (2, 0));
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("one"))
        .await;
    assert_eq!(answer.unwrap().status, Status::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_computation_whose_caller_disconnects_completes_for_the_others_and_is_stored()
-> Result<()> {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    let mut leader = callers(&cache, 1, HOUR, &model);
    until(async || model.runs() == 1).await;
    let others = callers(&cache, 10, HOUR, &model);
    until(async || cache.counts().collapsed == 10).await;
    leader.shutdown().await;
    model.release();

    for answer in others.join_all().await {
        let answer = answer?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::Collapsed, "1".into())
        );
    }
    let answer = cache
        .get_or_compute(key("page"), HOUR, || body("two"))
        .await?;
    assert_eq!(
        (answer.status, answer.entry.body()),
        (Status::Hit, "1".into())
    );
    assert_eq!((model.runs(), cache.in_flight()), (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_callers_that_disconnect_leave_nothing_behind() -> Result<()> {
    let ((cache, _clock), model) = (in_memory(), Model::held());
    let mut callers = callers(&cache, 10_000, HOUR, &model);
    until(async || cache.counts().collapsed == 9_999).await;
    callers.shutdown().await;
    assert_eq!((model.runs(), cache.in_flight()), (1, 1));
    model.release();
    cache.settle().await;
    assert_eq!(cache.in_flight(), 0);
    assert_eq!(
        cache
            .get_or_compute(key("page"), HOUR, || body("two"))
            .await?
            .status,
        Status::Hit
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_disconnect_at_any_moment_leave_nothing_behind() {
    let (cache, _clock) = in_memory();
    for round in 0..1000 {
        let mut callers = JoinSet::new();
        for _ in 0..10 {
            let cache = cache.clone();
            callers.spawn(async move {
                let compute = || async {
                    tokio::task::yield_now().await;
                    Err::<Bytes, _>(Broken)
                };
                cache
                    .get_or_compute(key(&format!("page {}", round % 7)), HOUR, compute)
                    .await
            });
        }
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        callers.shutdown().await;
    }
    cache.settle().await;
    assert_eq!(cache.in_flight(), 0);
}

/// A page that is made of itself, or of another that is made of it.
#[tokio::test(start_paused = true)]
async fn a_computation_that_asks_for_its_own_key_does_not_wait_for_itself() -> Result<()> {
    for ways in [vec!["page"], vec!["page", "other"], vec!["page", "b", "c"]] {
        let ([cache], ..) = processes();
        let memory = cache_on(Arc::new(LocMemKeyValue::new()), &Clock::manual(START_MS));
        for cache in [cache, memory] {
            let answer = nested(cache.clone(), ways.clone(), 0);
            let answer = tokio::time::timeout(seconds(60), answer);
            let answer = answer.await.expect("it hangs")?;
            assert_eq!(answer.status, Status::Stored);
            cache.settle().await;
            let again = ask(&cache, &MINUTE, &Model::default()).await?;
            assert_hit!(again);
            assert_eq!(again.entry.body(), "outer", "the inner one was not stored");
        }
    }
    Ok(())
}

/// Asks for the pages of `ways` in a circle, each from within the computation of the one before, until the first has
/// been asked for twice.
fn nested(
    cache: Cache,
    ways: Vec<&'static str>,
    depth: usize,
) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send>> {
    let (key, inside) = (key(ways[depth % ways.len()]), cache.clone());
    let compute = move |_| async move {
        if depth == ways.len() {
            return Ok::<_, Broken>(Computed::Page("inner".into()));
        }
        let inner = nested(inside, ways, depth + 1).await;
        inner.map_err(|_| Broken)?;
        Ok(Computed::Page("outer".into()))
    };
    Box::pin(async move { cache.answer(Lookup::new(key, MINUTE), compute).await })
}
