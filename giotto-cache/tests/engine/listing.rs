//! What is in the store: every entry once, judged as a lookup judges it, and no body read.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use giotto_cache::testing::assert_miss;
use giotto_cache::{
    Cache, ListedEntry, ListedState, Listing, Lookup, Policy, Reason, Result, Scope,
};

use crate::model::Model;
use crate::world::{MINUTE, ask_for, kept, key, processes, seconds, stale, worlds};

/// All entries, by their arguments, page by page.
async fn all(cache: &Cache, listing: Listing) -> Result<HashMap<String, ListedEntry>> {
    let mut walk = cache.walk(listing).share(1.0);
    let mut found = HashMap::new();
    while let Some(page) = walk.next().await? {
        let entries = page.entries.into_iter();
        found.extend(entries.map(|entry| (entry.arguments.clone().unwrap_or_default(), entry)));
    }
    assert!(walk.is_over() && walk.cursor().is_none());
    Ok(found)
}

async fn state(cache: &Cache, name: &str) -> Result<ListedState> {
    let found = all(cache, Listing::new(3)).await?;
    Ok(found[name].state)
}

#[tokio::test]
async fn an_entry_is_listed_with_all_that_is_known_of_it_but_its_body() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        let lookup = Lookup::new(key("{'x': 12}"), stale()).tags(vec!["user:7".to_owned()]);
        ask_for(&world.cache, lookup, &model).await?;
        world.clock.advance(seconds(10));
        let found = all(&world.cache, Listing::new(100)).await?;
        let entry = &found["{'x': 12}"];
        assert_eq!(entry.key.as_deref(), Some("{'x': 12}(program)(text/html)"));
        assert_eq!(entry.program.as_deref(), Some("program"));
        assert_eq!(entry.mimetype.as_deref(), Some("text/html"));
        assert_eq!(entry.state, ListedState::Fresh);
        let known = entry.known.as_ref().unwrap();
        assert_eq!(
            (known.age, known.fresh_for),
            (seconds(10), Some(seconds(50)))
        );
        assert_eq!(
            (known.stale_for, known.keep_for),
            (Some(seconds(350)), Some(seconds(350)))
        );
        assert_eq!(known.tags, ["user:7"]);
        let stored = world
            .cache
            .store()
            .get("{'x': 12}(program)(text/html)")
            .await?;
        assert_eq!(entry.bytes, stored.map(|stored| stored.len() as u64));
        assert_eq!(found.len(), 1, "records are no entries");
    }
    Ok(())
}

#[tokio::test]
async fn entries_are_listed_by_their_keys() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        for number in 0..50 {
            let lookup = Lookup::new(key(&number.to_string()), MINUTE);
            ask_for(&world.cache, lookup, &model).await?;
        }
        let scanned = all(&world.cache, Listing::new(100)).await?;
        let wanted = (0..45).step_by(2).chain([99]);
        let keys = wanted.map(|number| key(&number.to_string()).to_string());
        let keys: Vec<_> = keys.collect();
        let listing = Listing::new(1).layer(0).keys(keys.clone());
        let page = world.cache.list(&listing).await?;
        assert_eq!((page.looked_at, page.next), (24, None));
        let listed = page.entries.iter().map(|entry| entry.key.clone().unwrap());
        assert_eq!(listed.collect::<Vec<_>>(), keys[..23]);
        for entry in page.entries {
            let same = &scanned[entry.arguments.as_deref().unwrap()];
            assert_eq!((entry.bytes, entry.state), (same.bytes, same.state));
            assert_eq!(entry.known.unwrap().tags, same.known.clone().unwrap().tags);
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_state_is_what_the_next_lookup_makes_of_it() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let tagged = |name| Lookup::new(key(name), kept()).tags(vec!["user:7".to_owned()]);
        for lookup in [
            Lookup::new(key("plain"), MINUTE),
            Lookup::new(key("stale"), stale()),
            tagged("tagged"),
        ] {
            ask_for(cache, lookup, &model).await?;
        }
        for name in ["plain", "stale", "tagged"] {
            assert_eq!(state(cache, name).await?, ListedState::Fresh, "{name}");
        }
        cache.invalidate("user:7").await?;
        assert_eq!(state(cache, "tagged").await?, ListedState::Invalidated);
        cache.purge("user:7").await?;
        assert_eq!(state(cache, "tagged").await?, ListedState::Purged);
        assert_miss!(
            ask_for(cache, tagged("tagged"), &model).await?,
            Reason::Invalidated(Scope::Tag("user:7".to_owned()))
        );
        world.clock.advance(seconds(61));
        assert_eq!(state(cache, "stale").await?, ListedState::Stale);
        world.clock.advance(seconds(240));
        ask_for(cache, Lookup::new(key("again"), MINUTE), &model).await?;
        cache
            .invalidate(Scope::Program("program".to_owned()))
            .await?;
        assert_eq!(state(cache, "again").await?, ListedState::Invalidated);
        cache.purge(Scope::All).await?;
        assert_eq!(state(cache, "again").await?, ListedState::Purged);
    }
    Ok(())
}

#[tokio::test]
async fn what_the_policy_does_not_allow_any_more_is_told() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        let lookup = Lookup::new(key("page"), MINUTE.version(1));
        ask_for(&world.cache, lookup, &model).await?;
        for (policy, expected) in [
            (MINUTE.version(1), ListedState::Fresh),
            (MINUTE.version(2), ListedState::Purged),
            (Policy::seconds(5).version(1), ListedState::Expired),
        ] {
            world.clock.advance(seconds(5));
            let policies = HashMap::from([("program".to_owned(), policy)]);
            let found = all(&world.cache, Listing::new(9).policies(policies)).await?;
            assert_eq!(found["page"].state, expected, "{policy:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_invalidation_of_another_process_is_seen() -> Result<()> {
    let ([one, two], _, _) = processes();
    let model = Model::default();
    ask_for(&one, Lookup::new(key("page"), MINUTE), &model).await?;
    assert_eq!(state(&two, "page").await?, ListedState::Fresh);
    one.purge(Scope::Program("program".to_owned())).await?;
    assert_eq!(state(&two, "page").await?, ListedState::Purged);
    Ok(())
}

#[tokio::test]
async fn a_value_that_is_no_entry_of_its_key_is_listed_as_unreadable() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        ask_for(&world.cache, Lookup::new(key("page"), MINUTE), &model).await?;
        let store = world.cache.store();
        let stored = store.get(key("page").as_str()).await?.unwrap();
        store
            .set(key("moved").as_str(), stored.clone(), None)
            .await?;
        let foreign = Bytes::from_static(b"GIOT is how an entry begins");
        store.set(key("foreign").as_str(), foreign, None).await?;
        store
            .set("no key of a program", stored.slice(..70), None)
            .await?;
        let found = all(&world.cache, Listing::new(1)).await?;
        for name in ["moved", "foreign", ""] {
            assert_eq!(found[name].state, ListedState::Unreadable, "{name}");
            assert_eq!(found[name].known, None);
        }
        assert_eq!(found["page"].state, ListedState::Fresh);
    }
    Ok(())
}

#[tokio::test]
async fn a_walk_ends_where_its_budget_does_and_goes_on_from_its_cursor() -> Result<()> {
    for world in worlds() {
        let model = Model::default();
        for number in 0..50 {
            let lookup = Lookup::new(key(&number.to_string()), MINUTE);
            ask_for(&world.cache, lookup, &model).await?;
        }
        let mut walk = world.cache.walk(Listing::new(8)).share(1.0).budget(20);
        let mut seen = Vec::new();
        while let Some(page) = walk.next().await? {
            seen.extend(page.entries.into_iter().map(|entry| entry.arguments));
        }
        assert!((20..50).contains(&walk.looked_at()) && !walk.is_over());
        let listing = Listing::new(100).after(walk.cursor().map(str::to_owned));
        let mut rest = world.cache.walk(listing).share(1.0);
        while let Some(page) = rest.next().await? {
            seen.extend(page.entries.into_iter().map(|entry| entry.arguments));
        }
        assert_eq!(walk.looked_at() + rest.looked_at(), 50);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 50);
        let mut late = world.cache.walk(Listing::new(8)).until(Instant::now());
        assert!(late.next().await?.is_none() && !late.is_over());
        let foreign = Listing::new(8).after("x".to_owned());
        assert!(world.cache.list(&foreign).await.is_err());
        assert!(world.cache.list(&Listing::new(8).layer(1)).await.is_err());
    }
    Ok(())
}
