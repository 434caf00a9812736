//! Metadata: what belongs to a result besides its body comes back with every hit.

use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::testing::{Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{Answer, Cache, Clock, LocMemKeyValue, Reason, Result, Staleness};

use crate::model::{Model, Says, metadata, page};
use crate::world::{
    MINUTE, START_MS, ask, ask_for, kept, key, processes, seconds, user_page, worlds,
};

fn etag(answer: &Answer) -> Bytes {
    answer.entry.etag()
}

#[tokio::test]
async fn it_is_stored_with_the_result_and_returned_with_every_hit() -> Result<()> {
    for world in worlds() {
        let model = Model::saying(Says::Described);
        let first = world.ask(&MINUTE, &model).await?;
        assert_miss!(first, Reason::FirstSeen);
        assert_eq!(first.entry.metadata(), Some(metadata()));
        for _ in 0..2 {
            let hit = world.ask(&MINUTE, &model).await?;
            assert_hit!(hit);
            assert_eq!(hit.entry.metadata(), Some(metadata()));
            assert_eq!((page(&hit), etag(&hit)), (1, etag(&first)));
        }
        // The same page without it is another representation.
        world.clock.advance(seconds(60));
        model.says(Says::Page);
        let plain = world.ask(&MINUTE, &model).await?;
        assert_miss!(plain, Reason::Expired);
        assert_eq!(plain.entry.metadata(), None);
    }
    Ok(())
}

#[tokio::test]
async fn another_process_gets_it_from_the_store_with_tags_and_without() -> Result<()> {
    let ([one, two], _, _) = processes::<2>();
    let model = Model::saying(Says::Described);
    ask(&one, &MINUTE, &model).await?;
    let hit = ask(&two, &MINUTE, &model).await?;
    assert_hit!(hit);
    assert_eq!(hit.entry.metadata(), Some(metadata()));

    one.remove(&key("page")).await?;
    ask_for(&one, user_page(), &model).await?;
    let hit = ask_for(&two, user_page(), &model).await?;
    assert_hit!(hit);
    assert_eq!(hit.entry.metadata(), Some(metadata()));
    two.invalidate("user:7").await?;
    let miss = ask_for(&one, user_page(), &model).await?;
    assert_miss!(miss, Reason::Invalidated("user:7".into()));
    Ok(())
}

#[tokio::test]
async fn a_result_that_is_not_modified_keeps_it() -> Result<()> {
    for world in worlds() {
        let model = Model::saying(Says::Described);
        let first = world.ask(&kept(), &model).await?;
        world.clock.advance(seconds(61));
        model.says(Says::NotModified);
        let again = world.ask(&kept(), &model).await?;
        assert_miss!(again, Reason::Expired);
        assert_hit!(world.ask(&kept(), &model).await?);
        assert_eq!(again.entry.metadata(), Some(metadata()));
        assert_eq!((page(&again), etag(&again)), (1, etag(&first)));
    }
    Ok(())
}

#[tokio::test]
async fn an_old_result_that_is_throttled_or_expired_by_hand_keeps_it() -> Result<()> {
    for world in worlds() {
        let model = Model::saying(Says::Described);
        world.ask(&kept(), &model).await?;
        assert!(world.cache.expire(&key("page")).await?);
        model.says(Says::Fails);
        let failed = world.ask(&kept(), &model).await?;
        assert_stale!(failed, Staleness::Failed);
        let throttled = world.ask(&kept(), &model).await?;
        assert_stale!(throttled, Staleness::Throttled);
        for answer in [failed, throttled] {
            assert_eq!(answer.entry.metadata(), Some(metadata()));
        }
    }
    Ok(())
}

#[tokio::test]
async fn signing_keys_cover_it() -> Result<()> {
    let clock = Clock::manual(START_MS);
    let store = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let signed = |store: &Chaos| {
        let builder = Cache::builder(Arc::new(store.another())).clock(clock.clone());
        builder.signing_keys(["the key of this deployment, 32 bytes or more"])
    };
    let [one, two] = [signed(&store)?.build(), signed(&store)?.build()];
    let model = Model::saying(Says::Described);
    ask(&one, &MINUTE, &model).await?;
    let hit = ask(&two, &MINUTE, &model).await?;
    assert_hit!(hit);
    assert_eq!(hit.entry.metadata(), Some(metadata()));
    assert_eq!(page(&hit), 1);
    Ok(())
}
