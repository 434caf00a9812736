//! Invalidations while the store is full: they remove what they cannot mark.

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{KeyValue, Lookup, Reason, Result, Scope};

use crate::model::{Model, Says};
use crate::until::until;
use crate::world::{
    MINUTE, TAG, ask_for, key, processes, scopes, seconds, user_page, warm_user_page,
};

#[tokio::test(start_paused = true)]
async fn on_a_full_store_every_invalidation_works_by_removing() -> Result<()> {
    for scope in scopes() {
        for is_hard in [false, true] {
            let ([writer, reader], [full, _], _) = processes();
            let model = Model::default();
            warm_user_page([&writer, &reader], &model).await?;
            full.full(true);
            match is_hard {
                true => writer.purge(scope.clone()).await?,
                false => writer.invalidate(scope.clone()).await?,
            }
            let answer = ask_for(&reader, user_page(), &model).await?;
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
    warm_user_page([&writer, &reader], &model).await?;
    full.full(true);
    for name in ["1", "2", "3", "4"] {
        ask_for(&writer, Lookup::new(key(name), MINUTE), &model).await?;
    }
    assert!(writer.counts().backend_skipped > 0, "the breaker is open");
    writer.invalidate(TAG).await?;
    let answer = ask_for(&reader, user_page(), &model).await?;
    assert_miss!(answer, Reason::TagLost(TAG.to_owned()));
    Ok(())
}

#[tokio::test]
async fn one_page_is_expired_on_a_full_store_by_removing_it() -> Result<()> {
    let ([writer, reader], [full, _], _) = processes();
    let model = Model::default();
    let policy = MINUTE.stale_if_error(600);
    let lookup = || Lookup::new(key("page"), policy);
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
        ask_for(&cache, Lookup::new(key, MINUTE), &model).await?;
    }
    chaos.full(true);
    cache.purge(Scope::Program("program".to_owned())).await?;
    assert!(chaos.get(key("page").as_str()).await?.is_none());
    assert_hit!(ask_for(&cache, Lookup::new(other, MINUTE), &model).await?);
    Ok(())
}

/// The record is gone, a computation that began before names the tag when it ends, and makes a new one.
#[tokio::test(start_paused = true)]
async fn a_computation_begun_before_a_tag_was_removed_is_not_fresh_for_long() -> Result<()> {
    let ([writer, reader], [full, _], _) = processes();
    let model = Model::default();
    warm_user_page([&writer, &reader], &model).await?;
    model.says(Says::Wants(|control| control.tags([TAG])));
    model.hold();
    let (late, slow) = (reader.clone(), model.clone());
    let begun =
        tokio::spawn(async move { ask_for(&late, Lookup::new(key("late"), MINUTE), &slow).await });
    until(async || model.runs() == 2).await;
    full.full(true);
    writer.invalidate(TAG).await?;
    model.release();
    begun.await.unwrap()?;
    full.full(false);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(writer.pending_invalidations(), 0);
    let answer = ask_for(&reader, Lookup::new(key("late"), MINUTE), &model).await?;
    assert_miss!(answer, Reason::Invalidated(Scope::Tag(TAG.to_owned())));
    Ok(())
}
