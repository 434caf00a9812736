//! A cluster in which masters are lost, come back and are replaced, under the engine.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use giotto_cache::{Cache, Key, Policy, Result, Status};
use test_servers::RedisCluster;

use crate::cluster::store_in;
use crate::soon::soon;
use crate::{FAILOVER, GONE, PATIENCE, is_master, key};

const PAGES: usize = 60;

/// Asks for each of `pages` once; which of them were hits.
async fn hits(cache: &Cache, pages: impl IntoIterator<Item = &usize>) -> HashSet<usize> {
    let mut hits = HashSet::new();
    for page in pages {
        let key = Key::new("squared", format!("{{'x': {page}}}"), "text/html");
        let text = page.to_string();
        let compute = || async move { Ok::<_, giotto_cache::Error>(text.into()) };
        let answer = cache.get_or_compute(key, Policy::seconds(3600), compute);
        let answer = answer.await.expect("a lost server is no error");
        assert_eq!(answer.entry.body(), page.to_string().as_bytes());
        if answer.status == Status::Hit {
            hits.insert(*page);
        }
    }
    cache.settle().await;
    hits
}

/// A cache that has all pages, the node whose pages will be lost, and those and the others.
async fn filled(cluster: &RedisCluster) -> Result<(Cache, usize, HashSet<usize>, HashSet<usize>)> {
    let cache = Cache::builder(Arc::new(store_in(cluster)?))
        .deadline(PATIENCE)
        .build();
    let all: HashSet<_> = (0..PAGES).collect();
    hits(&cache, &all).await;
    assert_eq!(hits(&cache, &all).await, all);
    let node = cluster.master_of(&key(0));
    let is_theirs = |page: &usize| cluster.master_of(&key(*page)) == node;
    let (lost, others) = all.into_iter().partition(is_theirs);
    Ok((cache, node, lost, others))
}

/// What is told of one of `pages` where no lease shows first that its server is lost.
async fn status_without_lease(cache: &Cache, pages: &HashSet<usize>) -> Status {
    let page = pages.iter().next().expect("a third of the pages are there");
    let key = Key::new("squared", format!("{{'x': {page}}}"), "text/html");
    let compute = || async { Ok::<_, giotto_cache::Error>("page".into()) };
    let policy = Policy::seconds(3600).without_lease();
    let answer = cache.get_or_compute(key, policy, compute).await;
    cache.settle().await;
    answer.expect("a lost server is no error").status
}

/// Nothing failed but single nodes.
fn assert_that_the_store_as_a_whole_is_well(cache: &Cache) {
    let (all, nodes) = (cache.counts(), cache.store().counts());
    assert!(nodes.backend_errors > 0);
    assert_eq!(all.backend_errors, nodes.backend_errors);
    assert_eq!(all.backend_skipped, nodes.backend_skipped);
}

#[tokio::test]
async fn a_killed_master_of_three_loses_only_its_own_pages() -> Result<()> {
    let mut cluster = RedisCluster::start(0, GONE);
    let (cache, node, lost, others) = filled(&cluster).await?;
    assert!(!lost.is_empty() && !others.is_empty());
    cluster.nodes[node].process.kill();
    let counts = cache.counts();
    let killed = Instant::now();
    while killed.elapsed() < Duration::from_secs(3) {
        assert!(hits(&cache, &lost).await.is_empty());
        assert_eq!(hits(&cache, &others).await, others);
    }
    assert_eq!(status_without_lease(&cache, &lost).await, Status::NotStored);
    assert_eq!(cache.counts().stored, counts.stored);
    assert!(cache.counts().not_stored > counts.not_stored);
    assert_that_the_store_as_a_whole_is_well(&cache);
    assert!(cache.counts().backend_skipped > 0, "it is left alone");
    cluster.nodes[node].process.restart();
    soon("its pages are hits", async || {
        hits(&cache, &lost).await == lost
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn the_failover_from_a_frozen_master_is_followed() -> Result<()> {
    let cluster = RedisCluster::start(1, GONE);
    let (cache, node, lost, others) = filled(&cluster).await?;
    cluster.nodes[node].wait_until_replicated();
    cluster.nodes[node].process.freeze();
    let frozen = Instant::now();
    while !cluster.nodes[3..].iter().any(is_master) {
        assert!(frozen.elapsed() < FAILOVER, "no failover");
        hits(&cache, &lost).await;
        assert_eq!(hits(&cache, &others).await, others);
    }
    let promoted = Instant::now();
    while hits(&cache, &lost).await != lost {
        assert!(promoted.elapsed() < PATIENCE, "not followed");
        assert_eq!(hits(&cache, &others).await, others);
    }
    assert_that_the_store_as_a_whole_is_well(&cache);

    // It goes on, takes itself for the master until it is told, and is not asked.
    cluster.nodes[node].process.thaw();
    assert_eq!(hits(&cache, &lost).await, lost);
    Ok(())
}
