//! Invalidation of programs, of everything and of one entry, which of two counts, and what stops a computation from storing.

use std::sync::Arc;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Cache, Clock, Key, LocMemKeyValue, Lookup, Policy, Reason, Result, Scope, Staleness,
};

use crate::model::{Model, page};
use crate::spy::Spy;
use crate::until::until;
use crate::world::{
    MINUTE, START_MS, ask, ask_for, cache_on, callers, key, ms, processes, seconds, worlds,
};

#[tokio::test]
async fn programs_and_everything_are_invalidated_here_at_once_and_elsewhere_within_a_second()
-> Result<()> {
    for scope in [Scope::Program("program".into()), Scope::All] {
        for is_hard in [false, true] {
            let ([one, two], _, clock) = processes();
            let model = Model::default();
            let stays = Key::new("another", "", "text/html");
            let elsewhere = || Lookup::new(stays.clone(), MINUTE);
            ask_for(&one, elsewhere(), &model).await?;
            ask(&one, &MINUTE, &model).await?;
            assert_hit!(ask(&two, &MINUTE, &model).await?);
            clock.advance(ms(500));
            match is_hard {
                false => one.invalidate(scope.clone()).await?,
                true => one.purge(scope.clone()).await?,
            }
            let answer = ask(&one, &MINUTE, &model).await?;
            assert_miss!(answer, Reason::Invalidated(scope.clone()));
            clock.advance(one.settles_within(&scope));
            let answer = ask(&two, &MINUTE, &model).await?;
            assert_hit!(answer);
            assert_eq!(page(&answer), 3, "the new page is the other's, too");
            match scope {
                Scope::All => assert_miss!(ask_for(&two, elsewhere(), &model).await?),
                _ => assert_hit!(ask_for(&two, elsewhere(), &model).await?),
            }
        }
    }
    Ok(())
}

/// A key escapes such a name. The record of the invalidation is written, waits for the store, or has no room.
#[tokio::test(start_paused = true)]
async fn a_program_is_invalidated_by_its_name_whatever_is_in_it() -> Result<()> {
    let faults: [fn(&Chaos) -> &Chaos; 3] = [
        |chaos| chaos,
        |chaos| chaos.errors(1.0),
        |chaos| chaos.full(true),
    ];
    for name in ["a(b)", "100%", "%28"] {
        for fault in faults {
            let ([cache], [chaos], _) = processes();
            let (model, scope) = (Model::default(), Scope::Program(name.to_owned()));
            let lookup = || Lookup::new(Key::new(name, "{}", "text/html"), MINUTE);
            ask_for(&cache, lookup(), &model).await?;
            assert_hit!(ask_for(&cache, lookup(), &model).await?);
            fault(&chaos);
            // An error says that the store is not told yet.
            cache.invalidate(scope.clone()).await.ok();
            chaos.heal();
            let answer = ask_for(&cache, lookup(), &model).await?;
            // A store that is full has lost the page itself.
            let reasons = [Reason::Invalidated(scope), Reason::Evicted];
            assert!(answer.reason.is_some_and(|why| reasons.contains(&why)));
        }
    }
    Ok(())
}

/// Within the second in which two invalidate the same, whose clocks differ: all know the last.
#[tokio::test]
async fn the_last_of_two_invalidations_wins_even_if_its_clock_is_behind() -> Result<()> {
    let (ahead, behind) = (Clock::manual(START_MS + 300), Clock::manual(START_MS));
    let store = Spy::new(LocMemKeyValue::new().clock(behind.clone()));
    let one = cache_on(Arc::new(store.clone()), &ahead);
    let two = cache_on(Arc::new(store.another()), &behind);
    let model = Model::default();
    one.invalidate(Scope::All).await?;
    ask(&one, &MINUTE, &model).await?;
    two.invalidate(Scope::All).await?;
    for clock in [&ahead, &behind] {
        clock.advance(seconds(2));
    }
    assert_miss!(
        ask(&one, &MINUTE, &model).await?,
        Reason::Invalidated(Scope::All)
    );
    assert_hit!(ask(&two, &MINUTE, &model).await?);
    Ok(())
}

#[tokio::test]
async fn an_entry_that_is_removed_or_expired_while_it_is_computed_is_not_found_afterwards()
-> Result<()> {
    type Change = fn(Cache) -> tokio::task::JoinHandle<Result<bool>>;
    let changes: [Change; 2] = [
        |cache| tokio::spawn(async move { cache.remove(&key("page")).await }),
        |cache| tokio::spawn(async move { cache.expire(&key("page")).await }),
    ];
    for change in changes {
        // In this process, and in another.
        for by in [0, 1] {
            let (caches, _, _) = processes::<2>();
            let model = Model::default();
            model.hold();
            let first = callers(&caches[0], 3, MINUTE, &model);
            until(async || model.runs() == 1).await;
            assert!(!change(caches[by].clone()).await.unwrap()?, "not there yet");
            model.release();
            first.join_all().await;
            caches[0].settle().await;
            let answer = ask(&caches[1], &MINUTE, &model).await?;
            assert_eq!(page(&answer), 2);
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_invalidated_page_says_that_it_is_not_fresh() -> Result<()> {
    for world in worlds() {
        let policy = Policy::seconds(3_600).stale_while_revalidate(300);
        let (cache, model) = (&world.cache, Model::default());
        world.ask(&policy, &model).await?;
        cache.settle().await;
        cache.invalidate(Scope::Program("program".into())).await?;
        let answer = world.ask(&policy, &model).await?;
        assert_stale!(answer, Staleness::Revalidating);
        assert_eq!(answer.fresh_for, Some(ms(0)));
        cache.settle().await;
    }
    Ok(())
}
