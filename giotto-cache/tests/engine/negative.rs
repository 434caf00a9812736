//! Negative results: the model says that there is no such thing.

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{Reason, Result, Status};

use crate::model::{Model, Says, page};
use crate::world::{MINUTE, kept, key, seconds, stale, worlds};

#[tokio::test]
async fn not_found_is_stored_only_if_the_policy_has_a_time_for_it() -> Result<()> {
    for world in worlds() {
        let model = Model::saying(Says::NotFound);
        assert_eq!(world.ask(&MINUTE, &model).await?.status, Status::NotStored);
        let policy = MINUTE
            .negative(5)
            .stale_while_revalidate(300)
            .early_refresh(1_000.0);
        let first = world.ask(&policy, &model).await?;
        assert_eq!(
            (first.status, first.fresh_for),
            (Status::Stored, Some(seconds(5)))
        );
        world.clock.advance(seconds(4));
        let second = world.ask(&policy, &model).await?;
        assert_hit!(second);
        assert!(second.entry.is_negative());
        assert_eq!(model.runs(), 2, "never refreshed early");
        world.clock.advance(seconds(1));
        assert_miss!(world.ask(&policy, &model).await?, Reason::Expired);
        model.says(Says::Fails);
        world.clock.advance(seconds(5));
        world.ask(&policy, &model).await.unwrap_err();
    }
    Ok(())
}

#[tokio::test]
async fn no_old_page_is_served_in_place_of_not_found() -> Result<()> {
    for world in worlds() {
        for policy in [kept(), stale().stale_if_error(600)] {
            let model = Model::default();
            world.cache.remove(&key("page")).await?;
            world.ask(&policy, &model).await?;
            world.clock.advance(seconds(361));
            model.says(Says::NotFound);
            let answer = world.ask(&policy, &model).await?;
            assert_eq!((answer.status, page(&answer)), (Status::NotStored, 2));
            assert!(answer.entry.is_negative());
            model.says(Says::Fails);
            world.ask(&policy, &model).await.unwrap_err();
        }
        // Found out behind the scenes.
        let model = Model::default();
        world.ask(&stale(), &model).await?;
        world.clock.advance(seconds(60));
        model.says(Says::NotFound);
        assert_stale!(world.ask(&stale(), &model).await?);
        assert!(world.ask(&stale(), &model).await?.entry.is_negative());
    }
    Ok(())
}
