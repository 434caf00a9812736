//! Old pages: when they are served, when they never are, and how often a failing model is asked.

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{ErrorKind, Lookup, Policy, Reason, Result, Scope, Staleness, Status};
use tokio::time::Instant;

use super::{
    MINUTE, Model, Says, World, ask, ask_for, callers, key, ms, page, pass, processes, seconds,
    until, worlds,
};

/// Fresh for a minute, then stale for five.
fn stale() -> Policy {
    MINUTE.stale(300)
}

/// Fresh for a minute, then there for ten if the model fails.
fn kept() -> Policy {
    MINUTE.stale_if_error(600)
}

#[tokio::test]
async fn nobody_waits_in_the_window_and_one_refresh_outlives_its_callers() -> Result<()> {
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
        until(|| model.runs() == 2).await;
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
        assert_eq!(answer.status, Status::Stored, "whoever asks now waits");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_wants_a_fresh_page_waits_for_it_and_joins_a_refresh_under_way() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model, policy) = (&world, Model::default(), stale());
        let lookup = || Lookup::new(key("page"), &policy).wait_for_fresh(true);
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
            until(|| cache.counts().collapsed == 1).await;
            model.release();
        };
        let (answer, ()) = tokio::join!(waiting, release);
        let answer = answer?;
        assert_eq!((answer.status, page(&answer)), (Status::Collapsed, 3));
    }
    Ok(())
}

#[tokio::test]
async fn whoever_wants_a_fresh_page_gets_the_old_one_if_the_model_fails() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model) = (&world, Model::default());
        let policy = stale().stale_if_error(600);
        let lookup = || Lookup::new(key("page"), &policy).wait_for_fresh(true);
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

#[tokio::test]
async fn without_stale_if_error_a_failure_never_shows_an_old_page() -> Result<()> {
    for world in worlds() {
        for policy in [MINUTE, stale()] {
            let model = Model::default();
            world.cache.remove(&key("page")).await?;
            world.ask(&policy, &model).await?;
            // Past the window, if there is one.
            world.clock.advance(seconds(360));
            for says in [Says::Fails, Says::Panics, Says::Fails] {
                model.says(says);
                world.ask(&policy, &model).await.unwrap_err();
                world.clock.advance(seconds(1));
            }
            assert_eq!(model.runs(), 4, "there is nothing to serve meanwhile");
        }
    }
    Ok(())
}

/// In the window everybody gets the old page, but for those who want to wait.
#[tokio::test]
async fn without_stale_if_error_whoever_waits_for_a_fresh_page_gets_the_error() -> Result<()> {
    for world in worlds() {
        let (World { cache, clock }, model) = (&world, Model::default());
        let policy = stale();
        let waits = || Lookup::new(key("page"), &policy).wait_for_fresh(true);
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

#[tokio::test]
async fn while_the_model_fails_the_old_page_is_served_and_the_model_asked_once_a_period()
-> Result<()> {
    for world in worlds() {
        for says in [Says::Fails, Says::Panics] {
            let model = Model::default();
            world.cache.remove(&key("page")).await?;
            world.ask(&kept(), &model).await?;
            model.says(says);
            world.clock.advance(seconds(60));
            for second in 0..600 {
                let runs = model.runs();
                let answer = world.ask(&kept(), &model).await?;
                let is_attempt = second % 30 == 0;
                assert_stale!(
                    answer,
                    match is_attempt {
                        true => Staleness::Failed,
                        false => Staleness::Throttled,
                    }
                );
                assert_eq!(model.runs() - runs, usize::from(is_attempt), "{second} s");
                assert_eq!((page(&answer), answer.stale_for), (1, seconds(second)));
                world.clock.advance(seconds(1));
            }
            let error = world.ask(&kept(), &model).await.unwrap_err();
            let is_told = matches!(error.kind(), ErrorKind::Compute | ErrorKind::Panic);
            assert!(is_told, "the time allowed is over: {error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_model_that_is_healed_shows_within_one_period() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        let policy = kept().throttle(seconds(7));
        world.ask(&policy, &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::Fails);
        assert_stale!(world.ask(&policy, &model).await?, Staleness::Failed);
        model.says(Says::Page);
        world.clock.advance(seconds(7) - ms(1));
        assert_stale!(world.ask(&policy, &model).await?, Staleness::Throttled);
        world.clock.advance(ms(1));
        let answer = world.ask(&policy, &model).await?;
        assert_miss!(answer, Reason::Expired);
        assert_eq!((page(&answer), answer.fresh_for), (3, Some(seconds(60))));
        assert_hit!(world.ask(&policy, &model).await?);
    }
    Ok(())
}

/// Those who wait for a failure get the old page, too, and do not ask the model each for themselves.
#[tokio::test]
async fn all_who_wait_for_a_failure_get_the_old_page_after_one_run() -> Result<()> {
    for world in worlds() {
        for says in [Says::Fails, Says::Panics] {
            let (cache, model) = (&world.cache, Model::default());
            cache.remove(&key("page")).await?;
            world.ask(&kept(), &model).await?;
            world.clock.advance(seconds(60));
            model.says(says);
            model.hold();
            let collapsed = cache.counts().collapsed;
            let callers = callers(cache, 20, kept(), &model);
            until(|| cache.counts().collapsed == collapsed + 19).await;
            model.release();
            for answer in callers.join_all().await {
                assert_stale!(answer?, Staleness::Failed);
            }
            cache.settle().await;
            assert_eq!(model.runs(), 2);
        }
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

#[tokio::test]
async fn not_found_is_an_answer_in_whose_place_no_old_page_is_served() -> Result<()> {
    for world in worlds() {
        for policy in [kept(), stale().stale_if_error(600)] {
            let model = Model::default();
            world.cache.remove(&key("page")).await?;
            world.ask(&policy, &model).await?;
            world.clock.advance(seconds(361));
            model.says(Says::NotFound);
            let answer = world.ask(&policy, &model).await?;
            assert_eq!((answer.status, page(&answer)), (Status::NotStored, 2));
            assert!(answer.entry.is_negative());
            model.says(Says::Fails);
            world.ask(&policy, &model).await.unwrap_err();
        }
        // Found out behind the scenes.
        let model = Model::default();
        world.ask(&stale(), &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::NotFound);
        assert_stale!(world.ask(&stale(), &model).await?);
        assert!(world.ask(&stale(), &model).await?.entry.is_negative());
    }
    Ok(())
}

#[tokio::test]
async fn what_was_made_old_is_served_after_an_error_and_what_was_removed_never() -> Result<()> {
    let scopes = [
        Scope::Tag("tag".into()),
        Scope::Program("program".into()),
        Scope::All,
    ];
    for world in worlds() {
        let (cache, policy) = (&world.cache, stale().stale_if_error(600));
        let lookup = || {
            let lookup = Lookup::new(key("page"), &policy).tags(vec!["tag".into()]);
            lookup.wait_for_fresh(true)
        };
        for scope in &scopes {
            let model = Model::default();
            assert_eq!(page(&ask_for(cache, lookup(), &model).await?), 1);
            world.clock.advance(ms(10)); // which was invalidated last is told by the time
            cache.invalidate(scope.clone()).await?;
            model.says(Says::Fails);
            let answer = ask_for(cache, lookup(), &model).await?;
            assert_stale!(answer, Staleness::Failed);
            assert_eq!(answer.reason, Some(Reason::Invalidated(scope.clone())));
            let at_once = lookup().wait_for_fresh(false);
            assert_stale!(ask_for(cache, at_once, &model).await?);

            cache.purge(scope.clone()).await?;
            ask_for(cache, lookup(), &model).await.unwrap_err();
            model.says(Says::NotModified);
            let error = ask_for(cache, lookup(), &model).await.unwrap_err();
            assert!(error.to_string().contains("old_value"), "{error}");
            cache.remove(&key("page")).await?;
        }
        let model = Model::default();
        ask_for(cache, lookup(), &model).await?;
        assert!(cache.expire(&key("page")).await?);
        model.says(Says::Fails);
        let answer = ask_for(cache, lookup(), &model).await?;
        assert_stale!(answer, Staleness::Failed);
        assert!(cache.remove(&key("page")).await?);
        ask_for(cache, lookup(), &model).await.unwrap_err();
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_too_late_shows_the_old_page_and_then_its_own() -> Result<()> {
    for world in worlds() {
        for policy in [
            kept().hard_timeout(2),
            kept().soft_timeout(2),
            kept().soft_timeout(2).hard_timeout(9),
        ] {
            let (cache, model) = (&world.cache, Model::default());
            cache.remove(&key("page")).await?;
            world.ask(&policy, &model).await?;
            world.clock.advance(seconds(60));
            model.hold();
            let started = Instant::now();
            for answer in callers(cache, 9, policy, &model).join_all().await {
                assert_stale!(answer?, Staleness::Late);
            }
            assert_eq!((started.elapsed(), model.runs()), (seconds(2), 2));
            if policy == kept().hard_timeout(2) {
                tokio::time::sleep(ms(1)).await;
                for _ in 0..3 {
                    let next = callers(cache, 1, policy, &model)
                        .join_all()
                        .await
                        .remove(0)?;
                    assert_stale!(next, Staleness::Throttled);
                }
                assert_eq!(started.elapsed(), seconds(2) + ms(1), "nobody waits again");
            }
            model.release();
            cache.settle().await;
            let answer = world.ask(&policy, &model).await?;
            assert_hit!(answer);
            assert_eq!(page(&answer), 2);
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_lease_serves_the_stale_page_and_computes_nothing() -> Result<()> {
    let ([one, two], _, clock) = processes();
    let model = Model::default();
    super::ask(&one, &stale(), &model).await?;
    clock.advance(seconds(60));
    model.hold();
    for cache in [&one, &two] {
        let answers = callers(cache, 10, stale(), &model).join_all().await;
        for answer in answers {
            assert_stale!(answer?, Staleness::Revalidating);
        }
    }
    until(|| model.runs() == 1 + 1).await;
    // Longer than anybody waits for a lease.
    pass(&clock, seconds(12)).await;
    assert_eq!(model.runs(), 2, "one refresh, however long it takes");
    model.release();
    one.settle().await;
    two.settle().await;
    assert_hit!(super::ask(&two, &stale(), &model).await?);
    assert_eq!(model.runs(), 2);
    Ok(())
}

/// It could be served stale anyway; but not in the place of an error.
#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_fresh_page_gets_the_stale_one_if_that_is_late() -> Result<()> {
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
        let waits = Lookup::new(key("page"), &policy).wait_for_fresh(true);
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
