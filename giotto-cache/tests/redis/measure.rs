//! What a server says of its size.

use std::time::Duration;

use giotto_cache::{KeyValue, Measure, RedisKeyValue, Result};
use test_servers::{Redis, RedisCluster, RedisSentinel};

use crate::{KEY, PATIENCE, key, set, store_in};

/// Memory is that of the server, which does other things too: what is stored is much more than that.
#[tokio::test]
async fn a_measure_is_of_the_server_and_its_entries_of_the_database() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server).namespace("prod")?;
    set(&store.clone().db(1), KEY, "in another database").await?;
    let before = store.measure().await?;
    assert_eq!((before.entries, before.evictions), (Some(0), Some(0)));
    assert_eq!(before.max_bytes, None);
    for number in 0..1000 {
        store.set(&key(number), vec![0; 1000].into(), None).await?;
    }
    server.cli(&["config", "set", "maxmemory", "64mb"]);
    server.cli(&["config", "set", "maxmemory-policy", "allkeys-lru"]);
    let full = store.measure().await?;
    assert_eq!((full.entries, full.max_bytes), (Some(1000), Some(64 << 20)));
    assert_eq!(full.notes, ["maxmemory-policy is allkeys-lru"]);
    let grown = |from: &Measure, to: &Measure| to.bytes.unwrap() > from.bytes.unwrap() + 500_000;
    assert!(grown(&before, &full), "{before:?}, {full:?}");
    store.clear().await?;
    let cleared = store.measure().await?;
    assert_eq!(cleared.entries, Some(0));
    assert!(grown(&cleared, &full), "{cleared:?}, {full:?}");

    server.cli(&["config", "set", "maxmemory", "2mb"]);
    for number in 0..4000 {
        store.set(&key(number), vec![0; 1000].into(), None).await?;
    }
    assert!(store.measure().await?.evictions > Some(0));
    Ok(())
}

#[tokio::test]
async fn a_measure_with_sentinels_is_that_of_the_master() -> Result<()> {
    let servers = RedisSentinel::start(PATIENCE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses())?;
    set(&store, KEY, "value").await?;
    assert_eq!(store.measure().await?.entries, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_measure_sums_the_masters_that_answer_and_names_the_others() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let store = RedisKeyValue::new().cluster(cluster.addresses())?;
    // One is frozen below, so that this is waited for in full.
    let store = store.server_deadline(Duration::from_secs(2));
    let keys: Vec<_> = (0..60).map(key).collect();
    for key in &keys {
        set(&store, key, "value").await?;
    }
    let all = store.measure().await?;
    assert_eq!((all.entries, all.evictions), (Some(60), Some(0)));
    assert_eq!(all.notes, ["maxmemory-policy is noeviction"]);

    let frozen = cluster.master_of(&keys[0]);
    let theirs = |key: &&String| cluster.master_of(key) == frozen;
    let left = (60 - keys.iter().filter(theirs).count()) as u64;
    cluster.nodes[frozen].process.freeze();
    let some = store.measure().await?;
    assert_eq!(some.entries, Some(left));
    let silent = format!(
        "not in the figures: Redis at {}",
        cluster.addresses()[frozen]
    );
    assert!(
        some.notes.iter().any(|note| note.starts_with(&silent)),
        "{some:?}"
    );
    // To ask for figures is no sign of how the masters are.
    assert_eq!(store.counts().backend_errors, 0);
    cluster.nodes[frozen].process.thaw();
    Ok(())
}
