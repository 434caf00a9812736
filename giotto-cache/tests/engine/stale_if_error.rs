//! An old page in the place of an error, and how often a failing model is asked (throttle).

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{ErrorKind, Lookup, Reason, Result, Scope, Staleness};

use crate::model::{Model, Says, page};
use crate::until::until;
use crate::world::{MINUTE, ask_for, callers, kept, key, ms, seconds, stale, worlds};

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
async fn all_waiters_of_a_failure_get_the_old_page_after_one_run() -> Result<()> {
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
            until(async || cache.counts().collapsed == collapsed + 19).await;
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
async fn an_invalidated_page_is_served_after_an_error_and_a_removed_one_never() -> Result<()> {
    let scopes = [
        Scope::Tag("tag".into()),
        Scope::Program("program".into()),
        Scope::All,
    ];
    for world in worlds() {
        let (cache, policy) = (&world.cache, stale().stale_if_error(600));
        let lookup = || {
            let lookup = Lookup::new(key("page"), policy).tags(vec!["tag".into()]);
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
