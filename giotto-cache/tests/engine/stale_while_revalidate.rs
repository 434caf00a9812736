//! Stale-while-revalidate: an old page is served while one background task refreshes it.

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{Reason, Result, Scope, Staleness, Status};

use crate::model::{Model, Says, page};
use crate::until::until;
use crate::world::{World, ask, callers, ms, pass, processes, seconds, stale, worlds};

#[tokio::test]
async fn no_caller_waits_in_the_window_and_one_refresh_outlives_its_callers() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model) = (&world, Model::default());
        world.ask(&stale(), &model).await?;
        clock.advance(seconds(60));
        model.hold();
        for answer in callers(cache, 100, stale(), &model).join_all().await {
            let answer = answer?;
            assert_stale!(answer, Staleness::Revalidating);
            assert_eq!((page(&answer), answer.reason), (1, Some(Reason::Expired)));
        }
        until(async || model.runs() == 2).await;
        model.release();
        cache.settle().await;
        let answer = world.ask(&stale(), &model).await?;
        assert_hit!(answer);
        assert_eq!((page(&answer), model.runs()), (2, 2));
        assert_eq!((cache.counts().stale, cache.counts().refreshes), (100, 1));
    }
    Ok(())
}

#[tokio::test]
async fn the_window_opens_and_closes_on_its_millisecond() -> Result<()> {
    for world in worlds() {
        let (clock, model) = (&world.clock, Model::default());
        world.ask(&stale(), &model).await?;
        clock.advance(seconds(60) - ms(1));
        assert_hit!(world.ask(&stale(), &model).await?);
        model.says(Says::Fails); // what is stored stays as it is
        clock.advance(ms(1));
        assert_stale!(world.ask(&stale(), &model).await?);
        clock.advance(seconds(300) - ms(1));
        let last = world.ask(&stale(), &model).await?;
        assert_stale!(last);
        assert_eq!(last.stale_for, seconds(300) - ms(1));
        model.says(Says::Page);
        clock.advance(ms(1));
        let answer = world.ask(&stale(), &model).await?;
        assert_miss!(answer, Reason::Expired);
        assert_eq!(answer.status, Status::Stored, "a request now waits");
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_refresh_overwrites_nothing_and_is_tried_again_after_the_throttle() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        let policy = stale().throttle(10);
        let first = world.ask(&policy, &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::Fails);
        for second in 0..30 {
            let answer = world.ask(&policy, &model).await?;
            assert_stale!(
                answer,
                match second % 10 {
                    0 => Staleness::Revalidating,
                    _ => Staleness::Throttled,
                }
            );
            assert_eq!(answer.entry.etag(), first.entry.etag());
            assert_eq!(answer.entry.created_ms(), first.entry.created_ms());
            assert_eq!(model.runs(), 2 + second / 10);
            world.clock.advance(seconds(1));
        }
        model.says(Says::Page);
        assert_stale!(world.ask(&policy, &model).await?, Staleness::Revalidating);
        assert_hit!(world.ask(&policy, &model).await?);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_lease_serves_the_stale_page_and_computes_nothing() -> Result<()> {
    let ([one, two], _, clock) = processes();
    let model = Model::default();
    ask(&one, &stale(), &model).await?;
    clock.advance(seconds(60));
    model.hold();
    for cache in [&one, &two] {
        let answers = callers(cache, 10, stale(), &model).join_all().await;
        for answer in answers {
            assert_stale!(answer?, Staleness::Revalidating);
        }
    }
    until(async || model.runs() == 1 + 1).await;
    // Longer than anybody waits for a lease.
    pass(&clock, seconds(12)).await;
    assert_eq!(model.runs(), 2, "one refresh, however long it takes");
    model.release();
    one.settle().await;
    two.settle().await;
    assert_hit!(ask(&two, &stale(), &model).await?);
    assert_eq!(model.runs(), 2);
    Ok(())
}

/// A computation knows that its result must not be served when it is old, whatever its policy allows others.
#[tokio::test]
async fn a_result_without_a_stale_time_is_not_served_after_an_invalidation() -> Result<()> {
    for world in worlds() {
        let cache = &world.cache;
        let policy = stale().stale_if_error(600);
        let says = Says::Wants(|control| {
            control.ttl(60);
            control.stale_while_revalidate(0);
            control.stale_if_error(0);
        });
        let model = Model::saying(says);
        world.ask(&policy, &model).await?;
        world.clock.advance(ms(10));
        cache.invalidate(Scope::Program("program".into())).await?;
        model.says(Says::Fails);
        world.ask(&policy, &model).await.unwrap_err();
        model.says(says);
        let answer = world.ask(&policy, &model).await?;
        assert_eq!((answer.status, page(&answer)), (Status::Stored, 3));
    }
    Ok(())
}
