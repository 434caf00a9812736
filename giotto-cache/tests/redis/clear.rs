//! `clear` and removal by a part of the key: they leave the keys of others alone.

use std::sync::Arc;

use giotto_cache::{Cache, Key, KeyValue, Listing, Policy, RedisKeyValue, Result, Scope};
use test_servers::{Redis, RedisCluster};

use crate::{KEY, PATIENCE, key, set, store_in};

#[tokio::test]
async fn clear_leaves_the_keys_of_others_alone() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let cache = Cache::builder(Arc::new(store.clone()));
    let cache = cache.deadline(PATIENCE).build();
    for x in 0..2500 {
        let key = Key::new("squared", format!("{{'x': {x}}}"), "text/html");
        let compute = || async { Ok::<_, giotto_cache::Error>("page".into()) };
        cache
            .get_or_compute(key, Policy::forever(), compute)
            .await?;
    }
    cache.settle().await;
    let prod = store.clone().namespace("prod")?;
    set(&prod, KEY, "value").await?;
    for foreign in [
        ["set", "{user1000}.following", "foreign"],
        ["set", "{short", "GI"],
        ["set", "session:1", "GIOTTO"],
        ["rpush", "{list}", "foreign"],
        ["set", "prodigy", "foreign"],
        ["set", "prod-2:{}", "foreign"],
    ] {
        assert!(!server.cli(&foreign).contains("ERR"));
    }
    assert_eq!(server.cli(&["dbsize"]), "2507\n");
    store.clear().await?;
    assert_eq!(server.cli(&["dbsize"]), "7\n", "the entries are gone");
    assert_eq!(prod.get(KEY).await?, Some("value".into()));
    prod.clear().await?;
    assert_eq!(server.cli(&["dbsize"]), "6\n", "the key of prod is gone");
    Ok(())
}

/// A cache that is used without programs has other keys than theirs.
#[tokio::test]
async fn keys_of_any_form_are_listed_and_cleared_without_a_namespace() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let cache = |store: RedisKeyValue| {
        let cache = Cache::builder(Arc::new(store));
        cache.deadline(PATIENCE).build()
    };
    let (cache, user) = (
        cache(store.clone()),
        cache(store.clone().namespace("user")?),
    );
    let keys = [
        Key::plain("settings"),
        Key::new("http", "GET localhost:5000/", ""),
    ];
    for key in &keys {
        let compute = || async { Ok::<_, giotto_cache::Error>("page".into()) };
        let hour = Policy::seconds(3_600);
        cache.get_or_compute(key.clone(), hour, compute).await?;
        user.get_or_compute(key.clone(), hour, compute).await?;
    }
    cache.settle().await;
    user.settle().await;
    server.cli(&["set", "theirs", "foreign"]);
    let mut listed = Vec::new();
    let mut walk = cache.walk(Listing::new(100));
    while let Some(page) = walk.next().await? {
        listed.extend(page.entries.into_iter().map(|entry| entry.stored_key));
    }
    listed.sort();
    assert_eq!(listed, ["GET localhost:5000/(http)()", "settings()()"]);
    store.clear().await?;
    for key in &keys {
        assert_eq!(store.get(key.as_str()).await?, None, "{key}");
    }
    assert_eq!(
        server.cli(&["dbsize"]),
        "3\n",
        "those of the user and the foreign one"
    );
    Ok(())
}

#[tokio::test]
async fn the_keys_that_contain_a_part_are_removed_from_a_full_server_too() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    let [ours, theirs] = ["ours", "theirs"].map(|name| store.clone().namespace(name).unwrap());
    let special = r"{'x': '*?[a-z]\\'}(squared)(text/html)";
    let cubed = KEY.replace("squared", "cubed");
    for number in 0..2500 {
        set(&ours, &key(number), "value").await?;
    }
    for key in [KEY, special, &cubed] {
        set(&ours, key, "value").await?;
        set(&theirs, key, "value").await?;
        set(&store, key, "GIOTTO").await?;
    }
    set(&store, "{'x': 13}(squared)(text/html)", "foreign").await?;
    server.cli(&["config", "set", "maxmemory", "1mb"]);
    assert!(set(&ours, KEY, "new").await.is_err(), "it is full");

    ours.delete_containing(r"[a-z]\\").await?;
    assert_eq!(
        ours.get_many(&[special, KEY]).await?,
        [None, Some("value".into())]
    );
    ours.delete_containing("(squared)(").await?;
    assert_eq!(server.cli(&["keys", "ours:*"]), format!("ours:{cubed}\n"));
    store.delete_containing("(squared)(").await?;
    let left = server.cli(&["keys", "{*(squared)(*"]);
    assert_eq!(
        left, "{'x': 13}(squared)(text/html)\n",
        "it is none of ours"
    );
    for key in [KEY, special] {
        assert_eq!(theirs.get(key).await?, Some("value".into()), "{key}");
    }
    let used = server.cli(&["info", "commandstats"]);
    assert!(used.contains("cmdstat_scan"), "{used}");
    Ok(())
}

#[tokio::test]
async fn clear_reaches_every_master_of_a_cluster() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let store = RedisKeyValue::new()
        .cluster(cluster.addresses())?
        .server_deadline(PATIENCE)
        .namespace("prod")?;
    for number in 0..100 {
        set(&store, &key(number), "value").await?;
    }
    let sizes = || {
        cluster
            .nodes
            .iter()
            .map(|node| node.cli(&["dbsize"]))
            .collect::<Vec<_>>()
    };
    let have_some = || !sizes().contains(&"0\n".into());
    assert!(have_some(), "{:?}", sizes());
    store.delete_containing("(cubed)(").await?;
    assert!(have_some(), "{:?}", sizes());
    store.delete_containing("(squared)(").await?;
    assert_eq!(sizes(), ["0\n"; 3]);
    for number in 0..100 {
        set(&store, &key(number), "value").await?;
    }
    store.clear().await?;
    assert_eq!(sizes(), ["0\n"; 3]);
    Ok(())
}

/// Nothing of it needs room: what was purged is removed from a server that accepts no value.
#[tokio::test]
async fn what_was_purged_is_removed_from_a_full_server_in_batches() -> Result<()> {
    let server = Redis::start();
    let cache = Cache::builder(store_in(&server).namespace("ours")?);
    let cache = cache.deadline(PATIENCE).build();
    let page = |program: &str, x: usize| Key::new(program, format!("{{'x': {x}}}"), "text/html");
    let fill = async |program: &str| {
        for x in 0..1200 {
            let compute = || async { Ok::<_, giotto_cache::Error>("page".into()) };
            let key = page(program, x);
            cache
                .get_or_compute(key, Policy::forever(), compute)
                .await?;
        }
        cache.settle().await;
        Ok::<_, giotto_cache::Error>(())
    };
    fill("squared").await?;
    fill("cubed").await?;
    let squared = Scope::Program("squared".to_owned());
    cache.purge(squared.clone()).await?;
    server.cli(&["config", "set", "maxmemory", "1mb"]);
    let removed = cache.reclaim(&squared).await?;
    assert_eq!(removed.map(|removed| removed.entries), Some(1200));
    let is_meant = |key: &Key| key.arguments().ends_with("7}");
    let removed = cache.remove_matching("cubed", is_meant).await?;
    assert_eq!((removed.entries, removed.digests), (120, 0));
    // The others, and the record of the purge.
    assert_eq!(server.cli(&["dbsize"]), "1081\n");
    let used = server.cli(&["info", "commandstats"]);
    assert!(
        used.contains("cmdstat_scan") && !used.contains("cmdstat_keys"),
        "{used}"
    );
    Ok(())
}
