//! A cluster: a lost master takes its own keys with it, and slots move.

use std::time::Instant;

use giotto_cache::{ErrorKind, KeyValue, RedisKeyValue, Result};
use test_servers::{Redis, RedisCluster};

use crate::soon::soon;
use crate::{FAILOVER, GONE, KEY, PATIENCE, SILENCE, key, set};

/// A store that gives a node as long as a connection, for a machine under load.
pub(crate) fn store_in(cluster: &RedisCluster) -> Result<RedisKeyValue> {
    let store = RedisKeyValue::new().cluster(cluster.addresses())?;
    Ok(store.server_deadline(SILENCE))
}

async fn is_there(store: &RedisKeyValue, key: &str) -> bool {
    store.get(key).await.unwrap() == Some("value".into())
}

#[tokio::test]
async fn a_cluster_without_one_of_its_masters_serves_the_keys_of_the_others() -> Result<()> {
    let mut cluster = RedisCluster::start(1, GONE);
    let store = store_in(&cluster)?;
    let keys: Vec<_> = (0..60).map(key).collect();
    for key in &keys {
        set(&store, key, "value").await?;
    }
    let lost = cluster.master_of(&keys[0]);
    let (theirs, others): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| cluster.master_of(key) == lost);
    assert!(!theirs.is_empty() && !others.is_empty());
    cluster.nodes[lost].wait_until_replicated();
    cluster.nodes[lost].process.kill();
    assert_eq!(store.get(theirs[0]).await?, None);
    for key in &others {
        assert_eq!(store.get(key).await?, Some("value".into()), "{key}");
    }
    for key in &theirs {
        soon("the replica serves", async || is_there(&store, key).await).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_cluster_with_a_frozen_master_serves_the_keys_of_the_others() -> Result<()> {
    let cluster = RedisCluster::start(0, GONE);
    let store = store_in(&cluster)?;
    let keys: Vec<_> = (0..60).map(key).collect();
    for key in &keys {
        set(&store, key, "value").await?;
    }
    let frozen = cluster.master_of(&keys[0]);
    let others: Vec<_> = keys
        .iter()
        .filter(|key| cluster.master_of(key) != frozen)
        .collect();
    cluster.nodes[frozen].process.freeze();
    let others_are_served = async || {
        assert_eq!(store.get(&keys[0]).await?, None);
        for key in &others {
            assert_eq!(store.get(key).await?, Some("value".into()), "{key}");
        }
        Ok::<_, giotto_cache::Error>(())
    };
    let witness = &cluster.nodes[(frozen + 1) % 3];
    let is_failed = || witness.cli(&["cluster", "nodes"]).contains("master,fail ");
    let since = Instant::now();
    while !is_failed() {
        assert!(since.elapsed() < FAILOVER, "nobody calls it failed");
        others_are_served().await?;
    }
    others_are_served().await?;
    cluster.nodes[frozen].process.thaw();
    soon("it serves", async || is_there(&store, &keys[0]).await).await;
    Ok(())
}

#[tokio::test]
async fn a_master_that_is_full_serves_and_removes_its_keys_and_the_others_store() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let store = RedisKeyValue::new().cluster(cluster.addresses())?;
    let store = store.server_deadline(PATIENCE);
    let keys: Vec<_> = (0..60).map(key).collect();
    for key in &keys {
        set(&store, key, "value").await?;
    }
    let full = cluster.master_of(&keys[0]);
    let (theirs, others): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| cluster.master_of(key) == full);
    cluster.nodes[full].cli(&["config", "set", "maxmemory", "1mb"]);
    for _ in 0..3 {
        for key in &theirs {
            let error = set(&store, key, "new").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ServerLost, "{error}");
            assert_eq!(store.get(key).await?, Some("value".into()));
        }
        for key in &others {
            set(&store, key, "new").await?;
        }
    }
    assert!(store.counts().backend_errors >= 5);
    for key in &theirs {
        assert!(store.delete(key).await?, "{key}");
    }
    Ok(())
}

/// What a slot without a node is asked is refused for its own keys alone.
#[tokio::test]
async fn a_slot_that_no_node_has_costs_its_own_keys_and_no_others() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let store = RedisKeyValue::new().cluster(cluster.addresses())?;
    let store = store.server_deadline(PATIENCE);
    set(&store, KEY, "value").await?;
    let node = cluster.master_of(KEY);
    let other = (0..1000)
        .map(key)
        .find(|other| cluster.master_of(other) == node);
    let other = other.expect("a third of the keys are there");
    set(&store, &other, "value").await?;
    let slot = cluster.nodes[node].cli(&["cluster", "keyslot", KEY]);
    cluster.nodes[node].cli(&["cluster", "delslots", slot.trim()]);
    for _ in 0..20 {
        let error = store.get(KEY).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert_eq!(store.get(&other).await?, Some("value".into()));
    }
    assert_eq!(store.counts().backend_errors, 0);
    Ok(())
}

fn id(node: &Redis) -> String {
    node.cli(&["cluster", "myid"]).trim().to_owned()
}

/// Begins to move the slot of `key`: from where, to where, and its number.
pub(crate) fn move_slot_of<'c>(
    cluster: &'c RedisCluster,
    key: &str,
) -> (&'c Redis, &'c Redis, String) {
    let from = &cluster.nodes[cluster.master_of(key)];
    let to = &cluster.nodes[(cluster.master_of(key) + 1) % 3];
    let slot = from.cli(&["cluster", "keyslot", key]).trim().to_owned();
    to.cli(&["cluster", "setslot", &slot, "importing", &id(from)]);
    from.cli(&["cluster", "setslot", &slot, "migrating", &id(to)]);
    (from, to, slot)
}

#[tokio::test]
async fn a_key_is_found_while_its_slot_moves_and_after() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let store = store_in(&cluster)?;
    set(&store, KEY, "value").await?;
    let (from, to, slot) = move_slot_of(&cluster, KEY);
    assert_eq!(
        store.get(KEY).await?,
        Some("value".into()),
        "it has not moved yet"
    );
    // Both in the slot that moves: one command about both would be refused.
    let absent = KEY.replace("squared", "cubed");
    let many = || async { store.get_many(&[KEY, &absent]).await };
    assert_eq!(many().await?, [Some("value".into()), None]);
    from.cli(&[
        "migrate",
        "127.0.0.1",
        &to.port().to_string(),
        KEY,
        "0",
        "5000",
    ]);
    assert_eq!(
        store.get(KEY).await?,
        Some("value".into()),
        "it has moved, its slot has not"
    );
    assert_eq!(many().await?, [Some("value".into()), None]);
    assert!(
        store
            .replace(KEY, b"value", Some("new".into()), None)
            .await?
    );
    assert!(
        !store
            .replace(KEY, b"value", Some("new".into()), None)
            .await?
    );
    set(&store, KEY, "other").await?;
    assert!(!store.add(KEY, "third".into(), None).await?);
    for node in [to, from] {
        node.cli(&["cluster", "setslot", &slot, "node", &id(to)]);
    }
    assert_eq!(
        store.get(KEY).await?,
        Some("other".into()),
        "its slot has moved"
    );
    assert_eq!(to.cli(&["get", KEY]), "other\n");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_answered_without_the_lost_master_is_an_error() -> Result<()> {
    let mut cluster = RedisCluster::start(0, GONE);
    let store = store_in(&cluster)?;
    set(&store, KEY, "value").await?;
    let lost = cluster.master_of(KEY);
    let elsewhere = (0..).map(key).find(|key| cluster.master_of(key) != lost);
    let elsewhere = elsewhere.expect("there are other masters");
    set(&store, &elsewhere, "value").await?;
    cluster.nodes[lost].process.kill();
    let place = format!("127.0.0.1:{}", cluster.nodes[lost].port());
    for _ in 0..10 {
        assert_eq!(store.get(KEY).await?, None);
        let refused = set(&store, KEY, "value").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ServerLost, "{refused}");
        let others = store.get_many(&[KEY, &elsewhere, KEY]).await?;
        assert_eq!(others, [None, Some("value".into()), None]);
        let errors = [
            store.add(KEY, "value".into(), None).await.unwrap_err(),
            store.replace(KEY, b"value", None, None).await.unwrap_err(),
            store.delete(KEY).await.unwrap_err(),
            refused,
            store.clear().await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(&place), "{error}");
        }
    }
    let counts = store.counts();
    assert!(
        counts.backend_errors >= 5 && counts.backend_skipped > 0,
        "{counts:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_cluster_has_no_other_database() -> Result<()> {
    let cluster = RedisCluster::start(0, PATIENCE);
    let error = store_in(&cluster)?.db(1).get(KEY).await.unwrap_err();
    let error = error.to_string();
    // Valkey 9 has some: there this test has to say so.
    assert!(error.contains("leave out the database"), "{error}");
    Ok(())
}
