//! How long entries and the records of tags live, whatever their clocks or those of another machine say.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss};
use giotto_cache::{Clock, KeyValue, LocMemKeyValue, Lookup, Policy, Reason, Result};

use crate::model::{Model, Says};
use crate::world::{MINUTE, START_MS, ask, ask_for, cache_on, key, processes, seconds};

const HOUR: Policy = Policy::seconds(3_600);

#[tokio::test]
async fn a_shorter_time_counts_at_once_for_what_is_stored_already() -> Result<()> {
    let ([before, after], _, clock) = processes();
    let model = Model::default();
    ask(&before, &HOUR, &model).await?;
    let short = Policy::seconds(1);
    let answer = ask(&after, &short, &model).await?;
    assert_eq!(answer.fresh_for, Some(seconds(1)));
    assert_hit!(answer);
    clock.advance(seconds(1));
    assert_miss!(ask(&after, &short, &model).await?, Reason::Expired);
    Ok(())
}

#[tokio::test]
async fn machines_whose_clocks_differ_never_give_a_page_a_longer_life() -> Result<()> {
    let clocks = [0, 3_600_000].map(|ahead| Clock::manual(START_MS + ahead));
    let first = Chaos::new(LocMemKeyValue::new().clock(clocks[0].clone()));
    let stores = [first.clone(), first.another()];
    let [right, ahead] = [0, 1].map(|at| cache_on(Arc::new(stores[at].clone()), &clocks[at]));
    let model = Model::default();
    ask(&ahead, &HOUR, &model).await?;
    let answer = ask(&right, &HOUR, &model).await?;
    assert_eq!(answer.fresh_for, Some(seconds(3_600)));
    assert_miss!(answer, Reason::ClockSkew);
    assert_hit!(ask(&right, &HOUR, &model).await?);
    assert_miss!(ask(&ahead, &HOUR, &model).await?, Reason::Expired);
    assert_eq!(right.counts().clock_skew, 1);
    Ok(())
}

#[tokio::test]
async fn a_longer_time_of_the_model_counts_where_the_reader_allows_it() -> Result<()> {
    let ([cache], _, clock) = processes();
    let model = Model::saying(Says::Wants(|control| control.ttl(3_600)));
    let lookup = |allows| Lookup::new(key("page"), MINUTE).allow_own_time(allows);
    ask_for(&cache, lookup(true), &model).await?;
    clock.advance(seconds(60));
    assert_hit!(ask_for(&cache, lookup(true), &model).await?);
    assert_miss!(
        ask_for(&cache, lookup(false), &model).await?,
        Reason::Expired
    );
    Ok(())
}

/// How long the store keeps the record of a tag from now on.
async fn record_lives(store: &Chaos, clock: &Clock, longest: Duration) -> Result<bool> {
    clock.advance(longest - Duration::from_millis(1));
    let is_there = store.get("{tag:tag}").await?.is_some();
    clock.advance(Duration::from_millis(1));
    Ok(is_there && store.get("{tag:tag}").await?.is_none())
}

#[tokio::test]
async fn the_record_of_a_tag_outlives_its_pages_by_an_hour() -> Result<()> {
    let ([cache], [store], clock) = processes();
    let model = Model::default();
    let lookup = Lookup::new(key("page"), HOUR).tags(vec!["tag".to_owned()]);
    ask_for(&cache, lookup, &model).await?;
    assert!(record_lives(&store, &clock, seconds(2 * 3_600)).await?);
    Ok(())
}

#[tokio::test]
async fn the_record_of_a_tag_of_a_page_that_never_expires_ends_after_an_invalidation() -> Result<()>
{
    for (is_hard, longest) in [(true, seconds(3_600)), (false, seconds(30 * 24 * 3_600))] {
        let ([cache], [store], clock) = processes();
        let model = Model::default();
        let forever = Policy::forever();
        let lookup = || Lookup::new(key("page"), forever).tags(vec!["tag".to_owned()]);
        ask_for(&cache, lookup(), &model).await?;
        clock.advance(seconds(1_000 * 24 * 3_600));
        assert_hit!(ask_for(&cache, lookup(), &model).await?);
        match is_hard {
            true => cache.purge("tag").await?,
            false => cache.invalidate("tag").await?,
        }
        assert!(record_lives(&store, &clock, longest).await?);
    }
    Ok(())
}
