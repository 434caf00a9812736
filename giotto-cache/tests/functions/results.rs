//! A result is computed once and served while its policy allows it, under its arguments.

use std::convert::Infallible;
use std::sync::Arc;

use giotto_cache::{Lookup, Mode, Policy, Reason, Result, Scope};
use tokio::task::JoinSet;

use crate::until::until;
use crate::world::{MINUTE, Runs, User, worlds};

#[tokio::test]
async fn a_result_is_computed_once_for_its_arguments() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        for (id, run) in [(7, 1), (7, 1), (8, 2), (7, 1), (8, 2)] {
            let user = world.user().call(id, || runs.clone().user(id)).await?;
            world.cache.settle().await;
            assert_eq!((user.id, user.run), (id, run));
        }
        let counts = world.counts("user").counts;
        assert_eq!((counts.hits, counts.misses, counts.computed), (3, 2, 2));
        let key = world.user().key::<User>(&7)?;
        assert!(key.as_str().starts_with("7(user)(value/"), "{key}");
        let explained = world.cache.explain(&Lookup::new(key, MINUTE)).await;
        assert_eq!(explained.entry.map(|entry| entry.is_negative), Some(false));
    }
    Ok(())
}

#[tokio::test]
async fn a_result_that_was_made_old_or_whose_time_is_over_is_computed_again() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        let tagged = || world.user().tags([format!("user:{}", 7)]);
        let call = async || {
            let user = tagged().call(7, || runs.clone().user(7)).await;
            world.cache.settle().await;
            user
        };
        assert_eq!((call().await?.run, call().await?.run), (1, 1));
        world.cache.invalidate("user:7").await?;
        assert_eq!((call().await?.run, call().await?.run), (2, 2));
        world
            .cache
            .invalidate(Scope::Program("user".to_owned()))
            .await?;
        assert_eq!((call().await?.run, call().await?.run), (3, 3));
        assert!(world.cache.remove(&tagged().key::<User>(&7)?).await?);
        assert_eq!((call().await?.run, call().await?.run), (4, 4));
        world.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!((call().await?.run, call().await?.run), (5, 5));
        let refreshed = tagged()
            .mode(Mode::Refresh)
            .call(7, || runs.clone().user(7));
        assert_eq!(refreshed.await?.run, 6);
        assert_eq!(call().await?.run, 6);
    }
    Ok(())
}

#[tokio::test]
async fn an_old_result_is_served_while_a_new_one_is_computed() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        let policy = MINUTE.stale_while_revalidate(60);
        let function = || world.cache.function("user").policy(policy);
        let call = async || function().call(7, || runs.clone().user(7)).await;
        assert_eq!(call().await?.run, 1);
        world.cache.settle().await;
        world.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(call().await?.run, 1);
        world.cache.settle().await;
        assert_eq!(call().await?.run, 2);
    }
    Ok(())
}

#[tokio::test]
async fn ten_thousand_callers_wait_for_one_run() -> Result<()> {
    for world in worlds() {
        let (runs, mut callers) = (Runs::held(), JoinSet::new());
        for _ in 0..10_000 {
            let (cache, runs) = (world.cache.clone(), runs.clone());
            callers.spawn(async move {
                let function = cache.function("user").policy(MINUTE);
                function.call_shared(7, || runs.user(7)).await
            });
        }
        let collapsed = || world.counts("user").counts.collapsed;
        until(async || runs.count() == 1 && collapsed() == 9_999).await;
        runs.release();
        for user in callers.join_all().await {
            assert_eq!(user?.run, 1);
        }
        assert_eq!(runs.count(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_computation_controls_how_its_result_is_stored() -> Result<()> {
    for world in worlds() {
        let call = async |ttl: u64, tag: &'static str, number: u8| {
            let function = world.cache.function("number").policy(MINUTE);
            let number = function.call_with((), |control| async move {
                control.ttl(ttl);
                control.tags([tag]);
                Ok::<_, Infallible>(number)
            });
            let number = number.await;
            world.cache.settle().await;
            number.map(|number| *number)
        };
        assert_eq!((call(5, "a", 1).await?, call(5, "b", 2).await?), (1, 1));
        world.cache.invalidate("b").await?;
        assert_eq!(call(5, "b", 3).await?, 1);
        world.cache.invalidate("a").await?;
        assert_eq!(call(5, "b", 4).await?, 4);
        world.clock.advance(std::time::Duration::from_secs(5));
        assert_eq!(call(5, "b", 5).await?, 5);
    }
    Ok(())
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_an_error() {
    for world in worlds() {
        let policy = MINUTE.soft_timeout(1);
        let function = world.cache.function("user").policy(policy);
        let error = function
            .call(7, || Runs::default().user(7))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("soft_timeout"), "{error}");
    }
}

#[tokio::test]
async fn bypass_neither_reads_nor_writes() -> Result<()> {
    for world in worlds() {
        let runs = Runs::default();
        for run in [1, 2] {
            let bypass = world.user().mode(Mode::Bypass);
            assert_eq!(bypass.call(7, || runs.clone().user(7)).await?.run, run);
        }
        let only = world.user().mode(Mode::Only);
        let error = only.call(7, || runs.clone().user(7)).await.unwrap_err();
        assert_eq!(error.reason(), Some(&Reason::FirstSeen));
    }
    Ok(())
}

/// A hit needs no runtime of several threads, no clone of the value, and no owned arguments.
#[tokio::test]
async fn arguments_may_be_borrowed_and_values_shared() -> Result<()> {
    #[derive(serde::Serialize)]
    struct Arguments<'a> {
        name: &'a str,
        lang: &'a str,
    }
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Unclonable(String);

    for world in worlds() {
        let name = "ada".to_owned();
        let arguments = Arguments {
            name: &name,
            lang: "de",
        };
        let function = world.cache.function("greeting").policy(Policy::forever());
        let key = function.key::<Unclonable>(&arguments)?;
        assert_eq!(key.arguments(), "{'name': 'ada', 'lang': 'de'}");
        let greeting: Arc<Unclonable> = function
            .call_shared(&arguments, || async {
                Ok::<_, Infallible>(Unclonable("Hallo Ada".to_owned()))
            })
            .await?;
        assert_eq!(greeting.0, "Hallo Ada");
    }
    Ok(())
}
