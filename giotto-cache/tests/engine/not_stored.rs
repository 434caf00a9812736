//! Results that are not stored: what is said of them, and what becomes of the older one that is.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Cache, Clock, Computed, DummyKeyValue, KeyValue, LocMemKeyValue, Lookup, Mode, NotStored,
    Policy, Reason, Result, Staleness, Status,
};

use crate::model::{Broken, Model, Says};
use crate::scripted::{HOUR, body};
use crate::world::{MINUTE, START_MS, ask, ask_for, key, processes, seconds, worlds};

/// A page that grows over the limit.
#[tokio::test]
async fn a_page_that_has_become_too_large_takes_the_older_one_with_it() -> Result<()> {
    let policy = MINUTE.stale_while_revalidate(300).stale_if_error(3_600);
    for is_outside in [false, true] {
        let clock = Clock::manual(START_MS);
        let memory = LocMemKeyValue::new().clock(clock.clone());
        let store: Arc<dyn KeyValue> = match is_outside {
            false => Arc::new(memory.clone()),
            true => Arc::new(Chaos::new(memory.clone())),
        };
        let builder = Cache::builder(store).clock(clock.clone());
        let cache = builder.max_entry(1_000).build();
        let ask = async |bytes: usize| {
            let lookup = Lookup::new(key("page"), policy);
            let compute =
                |_| async move { Ok::<_, Broken>(Computed::Page(vec![b'x'; bytes].into())) };
            let answer = cache.answer(lookup, compute).await;
            cache.settle().await;
            answer
        };
        ask(1_000).await?;
        assert_hit!(ask(1_000).await?);
        clock.advance(seconds(61));
        assert_stale!(ask(1_001).await?, Staleness::Revalidating);
        // The older page is gone, and nothing is served in its place.
        assert_eq!(memory.get(key("page").as_str()).await?, None);
        for _ in 0..3 {
            let answer = ask(1_001).await?;
            assert_eq!(answer.status, Status::NotStored);
            assert_eq!(answer.not_stored, Some(NotStored::TooLarge));
            assert_miss!(answer, Reason::TooLarge);
        }
        let explained = cache.explain(&Lookup::new(key("page"), policy)).await;
        assert_eq!(explained.next, Ok(Status::NotStored));
        assert_eq!(explained.not_stored, Some(NotStored::TooLarge));
        assert_eq!(cache.counts().too_large, 4);
        ask(1_000).await?;
        assert_hit!(ask(1_000).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_result_that_must_not_be_stored_takes_the_older_one_with_it() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        ask(cache, &MINUTE, &model).await?;
        assert_hit!(ask(cache, &MINUTE, &model).await?);
        model.says(Says::Wants(|control| control.no_store()));
        let refresh = Lookup::new(key("page"), MINUTE).mode(Mode::Refresh);
        let answer = ask_for(cache, refresh, &model).await?;
        assert_eq!(answer.not_stored, Some(NotStored::NoStore));
        let answer = ask(cache, &MINUTE, &model).await?;
        assert_eq!(answer.not_stored, Some(NotStored::NoStore));
        assert_miss!(answer, Reason::NotStorable);
    }
    Ok(())
}

#[tokio::test]
async fn a_result_with_a_bad_tag_says_so_and_takes_the_older_one_with_it() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        ask(cache, &MINUTE, &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::Wants(|control| control.tags(["\n"])));
        let answer = ask(cache, &MINUTE, &model).await?;
        assert_eq!(answer.not_stored, Some(NotStored::BadTag));
        assert_miss!(ask(cache, &MINUTE, &model).await?, Reason::Expired);
    }
    let ([cache], _, _) = processes();
    let lookup = || Lookup::new(key("page"), MINUTE).tags(vec!["x".repeat(201)]);
    let explained = cache.explain(&lookup()).await;
    assert_eq!(explained.next, Ok(Status::NotStored));
    assert_eq!(explained.not_stored, Some(NotStored::BadTag));
    let answer = ask_for(&cache, lookup(), &Model::default()).await?;
    assert_eq!(answer.not_stored, Some(NotStored::BadTag));
    Ok(())
}

#[tokio::test]
async fn a_status_does_not_say_stored_while_the_store_refuses() -> Result<()> {
    let ([cache], [chaos], clock) = processes();
    let model = Model::default();
    chaos.full(true);
    for name in ["1", "2", "3"] {
        let answer = ask_for(&cache, Lookup::new(key(name), MINUTE), &model).await?;
        assert_eq!(answer.not_stored, Some(NotStored::StoreFailed), "{name}");
    }
    let explained = cache.explain(&Lookup::new(key("4"), MINUTE)).await;
    assert_eq!(explained.not_stored, Some(NotStored::StoreFailed));
    chaos.full(false);
    clock.advance(seconds(1));
    ask_for(&cache, Lookup::new(key("5"), MINUTE), &model).await?;
    let answer = ask_for(&cache, Lookup::new(key("6"), MINUTE), &model).await?;
    assert_eq!((answer.status, answer.not_stored), (Status::Stored, None));

    // A read that has just failed.
    chaos.errors(1.0);
    let answer = ask_for(&cache, Lookup::new(key("7"), MINUTE), &model).await?;
    assert_eq!(answer.not_stored, Some(NotStored::StoreFailed));
    Ok(())
}

/// The first is not known before it is refused; after that every one of its size is.
#[tokio::test]
async fn a_store_that_refuses_a_size_is_not_said_to_store_it() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let small = LocMemKeyValue::new().max_bytes(10_000).clock(clock.clone());
    // As they are, the results are too large.
    let cache = Cache::builder(Arc::new(Chaos::new(small)))
        .clock(clock.clone())
        .compress(false)
        .build();
    let ask = async |name: &str, bytes: usize| {
        let body = Bytes::from(vec![b'x'; bytes]);
        let compute = || async { Ok::<_, Broken>(body) };
        let answer = cache
            .get_or_compute(key(name), Policy::seconds(60), compute)
            .await;
        cache.settle().await;
        answer
    };
    ask("1", 20_000).await?;
    for name in ["1", "2", "3"] {
        let answer = ask(name, 20_000).await?;
        assert_eq!(answer.not_stored, Some(NotStored::TooLarge), "{name}");
    }
    assert_eq!(ask("4", 1_000).await?.status, Status::Stored);
    // Its limit may have been raised: it is asked again after a minute.
    clock.advance(seconds(60));
    assert_eq!(ask("5", 20_000).await?.status, Status::Stored);
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_large_is_returned_but_not_stored() -> Result<()> {
    let store = Arc::new(LocMemKeyValue::new());
    let cache = Cache::builder(store.clone()).max_entry(3).build();
    for computed in 1..=2 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("four"))
            .await?;
        assert_eq!(
            (answer.status, answer.entry.body()),
            (Status::NotStored, "four".into())
        );
        assert_eq!(
            (cache.counts().computed, cache.counts().too_large),
            (computed, computed)
        );
    }
    assert_eq!(store.bytes(), 0);
    assert_eq!(
        cache
            .get_or_compute(key("other"), HOUR, || body("tre"))
            .await?
            .status,
        Status::Stored
    );
    Ok(())
}

#[tokio::test]
async fn what_the_store_itself_finds_too_large_is_returned_but_not_stored() -> Result<()> {
    let cache = Cache::new(LocMemKeyValue::new().max_bytes(1024));
    let large = Bytes::from(vec![b'x'; 2048]);
    let compute = move || ready(Ok::<_, Broken>(large));
    let answer = cache.get_or_compute(key("page"), HOUR, compute).await?;
    assert_eq!(
        (answer.status, answer.entry.body().len()),
        (Status::NotStored, 2048)
    );
    assert_eq!(
        (cache.counts().too_large, cache.counts().backend_errors),
        (1, 0)
    );
    Ok(())
}

#[tokio::test]
async fn a_store_that_keeps_nothing_lets_every_caller_compute() -> Result<()> {
    let cache = Cache::new(DummyKeyValue::new());
    for _ in 0..3 {
        let answer = cache
            .get_or_compute(key("page"), HOUR, || body("one"))
            .await?;
        assert_eq!(answer.status, Status::NotStored);
    }
    assert_eq!((cache.counts().computed, cache.counts().stored), (3, 0));
    Ok(())
}
