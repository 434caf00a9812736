//! Results that must not be stored (hit-for-miss): they are not shared, and callers do not queue for them.

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{CacheControl, Reason, Result, Status};
use tokio::time::Instant;

use crate::model::{Model, Says, page};
use crate::until::until;
use crate::world::{MINUTE, ask, callers, key, processes, seconds, worlds};

#[tokio::test]
async fn an_uncacheable_result_is_not_shared_and_for_five_seconds_no_caller_queues() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (
            &world.cache,
            Model::saying(Says::Wants(CacheControl::no_store)),
        );
        model.hold();
        let waiting = callers(cache, 10, MINUTE, &model);
        until(async || cache.counts().collapsed == 9).await;
        model.release();
        let mut pages = Vec::new();
        for answer in waiting.join_all().await {
            pages.push(page(&answer?));
        }
        pages.sort_unstable();
        assert_eq!(pages, (1..=10).collect::<Vec<_>>(), "each has its own");

        model.hold();
        let at_once = callers(cache, 10, MINUTE, &model);
        until(async || model.runs() == 20).await;
        model.release();
        for answer in at_once.join_all().await {
            assert_miss!(answer?, Reason::NotStorable);
        }
        cache.settle().await;
        world.clock.advance(seconds(5));
        model.hold();
        let later = callers(cache, 10, MINUTE, &model);
        until(async || cache.counts().collapsed == 18).await;
        assert_eq!(model.runs(), 21, "one is tried again");
        model.release();
        later.join_all().await;
    }
    Ok(())
}

/// Results that are not shared are computed by each caller at the same time: none waits for the lease of another.
#[tokio::test(start_paused = true)]
async fn callers_of_an_uncacheable_page_do_not_queue() -> Result<()> {
    let ([cache], _, clock) = processes();
    let model = Model::saying(Says::Wants(CacheControl::no_store));
    ask(&cache, &MINUTE, &model).await?;
    model.hold();
    let started = Instant::now();
    let waiting = callers(&cache, 10, MINUTE, &model);
    until(async || model.runs() == 11).await;
    assert_eq!(started.elapsed(), seconds(0));
    model.release();
    for answer in waiting.join_all().await {
        assert_miss!(answer?, Reason::NotStorable);
    }
    cache.settle().await;

    // One of them whose result may be stored ends it.
    model.says(Says::Page);
    assert_eq!(ask(&cache, &MINUTE, &model).await?.status, Status::Stored);
    assert_hit!(ask(&cache, &MINUTE, &model).await?);
    clock.advance(seconds(60));
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::Expired);
    Ok(())
}

/// Even results that callers compute each for themselves.
#[tokio::test]
async fn a_computation_that_is_not_shared_is_stopped_from_storing_as_well() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (
            &world.cache,
            Model::saying(Says::Wants(CacheControl::no_store)),
        );
        world.ask(&MINUTE, &model).await?;
        model.hold();
        let apart = callers(cache, 3, MINUTE, &model);
        until(async || model.runs() == 4).await;
        model.says(Says::Page);
        cache.remove(&key("page")).await?;
        model.release();
        apart.join_all().await;
        cache.settle().await;
        assert_eq!(page(&world.ask(&MINUTE, &model).await?), 5);
    }
    Ok(())
}
