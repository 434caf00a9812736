//! A decoded value is kept beside its bytes, and served only while they are.

use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, Clock, LocMemKeyValue, Mode, Result, Scope};

use crate::world::{MINUTE, Runs, User, World, worlds};

async fn shared(cache: &Cache, runs: &Runs) -> Result<Arc<User>> {
    let function = cache.function("user").policy(MINUTE);
    let user = function.call_shared(7, || runs.clone().user(7)).await;
    cache.settle().await;
    user
}

#[tokio::test]
async fn in_memory_every_hit_gets_the_same_value() -> Result<()> {
    let ([World { cache, .. }, outside], runs) = (worlds(), Runs::default());
    let first = shared(&cache, &runs).await?;
    assert!(Arc::ptr_eq(&first, &shared(&cache, &runs).await?));
    assert!(Arc::ptr_eq(&first, &shared(&cache, &runs).await?));

    // Bytes from a store outside are others each time.
    let first = shared(&outside.cache, &runs).await?;
    let second = shared(&outside.cache, &runs).await?;
    assert!(first == second && !Arc::ptr_eq(&first, &second));
    Ok(())
}

#[tokio::test]
async fn a_kept_value_is_not_served_when_its_entry_would_not_be() -> Result<()> {
    let [World { cache, clock, .. }, _] = worlds();
    let (runs, key) = (
        Runs::default(),
        cache.function("user").policy(MINUTE).key::<User>(&7)?,
    );
    for way in 1.. {
        assert_eq!(shared(&cache, &runs).await?.run, way);
        assert_eq!(shared(&cache, &runs).await?.run, way);
        match way {
            1 => clock.advance(Duration::from_secs(60)),
            2 => assert!(cache.expire(&key).await?),
            3 => assert!(cache.remove(&key).await?),
            4 => cache.invalidate(Scope::Program("user".to_owned())).await?,
            5 => cache.purge(Scope::All).await?,
            6 => cache.clear().await?,
            7 => {
                let function = cache.function("user").policy(MINUTE).mode(Mode::Refresh);
                assert_eq!(function.call(7, || runs.clone().user(7)).await?.run, 8);
            }
            _ => break,
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_kept_where_there_is_no_room_for_it() -> Result<()> {
    let clock = Clock::manual(0);
    let store = LocMemKeyValue::new().clock(clock.clone());
    let cache = Cache::builder(store).clock(clock).max_decoded(0).build();
    let runs = Runs::default();
    let first = shared(&cache, &runs).await?;
    let second = shared(&cache, &runs).await?;
    assert!(first == second && !Arc::ptr_eq(&first, &second));
    Ok(())
}

/// Two types under one name are two entries, so that one is never taken for the other.
#[tokio::test]
async fn a_value_is_that_of_its_type() -> Result<()> {
    let [World { cache, .. }, _] = worlds();
    for _ in 0..2 {
        let function = cache.function("text").policy(MINUTE);
        let text = "a text of more than sixteen bytes";
        let owned: String = function
            .call((), || async move { Ok::<_, &str>(text.to_owned()) })
            .await?;
        let function = cache.function("text").policy(MINUTE);
        let boxed: Box<str> = function
            .call((), || async move { Ok::<_, &str>(text.into()) })
            .await?;
        assert_eq!(*owned, *boxed);
    }
    Ok(())
}
