//! Invalidations while the store is full or silent: who obeys them, when the others know, and what is left behind.

use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss};
use giotto_cache::{
    Cache, ErrorKind, KeyValue, LayeredKeyValue, LocMemKeyValue, Lookup, Reason, Result, Scope,
};

use super::{MINUTE, Model, Says, ask_for, cache_on, key, processes, seconds, until};

const TAG: &str = "user:7";

fn tagged() -> Lookup<'static> {
    Lookup::new(key("page"), &MINUTE).tags(vec![TAG.to_owned()])
}

fn scopes() -> [Scope; 3] {
    [
        Scope::Tag(TAG.to_owned()),
        Scope::Program("program".to_owned()),
        Scope::All,
    ]
}

/// Has both processes hold a fresh page.
async fn warm(caches: [&Cache; 2], model: &Model) -> Result<()> {
    ask_for(caches[0], tagged(), model).await?;
    for cache in caches {
        assert_hit!(ask_for(cache, tagged(), model).await?);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn on_a_full_store_every_invalidation_works_by_removing() -> Result<()> {
    for scope in scopes() {
        for is_hard in [false, true] {
            let ([writer, reader], [full, _], _) = processes();
            let model = Model::default();
            warm([&writer, &reader], &model).await?;
            full.full(true);
            match is_hard {
                true => writer.purge(scope.clone()).await?,
                false => writer.invalidate(scope.clone()).await?,
            }
            let answer = ask_for(&reader, tagged(), &model).await?;
            assert!(answer.reason.is_some(), "{scope}: the old page is a hit");
            full.full(false);
            tokio::time::sleep(seconds(1)).await;
            assert_eq!(writer.pending_invalidations(), 0, "{scope}");
        }
    }
    Ok(())
}

/// Pages are computed all the time, so that the breaker of the store is open for what needs room.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_full_for_long_is_told_at_once_too() -> Result<()> {
    let ([writer, reader], [full, _], _) = processes();
    let model = Model::default();
    warm([&writer, &reader], &model).await?;
    full.full(true);
    for name in ["1", "2", "3", "4"] {
        ask_for(&writer, Lookup::new(key(name), &MINUTE), &model).await?;
    }
    assert!(writer.counts().backend_skipped > 0, "the breaker is open");
    writer.invalidate(TAG).await?;
    let answer = ask_for(&reader, tagged(), &model).await?;
    assert_miss!(answer, Reason::TagLost(TAG.to_owned()));
    Ok(())
}

#[tokio::test]
async fn one_page_is_expired_on_a_full_store_by_removing_it() -> Result<()> {
    let ([writer, reader], [full, _], _) = processes();
    let model = Model::default();
    let policy = MINUTE.stale_if_error(600);
    let lookup = || Lookup::new(key("page"), &policy);
    ask_for(&writer, lookup(), &model).await?;
    full.full(true);
    assert!(writer.expire(&key("page")).await?);
    assert_miss!(ask_for(&reader, lookup(), &model).await?, Reason::FirstSeen);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_other_programs_survive_a_purge_of_one_on_a_full_store() -> Result<()> {
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    let other = giotto_cache::Key::new("other", "page", "text/html");
    for key in [key("page"), other.clone()] {
        ask_for(&cache, Lookup::new(key, &MINUTE), &model).await?;
    }
    chaos.full(true);
    cache.purge(Scope::Program("program".to_owned())).await?;
    assert!(chaos.get(key("page").as_str()).await?.is_none());
    assert_hit!(ask_for(&cache, Lookup::new(other, &MINUTE), &model).await?);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_store_was_not_told_is_obeyed_here_at_once_and_told_when_it_is_back()
-> Result<()> {
    for scope in scopes() {
        let ([writer, reader], [silent, _], clock) = processes();
        let model = Model::default();
        warm([&writer, &reader], &model).await?;
        silent.delay(seconds(3_600));
        let error = writer.invalidate(scope.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert_eq!(writer.pending_invalidations(), 1);
        assert_eq!(writer.counts().deferred, 1);

        // The store answers again, and has not been told yet: the writer knows all the same.
        silent.heal();
        let answer = ask_for(&writer, tagged(), &model).await?;
        assert_miss!(answer, Reason::Invalidated(scope.clone()));
        // What it has computed since is fresh.
        assert_hit!(ask_for(&writer, tagged(), &model).await?);

        tokio::time::sleep(seconds(5)).await;
        clock.advance(seconds(2));
        assert_eq!(writer.pending_invalidations(), 0, "{scope}");
        let runs = model.runs();
        ask_for(&reader, tagged(), &model).await?;
        assert!(
            model.runs() > runs || reader.counts().misses == 0,
            "{scope}"
        );
    }
    Ok(())
}

/// The reader has the page, the writer cannot tell the store: no page from before is a hit once the store is back.
#[tokio::test(start_paused = true)]
async fn the_other_processes_know_soon_after_the_store_is_back() -> Result<()> {
    for scope in scopes() {
        let ([writer, reader], [silent, _], clock) = processes();
        let model = Model::default();
        warm([&writer, &reader], &model).await?;
        silent.errors(1.0);
        writer.purge(scope.clone()).await.unwrap_err();
        silent.heal();
        tokio::time::sleep(seconds(1)).await;
        // Programs and everything are read once a second.
        clock.advance(seconds(1));
        let answer = ask_for(&reader, tagged(), &model).await?;
        assert!(answer.reason.is_some(), "{scope}: the old page is a hit");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn invalidations_that_are_due_are_bounded_and_all_of_them_are_obeyed() -> Result<()> {
    let ([writer], [silent], _) = processes();
    let model = Model::default();
    warm([&writer, &writer], &model).await?;
    silent.errors(1.0);
    writer.invalidate(TAG).await.unwrap_err();
    for number in 0..3_000 {
        writer
            .invalidate(format!("other:{number}"))
            .await
            .unwrap_err();
    }
    assert!(writer.pending_invalidations() <= 1_000);
    assert_eq!(writer.counts().deferred, 3_001);
    silent.heal();
    let answer = ask_for(&writer, tagged(), &model).await?;
    assert!(answer.reason.is_some(), "the old page is a hit");
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(writer.pending_invalidations(), 0);
    Ok(())
}

/// A purge of another process that a restarted, empty store has lost: memory above it shows the old page no longer
/// than a copy lives.
#[tokio::test]
async fn layers_show_a_page_whose_purge_the_store_has_lost_no_longer_than_their_copies_live()
-> Result<()> {
    let refill = Duration::from_secs(5);
    let ([operator], [chaos], clock) = processes();
    let memory = LocMemKeyValue::new().clock(clock.clone());
    let layers: Vec<std::sync::Arc<dyn KeyValue>> = vec![
        std::sync::Arc::new(memory),
        std::sync::Arc::new(chaos.another()),
    ];
    let layered = LayeredKeyValue::new(layers)
        .clock(clock.clone())
        .refill(refill);
    let server = cache_on(std::sync::Arc::new(layered), &clock);
    let model = Model::default();
    let plain = || Lookup::new(key("page"), &MINUTE);
    ask_for(&server, plain(), &model).await?;
    assert_hit!(ask_for(&server, plain(), &model).await?);
    operator.purge(Scope::Program("program".to_owned())).await?;
    Chaos::clear(&chaos).await?;
    for _ in 0..50 {
        clock.advance(Duration::from_millis(100));
        ask_for(&server, plain(), &model).await?;
    }
    assert_eq!(
        model.runs(),
        2,
        "the page is computed anew within the life of a copy"
    );
    Ok(())
}

#[tokio::test]
async fn a_damaged_record_of_a_tag_is_replaced_by_the_next_computation_or_a_purge() -> Result<()> {
    let record = "{tag:user:7}";
    let damage = async |chaos: &Chaos| {
        let mut raw = chaos.get(record).await?.unwrap().to_vec();
        raw[5] ^= 1;
        chaos.set(record, raw.into(), None).await
    };
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    warm([&cache, &cache], &model).await?;
    damage(&chaos).await?;
    let answer = ask_for(&cache, tagged(), &model).await?;
    assert_miss!(answer, Reason::TagLost(TAG.to_owned()));
    for _ in 0..3 {
        assert_hit!(ask_for(&cache, tagged(), &model).await?);
    }

    damage(&chaos).await?;
    assert!(cache.knows_tag(TAG).await?);
    cache.purge(TAG).await?;
    let answer = ask_for(&cache, tagged(), &model).await?;
    assert_miss!(answer, Reason::Invalidated(Scope::Tag(TAG.to_owned())));
    assert_hit!(ask_for(&cache, tagged(), &model).await?);
    Ok(())
}

/// What it said is not known: no page from before it is fresh again.
#[tokio::test]
async fn a_damaged_record_of_a_program_is_replaced_by_a_purge() -> Result<()> {
    for record in ["{program:program}", "{all}"] {
        let ([cache, other], [chaos, _], clock) = processes();
        let model = Model::default();
        let plain = || Lookup::new(key("page"), &MINUTE);
        ask_for(&cache, plain(), &model).await?;
        chaos.set(record, "damaged".into(), None).await?;
        clock.advance(seconds(1));
        let answer = ask_for(&other, plain(), &model).await?;
        assert_miss!(answer, Reason::BackendError);
        super::until_async(async || {
            Ok(chaos.get(record).await?.is_some_and(|raw| raw != "damaged"))
        })
        .await?;
        clock.advance(seconds(1));
        let answer = ask_for(&other, plain(), &model).await?;
        assert!(
            matches!(answer.reason, Some(Reason::Invalidated(_))),
            "{:?}",
            answer.reason
        );
        assert_hit!(ask_for(&other, plain(), &model).await?);
    }
    Ok(())
}

/// A soft invalidation of another process, made while this one's purge is due, does not take its place.
#[tokio::test(start_paused = true)]
async fn a_purge_that_is_due_survives_an_invalidation_of_another_process() -> Result<()> {
    let ([writer, reader], [silent, _], clock) = processes();
    let (model, policy) = (Model::default(), MINUTE.stale(300));
    let lookup = || Lookup::new(key("page"), &policy);
    for cache in [&writer, &reader] {
        ask_for(cache, lookup(), &model).await?;
    }
    let program = Scope::Program("program".to_owned());
    silent.errors(1.0);
    writer.purge(program.clone()).await.unwrap_err();
    clock.advance(seconds(1));
    reader.invalidate(program.clone()).await?;
    silent.heal();
    clock.advance(seconds(1));
    let answer = ask_for(&writer, lookup(), &model).await?;
    assert_miss!(answer, Reason::Invalidated(program.clone()));
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(writer.pending_invalidations(), 0);
    Ok(())
}

/// The record is gone, a computation that began before names the tag when it ends, and makes a new one.
#[tokio::test(start_paused = true)]
async fn what_was_begun_before_a_tag_was_removed_is_not_fresh_for_long() -> Result<()> {
    let ([writer, reader], [full, _], _) = processes();
    let model = Model::default();
    warm([&writer, &reader], &model).await?;
    model.says(Says::Wants(|control| control.tags([TAG])));
    model.hold();
    let (late, slow) = (reader.clone(), model.clone());
    let begun =
        tokio::spawn(async move { ask_for(&late, Lookup::new(key("late"), &MINUTE), &slow).await });
    until(|| model.runs() == 2).await;
    full.full(true);
    writer.invalidate(TAG).await?;
    model.release();
    begun.await.unwrap()?;
    full.full(false);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(writer.pending_invalidations(), 0);
    let answer = ask_for(&reader, Lookup::new(key("late"), &MINUTE), &model).await?;
    assert_miss!(answer, Reason::Invalidated(Scope::Tag(TAG.to_owned())));
    Ok(())
}

/// The store was restored from an older state, in which the program had not been purged yet.
#[tokio::test]
async fn a_record_that_the_store_has_in_an_older_state_is_written_again() -> Result<()> {
    let ([cache], [chaos], clock) = processes();
    let (record, program) = ("{program:program}", Scope::Program("program".to_owned()));
    let model = Model::default();
    let plain = || Lookup::new(key("page"), &MINUTE);
    cache.invalidate(program.clone()).await?;
    let older = chaos.get(record).await?.unwrap();
    clock.advance(seconds(1));
    cache.purge(program).await?;
    let newer = chaos.get(record).await?.unwrap();
    chaos.set(record, older, None).await?;
    clock.advance(seconds(1));
    ask_for(&cache, plain(), &model).await?;
    super::until_async(async || Ok(chaos.get(record).await?.as_ref() == Some(&newer))).await
}
