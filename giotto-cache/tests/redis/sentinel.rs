//! A master with sentinels: failovers, and what the sentinels say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use giotto_cache::{KeyValue, RedisKeyValue, Result};
use test_servers::{Redis, RedisSentinel};

use crate::fake_server::fake_server;
use crate::soon::soon;
use crate::{GONE, KEY, PATIENCE, is_master, is_unanswered, recovers, set};

#[tokio::test]
async fn a_failover_from_a_dead_master_is_followed() -> Result<()> {
    let mut servers = RedisSentinel::start(GONE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses())?;
    set(&store, KEY, "value").await?;
    servers.master.wait_until_replicated();
    servers.master.process.kill();
    let lost = store.get(KEY).await;
    assert!(lost.is_err() || is_master(&servers.replica), "{lost:?}");
    follows_to_the_replica(&servers, &store).await?;

    // The old master comes back and is made a replica.
    servers.master.process.restart();
    assert_eq!(store.get(KEY).await?, Some("other".into()));
    set(&store, KEY, "third").await
}

#[tokio::test]
async fn a_failover_from_a_frozen_master_is_followed() -> Result<()> {
    let servers = RedisSentinel::start(GONE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses())?;
    set(&store, KEY, "value").await?;
    servers.master.wait_until_replicated();
    servers.master.process.freeze();
    assert!(is_unanswered(&store, KEY).await || is_master(&servers.replica));
    follows_to_the_replica(&servers, &store).await?;

    // The old master goes on and takes itself for one until it is told.
    servers.master.process.thaw();
    assert_eq!(store.get(KEY).await?, Some("other".into()));
    Ok(())
}

async fn follows_to_the_replica(servers: &RedisSentinel, store: &RedisKeyValue) -> Result<()> {
    soon("the replica is the master", async || {
        is_master(&servers.replica)
    })
    .await;
    let found = recovers(store, KEY).await;
    assert_eq!(found, Some("value".into()));
    set(store, KEY, "other").await?;
    assert_eq!(servers.replica.cli(&["get", KEY]), "other\n");
    Ok(())
}

#[tokio::test]
async fn a_master_that_became_a_replica_is_left_and_not_taken_again() -> Result<()> {
    let [old, new] = [Redis::start(), Redis::start()];
    let master = Arc::new(AtomicU16::new(old.port()));
    let named = Arc::clone(&master);
    let sentinel = fake_server(move |_| {
        let port = named.load(Ordering::SeqCst).to_string();
        let reply = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
        Some(reply.into_bytes())
    });
    let store = RedisKeyValue::new().sentinel("mymaster", [format!("127.0.0.1:{sentinel}")])?;
    set(&store, KEY, "value").await?;

    // The connection stays; it is the reply that tells.
    old.cli(&["replicaof", "127.0.0.1", &new.port().to_string()]);
    let error = set(&store, KEY, "other").await.unwrap_err().to_string();
    assert!(error.contains("READONLY"), "{error}");
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(error.contains("but it is a slave"), "{error}");
    master.store(new.port(), Ordering::SeqCst);
    set(&store, KEY, "other").await?;
    assert_eq!(new.cli(&["get", KEY]), "other\n");
    Ok(())
}

#[tokio::test]
async fn what_the_sentinels_do_not_know_is_told() -> Result<()> {
    let servers = RedisSentinel::start(PATIENCE);
    let store = RedisKeyValue::new().sentinel("theirmaster", servers.addresses())?;
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(
        error.contains("theirmaster") && error.contains("check its name"),
        "{error}"
    );
    let no_sentinel = format!("127.0.0.1:{}", servers.master.port());
    let store = RedisKeyValue::new().sentinel("mymaster", [no_sentinel])?;
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(error.contains("unknown command"), "{error}");
    Ok(())
}
