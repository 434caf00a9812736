//! Removing the entries that match, and making room of what was purged.

use std::time::Duration;

use giotto_cache::testing::{Chaos, assert_hit};
use giotto_cache::{Cache, Key, KeyValue, Listing, LocMemKeyValue, Lookup, Result, Scope};

use crate::model::Model;
use crate::until::until;
use crate::world::{MINUTE, START_MS, ask_for, callers, key, processes, worlds};

/// The pages whose names begin with `a`.
fn is_meant(key: &Key) -> bool {
    key.arguments().starts_with('a')
}

async fn names(cache: &Cache) -> Result<Vec<String>> {
    let page = cache.list(&Listing::new(10_000)).await?;
    let entries = page.entries.into_iter();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.arguments).collect();
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn what_matches_is_removed_and_nothing_else() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        for name in ["a1", "a2", "b1"] {
            ask_for(cache, Lookup::new(key(name), MINUTE), &model).await?;
        }
        let other = Key::new("other", "a1", "text/html");
        ask_for(cache, Lookup::new(other.clone(), MINUTE), &model).await?;
        let removed = cache.remove_matching("program", is_meant).await?;
        assert_eq!((removed.entries, removed.digests), (2, 0));
        assert_eq!(names(cache).await?, ["a1", "b1"]);
        assert_hit!(ask_for(cache, Lookup::new(other, MINUTE), &model).await?);
        assert_eq!(cache.remove_matching("program", is_meant).await?.entries, 0);
    }
    Ok(())
}

/// A computation that began before does not bring the old page back, in this process and in another.
#[tokio::test]
async fn a_computation_that_began_before_keeps_no_result() -> Result<()> {
    for computing in [0, 1] {
        let (caches, _, _) = processes::<2>();
        let model = Model::held();
        let callers = callers(&caches[computing], 1, MINUTE, &model);
        until(async || model.runs() == 1).await;
        let meant = |key: &Key| key.arguments() == "page";
        caches[0].remove_matching("program", meant).await?;
        model.release();
        callers.join_all().await;
        caches[computing].settle().await;
        assert_eq!(names(&caches[0]).await?, [""; 0], "{computing}");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_purged_is_removed_and_what_was_computed_since_stays() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        for scope in [
            Scope::Program("program".to_owned()),
            Scope::Tag("user:7".to_owned()),
            Scope::All,
        ] {
            cache.clear().await?;
            for name in ["old 1", "old 2"] {
                let lookup = Lookup::new(key(name), MINUTE).tags(vec!["user:7".to_owned()]);
                ask_for(cache, lookup, &model).await?;
            }
            cache.purge(scope.clone()).await?;
            let new = Lookup::new(key("new"), MINUTE).tags(vec!["user:7".to_owned()]);
            ask_for(cache, new.clone(), &model).await?;
            let removed = cache.reclaim(&scope).await?.unwrap();
            assert_eq!(removed.entries, 2, "{scope}");
            assert_eq!(names(cache).await?, ["new"], "{scope}");
            assert_hit!(ask_for(cache, new, &model).await?);
            // Its record was not removed.
            let stale = Lookup::new(key("old 1"), MINUTE).tags(vec!["user:7".to_owned()]);
            ask_for(cache, stale, &model).await?;
        }
    }
    Ok(())
}

/// A store that accepts nothing more still accepts removals.
#[tokio::test]
async fn a_full_store_is_emptied_of_what_was_purged() -> Result<()> {
    let clock = giotto_cache::Clock::manual(START_MS);
    let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let cache = Cache::builder(chaos.clone()).clock(clock).build();
    let model = Model::default();
    for name in ["a1", "a2", "b1"] {
        ask_for(&cache, Lookup::new(key(name), MINUTE), &model).await?;
    }
    chaos.full(true);
    assert_eq!(cache.remove_matching("program", is_meant).await?.entries, 2);
    cache.purge(Scope::Program("program".to_owned())).await?;
    cache.reclaim(&Scope::Program("program".to_owned())).await?;
    assert_eq!(names(&cache).await?, [""; 0]);
    assert_eq!(cache.copies_live(), Duration::ZERO);
    assert_eq!(chaos.get(key("a1").as_str()).await?, None);
    Ok(())
}
