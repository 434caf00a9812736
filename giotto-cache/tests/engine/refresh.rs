//! A lookup that wants a new page.

use giotto_cache::testing::{assert_miss, assert_stale};
use giotto_cache::{ErrorKind, KeyValue, Lookup, Mode, Reason, Result, Staleness, Status};
use tokio::time::Instant;

use crate::model::{Model, Says, page};
use crate::until::until;
use crate::world::{
    MINUTE, World, ask, ask_for, callers, key, processes, seconds, spied, stale, worlds,
};

/// What a computation returns that was begun before is not what they want: they wait for its end, and then compute.
#[tokio::test(start_paused = true)]
async fn a_refresh_takes_the_lease_and_no_result_of_an_earlier_run() -> Result<()> {
    let ([one, two], [spy, _], _) = spied();
    let model = Model::default();
    model.hold();
    let early = callers(&one, 1, MINUTE, &model);
    until(async || model.runs() == 1).await;
    let new = Model::default();
    ask_for(&two, Lookup::new(key("other"), MINUTE), &new).await?;
    let refresh = || Lookup::new(key("page"), MINUTE).mode(Mode::Refresh);
    let answer = ask_for(&two, refresh(), &new).await?;
    assert_miss!(answer, Reason::Refresh);
    assert_eq!((page(&answer), answer.status), (2, Status::Stored));
    model.release();
    early.join_all().await;
    one.settle().await;
    let stored = spy.store.get(key("page").as_str()).await?;
    assert!(
        stored.is_none_or(|raw| raw.ends_with(b"2")),
        "not the first"
    );

    // In the same process, while the store takes its time to take the first one's result.
    one.remove(&key("page")).await?;
    spy.calls();
    let standstill = spy.stand_still(4, false);
    let first = callers(&one, 1, MINUTE, &model);
    standstill.reached().await;
    assert_eq!(spy.calls().pop().unwrap().0, "set");
    let waiting = tokio::spawn({
        let (one, model) = (one.clone(), model.clone());
        async move { ask_for(&one, refresh(), &model).await }
    });
    until(async || one.counts().collapsed > 0).await;
    let collapsed = one.counts().collapsed;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(one.counts().collapsed, collapsed, "it waits, once");
    standstill.end();
    first.join_all().await;
    assert_eq!(waiting.await.unwrap()?.status, Status::Stored);
    Ok(())
}

#[tokio::test]
async fn waiting_for_a_fresh_page_joins_a_running_refresh() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model, policy) = (&world, Model::default(), stale());
        let lookup = || Lookup::new(key("page"), policy).wait_for_fresh(true);
        world.ask(&policy, &model).await?;
        clock.advance(seconds(60));
        let answer = ask_for(cache, lookup(), &model).await?;
        assert_miss!(answer, Reason::Expired);
        assert_eq!(page(&answer), 2);

        clock.advance(seconds(60));
        model.hold();
        assert_stale!(
            callers(cache, 1, policy, &model)
                .join_all()
                .await
                .remove(0)?
        );
        let waiting = ask_for(cache, lookup(), &model);
        let release = async {
            until(async || cache.counts().collapsed == 1).await;
            model.release();
        };
        let (answer, ()) = tokio::join!(waiting, release);
        let answer = answer?;
        assert_eq!((answer.status, page(&answer)), (Status::Collapsed, 3));
    }
    Ok(())
}

#[tokio::test]
async fn waiting_for_a_fresh_page_returns_the_old_one_if_the_model_fails() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model) = (&world, Model::default());
        let policy = stale().stale_if_error(600);
        let lookup = || Lookup::new(key("page"), policy).wait_for_fresh(true);
        world.ask(&policy, &model).await?;
        clock.advance(seconds(60));
        model.says(Says::Fails);
        assert_stale!(ask_for(cache, lookup(), &model).await?, Staleness::Failed);
        for _ in 0..3 {
            clock.advance(seconds(9));
            let answer = ask_for(cache, lookup(), &model).await?;
            assert_stale!(answer, Staleness::Throttled);
        }
        assert_eq!(model.runs(), 2, "one call in the throttle period");
    }
    Ok(())
}

/// In the window everybody gets the old page, but for those who want to wait.
#[tokio::test]
async fn without_stale_if_error_waiting_for_a_fresh_page_returns_the_error() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model) = (&world, Model::default());
        let policy = stale();
        let waits = || Lookup::new(key("page"), policy).wait_for_fresh(true);
        world.ask(&policy, &model).await?;
        clock.advance(seconds(60));
        model.says(Says::Fails);
        for runs in 2..5 {
            ask_for(cache, waits(), &model).await.unwrap_err();
            assert_eq!(
                model.runs(),
                runs,
                "the throttle is for those who get the old page"
            );
            clock.advance(seconds(1));
        }
        assert_stale!(world.ask(&policy, &model).await?, Staleness::Throttled);
        model.says(Says::Page);
        assert_eq!(
            ask_for(cache, waits(), &model).await?.status,
            Status::Stored
        );
    }
    Ok(())
}

/// It could be served stale anyway; but not in the place of an error.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_fresh_page_returns_the_stale_one_if_the_model_is_late() -> Result<()> {
    let policy = stale().soft_timeout(2).hard_timeout(9);
    for (says, is_served) in [(Says::Page, true), (Says::Fails, false)] {
        let ([cache], _, clock) = processes();
        let model = Model::default();
        ask(&cache, &policy, &model).await?;
        clock.advance(seconds(60));
        model.says(says);
        if is_served {
            model.hold();
        }
        let started = Instant::now();
        let waits = Lookup::new(key("page"), policy).wait_for_fresh(true);
        let answer = cache
            .answer(waits, |control| model.clone().run(control))
            .await;
        match is_served {
            true => {
                assert_stale!(answer?, Staleness::Late);
                assert_eq!(started.elapsed(), seconds(2));
            }
            false => assert_eq!(answer.unwrap_err().kind(), ErrorKind::Compute),
        }
    }
    Ok(())
}
