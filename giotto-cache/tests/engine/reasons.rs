//! Each reason once, by its cause; the ways to ask; and what a lookup asks of the store.

use std::sync::Arc;

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    CacheControl, Clock, ErrorKind, KeyValue, LocMemKeyValue, Lookup, Mode, Reason, Result, Scope,
    Status,
};

use crate::model::{Model, Says, page};
use crate::spy::Spy;
use crate::world::{MINUTE, START_MS, ask, ask_for, cache_on, key, ms, processes, seconds, worlds};

#[tokio::test]
async fn what_is_gone_was_never_there_has_expired_or_was_lost() -> Result<()> {
    let ([cache, other], [chaos, _], clock) = processes();
    let model = Model::default();
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::FirstSeen);
    assert_hit!(ask(&cache, &MINUTE, &model).await?);
    assert!(chaos.delete(key("page").as_str()).await?);
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::Evicted);
    clock.advance(seconds(60));
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::Expired);
    assert!(chaos.delete(key("page").as_str()).await?);
    assert_miss!(ask(&other, &MINUTE, &model).await?, Reason::FirstSeen);

    let counts = cache.counts();
    let reasons = (counts.first_seen, counts.evicted, counts.expired);
    assert_eq!((reasons, counts.misses, counts.hits), ((1, 1, 1), 3, 1));
    Ok(())
}

#[tokio::test]
async fn an_invalidated_page_names_what_invalidated_it() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let lookup = || Lookup::new(key("page"), MINUTE).tags(vec!["tag".into()]);
        ask_for(cache, lookup(), &model).await?;
        let scopes = [
            (Scope::Tag("tag".into()), "invalidated tag tag"),
            (
                Scope::Program("program".into()),
                "invalidated program program",
            ),
            (Scope::All, "invalidated all"),
        ];
        for (scope, text) in scopes {
            world.clock.advance(ms(1));
            cache.invalidate(scope.clone()).await?;
            let answer = ask_for(cache, lookup(), &model).await?;
            assert_eq!(answer.reason.as_ref().unwrap().to_string(), text);
            assert_miss!(answer, Reason::Invalidated(scope));
        }
        assert_eq!(cache.counts().invalidated, 3);
        assert_eq!(cache.counts().invalidations, 3);
    }
    Ok(())
}

#[tokio::test]
async fn another_version_is_a_miss_and_stale_only_if_the_policy_says_so() -> Result<()> {
    for world in worlds() {
        let (policy, model) = (
            MINUTE.stale_while_revalidate(300).stale_if_error(300),
            Model::default(),
        );
        world.ask(&policy, &model).await?;
        let next = policy.version(1);
        assert_miss!(world.ask(&next, &model).await?, Reason::Version);
        assert_hit!(world.ask(&next, &model).await?);
        model.says(Says::Fails);
        world.ask(&policy.version(2), &model).await.unwrap_err();
        model.says(Says::Page);
        world.clock.advance(seconds(30));
        let kept = next.version(2).stale_versions();
        let answer = world.ask(&kept, &model).await?;
        assert_stale!(answer);
        assert_eq!(answer.reason, Some(Reason::Version));
        let answer = world.ask(&kept, &model).await?;
        assert_hit!(answer);
        assert_eq!(page(&answer), model.runs());
        assert_miss!(world.ask(&policy, &model).await?, Reason::Version);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_one_that_is_late_and_an_open_breaker_are_told_apart() -> Result<()> {
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    chaos.errors(1.0);
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::BackendError);
    chaos.heal().delay(seconds(1));
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::BackendTimeout);
    chaos.heal().errors(1.0);
    for _ in 0..5 {
        ask(&cache, &MINUTE, &model).await?;
    }
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::BackendSkipped);
    let counts = cache.counts();
    assert_eq!(counts.backend_late, 1);
    assert_eq!(counts.backend_failed + counts.backend_late, counts.misses);
    Ok(())
}

#[tokio::test]
async fn a_damaged_entry_is_undecodable_and_bypass_and_refresh_are_named() -> Result<()> {
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    ask(&cache, &MINUTE, &model).await?;
    chaos.corrupt(1.0);
    assert_miss!(ask(&cache, &MINUTE, &model).await?, Reason::Undecodable);
    chaos.heal();
    assert_hit!(ask(&cache, &MINUTE, &model).await?);

    let lookup = |mode| Lookup::new(key("page"), MINUTE).mode(mode);
    let bypassing = ask_for(&cache, lookup(Mode::Bypass), &model).await?;
    assert_miss!(bypassing, Reason::Bypass);
    assert_eq!(bypassing.status, Status::NotStored);
    let stored = ask(&cache, &MINUTE, &model).await?;
    assert_hit!(stored);
    assert_ne!(page(&stored), page(&bypassing));
    let refreshing = ask_for(&cache, lookup(Mode::Refresh), &model).await?;
    assert_miss!(refreshing, Reason::Refresh);
    let stored = ask(&cache, &MINUTE, &model).await?;
    assert_hit!(stored);
    assert_eq!(page(&stored), page(&refreshing));
    assert_eq!(cache.counts().bypassed, 2);

    cache.remove(&key("page")).await?;
    model.says(Says::Wants(CacheControl::no_store));
    ask(&cache, &MINUTE, &model).await?;
    let answer = ask(&cache, &MINUTE, &model).await?;
    assert_miss!(answer, Reason::NotStorable);
    let counts = cache.counts();
    assert_eq!((counts.bypassed, counts.not_storable), (2, 1));
    Ok(())
}

#[tokio::test]
async fn a_lookup_in_mode_only_never_computes() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let policy = MINUTE
            .stale_while_revalidate(300)
            .stale_if_error(600)
            .early_refresh(1_000.0);
        let only = || Lookup::new(key("page"), policy).mode(Mode::Only);
        let error = ask_for(cache, only(), &model).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotCached);
        world.ask(&policy, &model).await?;
        assert_hit!(ask_for(cache, only(), &model).await?);
        world.clock.advance(seconds(60));
        assert_stale!(ask_for(cache, only(), &model).await?);
        world.clock.advance(seconds(300));
        let error = ask_for(cache, only(), &model).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotCached);
        assert!(error.to_string().contains("expired"), "{error}");
        assert_eq!(model.runs(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_hit_is_one_get_and_once_a_second_one_get_many() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let spy = Spy::new(LocMemKeyValue::new().clock(clock.clone()));
    let cache = cache_on(Arc::new(spy.clone()), &clock);
    let model = Model::default();
    ask(&cache, &MINUTE, &model).await?;
    spy.calls();
    for _ in 0..5 {
        for _ in 0..3 {
            assert_hit!(ask(&cache, &MINUTE, &model).await?);
        }
        let get = ("get", key("page").to_string());
        assert_eq!(spy.calls(), [get.clone(), get.clone(), get]);
        clock.advance(seconds(1));
        assert_hit!(ask(&cache, &MINUTE, &model).await?);
        let keys = format!("{} {{all}} {{program:program}}", key("page"));
        assert_eq!(spy.calls(), [("get_many", keys)]);
    }
    // Tags are read with the entry, each time.
    let tagged = || Lookup::new(key("tagged"), MINUTE).tags(vec!["a".into(), "b".into()]);
    ask_for(&cache, tagged(), &model).await?;
    spy.calls();
    assert_hit!(ask_for(&cache, tagged(), &model).await?);
    let operations: Vec<_> = spy.calls().into_iter().map(|(call, _)| call).collect();
    assert_eq!(operations, ["get_many"]);
    Ok(())
}
