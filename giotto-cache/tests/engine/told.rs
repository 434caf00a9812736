//! What is said of results that are not stored, beyond the answer itself: counters, log, and what layers keep.

use std::sync::Arc;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss};
use giotto_cache::{
    Cache, Clock, Key, KeyValue, LayeredKeyValue, LocMemKeyValue, Lookup, NotStored, Reason,
    Result, Scope,
};

use crate::log;
use crate::model::{Model, Says};
use crate::until::until;
use crate::world::{
    MINUTE, START_MS, TAG, ask, ask_for, cache_on, callers, key, processes, seconds,
};

/// A process with memory above a store that others use too, and what happens to that store.
fn layered(clock: &Clock) -> (Cache, Chaos) {
    let memory = || LocMemKeyValue::new().clock(clock.clone());
    let chaos = Chaos::new(memory());
    let layers = LayeredKeyValue::new(vec![Arc::new(memory()), Arc::new(chaos.clone())]);
    (
        cache_on(Arc::new(layers.clock(clock.clone())), clock),
        chaos,
    )
}

#[tokio::test]
async fn what_only_the_memory_above_a_full_store_keeps_is_not_stored() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let (cache, chaos) = layered(&clock);
    chaos.full(true);
    let model = Model::default();
    let answer = ask(&cache, &MINUTE, &model).await?;
    assert_eq!(answer.not_stored, Some(NotStored::StoreFailed));
    assert_eq!((cache.counts().stored, cache.counts().store_failed), (0, 1));
    // It is served for a moment all the same.
    assert_hit!(ask(&cache, &MINUTE, &model).await?);
    clock.advance(seconds(5));
    assert_miss!(ask(&cache, &MINUTE, &model).await?);
    Ok(())
}

#[tokio::test]
async fn what_was_removed_while_it_was_computed_does_not_stay_above_a_full_store() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let (cache, chaos) = layered(&clock);
    chaos.full(true);
    let model = Model::held();
    let mut caller = callers(&cache, 1, MINUTE, &model);
    until(async || model.runs() == 1).await;
    cache.remove(&key("page")).await?;
    model.release();
    caller.join_next().await.unwrap().unwrap()?;
    cache.settle().await;
    assert_miss!(ask(&cache, &MINUTE, &model).await?);
    Ok(())
}

#[tokio::test]
async fn a_result_whose_tags_the_store_does_not_know_is_said_to_be_refused() -> Result<()> {
    for is_full in [false, true] {
        let ([cache], [chaos], _) = processes();
        match is_full {
            true => chaos.full(true),
            false => chaos.errors(1.0),
        };
        let lookup = Lookup::new(key("page"), MINUTE).tags(vec![TAG.into()]);
        let answer = ask_for(&cache, lookup, &Model::default()).await?;
        assert_eq!(answer.not_stored, Some(NotStored::StoreFailed));
        let counts = cache.counts();
        assert_eq!((counts.store_failed, counts.unwanted), (1, 0));
    }
    Ok(())
}

#[tokio::test]
async fn all_entries_of_a_tag_that_was_lost_say_so_and_none_says_it_was_invalidated() -> Result<()>
{
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    let tagged = |name: &str| Lookup::new(key(name), MINUTE).tags(vec![TAG.into()]);
    for name in ["1", "2", "3", "4"] {
        ask_for(&cache, tagged(name), &model).await?;
    }
    assert!(chaos.delete("{tag:user:7}").await?);
    // The first of them makes the record anew.
    for name in ["1", "2", "3"] {
        let explained = cache.explain(&tagged(name)).await;
        assert_eq!(explained.entry.unwrap().tags, [(TAG.to_owned(), "lost")]);
        let answer = ask_for(&cache, tagged(name), &model).await?;
        assert_miss!(answer, Reason::TagLost(TAG.to_owned()));
        assert_hit!(ask_for(&cache, tagged(name), &model).await?);
    }
    let counts = cache.counts();
    assert_eq!((counts.tag_lost, counts.invalidated), (3, 0));
    // From then on it is known what became of it.
    cache.invalidate(TAG).await?;
    for name in ["1", "4"] {
        let answer = ask_for(&cache, tagged(name), &model).await?;
        assert_miss!(answer, Reason::Invalidated(Scope::Tag(TAG.into())));
    }
    Ok(())
}

#[tokio::test]
async fn the_log_says_why_a_result_is_not_stored_once_a_minute_for_each_program() -> Result<()> {
    log::listen();
    let clock = Clock::manual(START_MS);
    let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let builder = Cache::builder(chaos.clone()).clock(clock.clone());
    let cache = builder.max_entry(20).build();
    let model = Model::default();
    let large = async || Ok::<_, giotto_cache::Error>("more than twenty bytes".into());
    for minute in 1..=2 {
        for page in 0..10 {
            for program in ["a", "b\n"] {
                let key = |name| Key::new(program, format!("{name}{page}"), "text/html");
                cache.get_or_compute(key("large"), MINUTE, large).await?;
                model.says(Says::Wants(|control| control.tags(["\n"])));
                ask_for(&cache, Lookup::new(key("tag"), MINUTE), &model).await?;
                model.says(Says::Page);
                chaos.full(true);
                ask_for(&cache, Lookup::new(key("full"), MINUTE), &model).await?;
                chaos.full(false);
            }
        }
        for program in ["program=a ", r"program=b\n "] {
            for reason in [
                "it is too large",
                "a tag is 1 to 200 bytes",
                "the store fails",
            ] {
                let lines = log::told(reason);
                let of_program = lines.iter().filter(|line| line.contains(program));
                assert_eq!(of_program.count(), minute, "{program}: {reason}: {lines:?}");
            }
        }
        clock.advance(seconds(60));
    }
    Ok(())
}

#[tokio::test]
async fn the_layer_that_answered_is_named() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let memory = || LocMemKeyValue::new().clock(clock.clone());
    let (upper, lower) = (Chaos::new(memory()), Chaos::new(memory()));
    let layers = || {
        let memory = Arc::new(memory());
        LayeredKeyValue::new(vec![
            memory,
            Arc::new(upper.clone()),
            Arc::new(lower.clone()),
        ])
    };
    let [one, two] = [(); 2].map(|()| cache_on(Arc::new(layers().clock(clock.clone())), &clock));
    let model = Model::default();
    for tags in [vec![], vec![TAG.to_owned()]] {
        let name = if tags.is_empty() { "plain" } else { "tagged" };
        let lookup = || Lookup::new(key(name), MINUTE).tags(tags.clone());
        let answer = ask_for(&one, lookup(), &model).await?;
        assert_eq!(answer.layer, None);
        let layer = async |cache: &Cache| {
            let explained = cache.explain(&lookup()).await;
            let answer = ask_for(cache, lookup(), &model).await?;
            assert_hit!(answer);
            assert_eq!(explained.layer, cache.layer_of(&answer));
            Ok::<_, giotto_cache::Error>(answer.layer)
        };
        assert_eq!(layer(&one).await?, Some(0));
        // A copy is not copied again.
        assert_eq!(layer(&two).await?, Some(1));
        upper.delete(key(name).as_str()).await?;
        let answer = ask_for(&two, lookup(), &model).await?;
        assert_eq!(
            (answer.layer, two.layer_of(&answer)),
            (Some(2), Some("locmem"))
        );
        assert_eq!(layer(&two).await?, Some(0));
    }
    let alone = Cache::new(LocMemKeyValue::new());
    ask(&alone, &MINUTE, &model).await?;
    let answer = ask(&alone, &MINUTE, &model).await?;
    assert_eq!((answer.layer, alone.layer_of(&answer)), (Some(0), None));
    Ok(())
}
