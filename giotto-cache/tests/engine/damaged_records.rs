//! Records of tags and programs that are damaged, lost or older than they were.

use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit, assert_miss};
use giotto_cache::{KeyValue, LayeredKeyValue, LocMemKeyValue, Lookup, Reason, Result, Scope};

use crate::model::Model;
use crate::until::until;
use crate::world::{
    MINUTE, TAG, ask_for, cache_on, key, processes, seconds, user_page, warm_user_page,
};

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
    let plain = || Lookup::new(key("page"), MINUTE);
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
    warm_user_page([&cache, &cache], &model).await?;
    damage(&chaos).await?;
    let answer = ask_for(&cache, user_page(), &model).await?;
    assert_miss!(answer, Reason::TagLost(TAG.to_owned()));
    for _ in 0..3 {
        assert_hit!(ask_for(&cache, user_page(), &model).await?);
    }

    damage(&chaos).await?;
    assert!(cache.knows_tag(TAG).await?);
    cache.purge(TAG).await?;
    let answer = ask_for(&cache, user_page(), &model).await?;
    assert_miss!(answer, Reason::Invalidated(Scope::Tag(TAG.to_owned())));
    assert_hit!(ask_for(&cache, user_page(), &model).await?);
    Ok(())
}

/// What it said is not known: no page from before it is fresh again.
#[tokio::test]
async fn a_damaged_record_of_a_program_is_replaced_by_a_purge() -> Result<()> {
    for record in ["{program:program}", "{all}"] {
        let ([cache, other], [chaos, _], clock) = processes();
        let model = Model::default();
        let plain = || Lookup::new(key("page"), MINUTE);
        ask_for(&cache, plain(), &model).await?;
        chaos.set(record, "damaged".into(), None).await?;
        clock.advance(seconds(1));
        let answer = ask_for(&other, plain(), &model).await?;
        assert_miss!(answer, Reason::BackendError);
        until(async || {
            let found = chaos.get(record).await.unwrap();
            found.is_some_and(|raw| raw != "damaged")
        })
        .await;
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

/// The store was restored from an older state, in which the program had not been purged yet.
#[tokio::test]
async fn a_record_that_the_store_has_in_an_older_state_is_written_again() -> Result<()> {
    let ([cache], [chaos], clock) = processes();
    let (record, program) = ("{program:program}", Scope::Program("program".to_owned()));
    let model = Model::default();
    let plain = || Lookup::new(key("page"), MINUTE);
    cache.invalidate(program.clone()).await?;
    let older = chaos.get(record).await?.unwrap();
    clock.advance(seconds(1));
    cache.purge(program).await?;
    let newer = chaos.get(record).await?.unwrap();
    chaos.set(record, older, None).await?;
    clock.advance(seconds(1));
    ask_for(&cache, plain(), &model).await?;
    until(async || chaos.get(record).await.unwrap().as_ref() == Some(&newer)).await;
    Ok(())
}
