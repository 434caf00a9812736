//! What a model says about its own result, and results that say "there is no such thing".

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{CacheControl, Computed, Lookup, Mode, Policy, Reason, Result, Status};

use crate::model::{Broken, Model, Says, page};
use crate::until::until;
use crate::world::{MINUTE, World, ask, ask_for, callers, key, seconds, worlds};

#[tokio::test]
async fn the_last_call_of_a_setting_wins_except_that_no_store_is_final() -> Result<()> {
    let last = |control: &CacheControl| {
        control.ttl(5);
        control.ttl(20);
        control.tags(["a"]);
        control.tags(["b"]);
    };
    let never = |control: &CacheControl| {
        control.no_store();
        control.ttl(20);
    };
    for World { cache, clock } in &worlds() {
        let world_ask = async |model: &Model| ask(cache, &MINUTE, model).await;
        let model = Model::saying(Says::Wants(last));
        assert_eq!(world_ask(&model).await?.fresh_for, Some(seconds(20)));
        cache.invalidate("a").await?;
        assert_hit!(world_ask(&model).await?);
        cache.invalidate("b").await?;
        assert_miss!(world_ask(&Model::saying(Says::Wants(never))).await?);
        clock.advance(seconds(5));
        let answer = world_ask(&Model::saying(Says::Wants(never))).await?;
        assert_eq!(answer.status, Status::NotStored);
    }
    Ok(())
}

#[tokio::test]
async fn a_ttl_that_is_zero_or_negative_is_no_store_and_not_never() -> Result<()> {
    let times: [fn(&CacheControl); 3] = [
        |control| control.ttl(0),
        |control| control.ttl(-1),
        |control| control.ttl(std::time::Duration::ZERO),
    ];
    for time in times {
        for world in worlds() {
            let model = Model::saying(Says::Wants(time));
            for _ in 0..2 {
                let answer = world.ask(&MINUTE, &model).await?;
                assert_eq!(answer.status, Status::NotStored);
                assert_eq!(answer.fresh_for, Some(seconds(0)));
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_ttl_of_the_model_keeps_the_distance_of_the_other_clocks() -> Result<()> {
    let short = |control: &CacheControl| control.ttl(5);
    for world in worlds() {
        let model = Model::saying(Says::Wants(short));
        let policy = Policy::seconds(60).stale_while_revalidate(10);
        world.ask(&policy, &model).await?;
        world.clock.advance(seconds(14));
        assert_stale!(world.ask(&policy, &model).await?);
        world.clock.advance(seconds(15));
        assert_miss!(world.ask(&policy, &model).await?, Reason::Expired);
    }
    Ok(())
}

#[tokio::test]
async fn the_old_value_is_seen_while_it_may_be_and_not_when_it_was_purged() -> Result<()> {
    let show = |control: &CacheControl| match control.old_value() {
        Some(old) => control.tags([format!("old {}", String::from_utf8_lossy(&old))]),
        None => control.tags(["nothing"]),
    };
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::saying(Says::Wants(show)));
        let policy = MINUTE.stale_if_error(600);
        let saw = async |tag: &str| cache.knows_tag(tag).await;
        world.ask(&policy, &model).await?;
        assert!(saw("nothing").await?);
        assert!(!saw("old 1").await?);
        world.clock.advance(seconds(60));
        world.ask(&policy, &model).await?;
        assert!(saw("old 1").await?, "expired, but still there");
        cache.purge("old 1").await?;
        world.clock.advance(seconds(1));
        world.ask(&policy, &model).await?;
        assert!(!saw("old 2").await?, "purged");
        let refresh = Lookup::new(key("page"), policy).mode(Mode::Refresh);
        ask_for(cache, refresh, &model).await?;
        assert!(saw("old 3").await?, "fresh, and a new one is wanted");
    }
    Ok(())
}

#[tokio::test]
async fn not_modified_keeps_the_page_and_its_etag_and_renews_its_clocks() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        let policy = MINUTE.stale_while_revalidate(300).stale_if_error(600);
        let first = world.ask(&policy, &model).await?;
        model.says(Says::NotModified);
        world.clock.advance(seconds(360));
        let second = world.ask(&policy, &model).await?;
        assert_miss!(second, Reason::Expired);
        assert_eq!(second.fresh_for, Some(seconds(60)));
        world.clock.advance(seconds(60));
        assert_stale!(world.ask(&policy, &model).await?); // and behind the scenes
        let third = world.ask(&policy, &model).await?;
        assert_hit!(third);
        for answer in [second, third] {
            assert_eq!(page(&answer), 1);
            assert_eq!(answer.entry.etag(), first.entry.etag());
            assert!(answer.entry.created_ms() > first.entry.created_ms());
        }
    }
    Ok(())
}

#[tokio::test]
async fn not_modified_of_nothing_is_an_error_that_says_so() {
    for world in worlds() {
        let model = Model::saying(Says::NotModified);
        let error = world.ask(&MINUTE, &model).await.unwrap_err();
        assert!(error.to_string().contains("old_value"), "{error}");
    }
}

#[tokio::test]
async fn a_ttl_of_the_model_counts_for_not_found_too() -> Result<()> {
    for world in worlds() {
        let model = Model::saying(Says::NotFoundFor(9));
        let policy = MINUTE.negative(5);
        let answer = world.ask(&policy, &model).await?;
        assert_eq!(answer.fresh_for, Some(seconds(9)));
        assert_eq!(
            world.ask(&policy, &model).await?.status,
            Status::Hit,
            "it is stored"
        );
        // A reader that stores no such results takes none either.
        assert_miss!(world.ask(&MINUTE, &model).await?, Reason::Expired);
    }
    Ok(())
}

#[tokio::test]
async fn a_new_page_is_found_at_once_by_the_tag_that_its_absence_had() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::saying(Says::NotFound));
        let policy = MINUTE.negative(60);
        let lookup = || {
            let lookup = Lookup::new(key("page"), policy);
            lookup.tags(vec!["page 7".to_owned()])
        };
        ask_for(cache, lookup(), &model).await?;
        assert_hit!(ask_for(cache, lookup(), &model).await?);
        model.says(Says::Page);
        cache.invalidate("page 7").await?;
        let answer = ask_for(cache, lookup(), &model).await?;
        assert!(!answer.entry.is_negative());
    }
    Ok(())
}

/// An error that is an answer: all who wait get it, nothing is stored, and no old page stands in for it.
#[tokio::test]
async fn a_refusal_is_shared_not_stored_and_no_reason_for_an_old_page() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let policy = MINUTE.stale_if_error(600);
        world.ask(&policy, &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::Refused);
        model.hold();
        let collapsed = cache.counts().collapsed;
        let waiting = callers(cache, 5, policy, &model);
        until(async || cache.counts().collapsed == collapsed + 4).await;
        model.release();
        for answer in waiting.join_all().await {
            assert_eq!(answer.unwrap_err().to_string(), "broken");
        }
        cache.settle().await;
        assert_eq!(model.runs(), 2);
        assert_eq!(cache.counts().failed, 0, "nothing failed");
    }
    Ok(())
}

/// An error that is for its caller alone: what is stored stays, and the next caller computes without waiting for a throttle.
#[tokio::test]
async fn a_computation_that_declines_leaves_what_is_stored_and_puts_nothing_off() -> Result<()> {
    for World { cache, clock } in &worlds() {
        let (model, policy) = (Model::default(), MINUTE.stale_if_error(600));
        ask(cache, &policy, &model).await?;
        clock.advance(seconds(70));
        let decline = |_| async { Ok::<_, Broken>(Computed::declined(Broken)) };
        let lookup = Lookup::new(key("page"), policy);
        let error = cache.answer(lookup.clone(), decline).await.unwrap_err();
        assert_eq!(error.computed::<Broken>(), Some(&Broken));
        assert!(cache.explain(&lookup).await.entry.is_some());
        assert_miss!(ask(cache, &policy, &model).await?, Reason::Expired);
        assert_eq!(model.runs(), 2);
    }
    Ok(())
}
