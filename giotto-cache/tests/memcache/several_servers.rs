//! Several servers: a lost or full one costs its own keys and no others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Cache, ErrorKind, Key, KeyValue, Policy, Result, Status};
use test_servers::{Memcached, free_port};
use tokio::time::{Instant, sleep};

use crate::soon::soon;
use crate::{PATIENCE, bytes, store};

#[tokio::test]
async fn a_measure_sums_the_servers_that_answer_and_names_the_others() -> Result<()> {
    let mut servers = Memcached::start_three();
    let store = store(&servers);
    let before = store.measure().await?;
    assert_eq!((before.entries, before.bytes), (Some(0), Some(0)));
    assert_eq!(
        (before.max_bytes, before.evictions),
        (Some(3 << 26), Some(0))
    );
    for number in 0..60 {
        let key = format!("{{'x': {number}}}(squared)(text/html)");
        store.set(&key, vec![b'x'; 1000].into(), None).await?;
    }
    let full = store.measure().await?;
    assert_eq!(full.entries, Some(60));
    assert!(full.bytes > Some(60_000), "{full:?}");

    servers[0].process.kill();
    let some = store.measure().await?;
    let left = servers[1].stat("curr_items") + servers[2].stat("curr_items");
    assert_eq!(some.entries, Some(left));
    let silent = format!("not in the figures: memcached at {}", servers[0].host());
    assert!(some.notes[0].starts_with(&silent), "{some:?}");
    // To ask for figures is no sign of how the servers are.
    assert_eq!(store.counts().backend_errors, 0);

    servers[0].process.restart();
    store.clear().await?;
    let cleared = store.measure().await?;
    assert_eq!((cleared.entries, cleared.bytes), (Some(0), Some(0)));
    for server in &mut servers {
        server.process.kill();
    }
    assert!(store.measure().await.is_err());
    Ok(())
}

const PAGES: usize = 300;

/// As long as a connection waits, for a machine under load; the cache's own is far longer, so that it never passes.
const SERVER_DEADLINE: Duration = Duration::from_secs(1);

fn page_key(number: usize) -> Key {
    Key::new("page", format!("{{'x': {number}}}"), "text/html")
}

/// Whether the page was a hit.
async fn is_hit(cache: &Cache, number: usize) -> bool {
    let key = page_key(number);
    let compute = || async move { Ok::<_, giotto_cache::Error>(bytes(&number.to_string())) };
    let answer = cache.get_or_compute(key, Policy::seconds(3600), compute);
    let answer = answer.await.unwrap();
    assert_eq!(answer.entry.body(), &bytes(&number.to_string()));
    answer.status == Status::Hit
}

/// Asks for every page once; which of them were hits.
async fn hits(cache: &Cache) -> HashSet<usize> {
    let mut hits = HashSet::new();
    for number in 0..PAGES {
        if is_hit(cache, number).await {
            hits.insert(number);
        }
    }
    cache.settle().await;
    hits
}

/// Three servers, a cache on them that has all pages, and those that the first server has.
async fn three() -> ([Memcached; 3], Cache, HashSet<usize>) {
    let servers = Memcached::start_three();
    let store_on_three = store(&servers).server_deadline(SERVER_DEADLINE);
    let cache = Cache::builder(Arc::new(store_on_three))
        .deadline(PATIENCE)
        .build();
    hits(&cache).await;
    assert_eq!(hits(&cache).await.len(), PAGES);
    let alone = Cache::builder(Arc::new(store(&servers[..1])));
    let alone = alone.deadline(PATIENCE).build();
    let on_the_first = hits(&alone).await;
    alone.store().clear().await.unwrap();
    hits(&cache).await;
    (servers, cache, on_the_first)
}

fn assert_only_its_keys_miss(hits: &HashSet<usize>, lost: &HashSet<usize>, cache: &Cache) {
    let expected: HashSet<_> = (0..PAGES).filter(|page| !lost.contains(page)).collect();
    assert_eq!(*hits, expected);
    assert!(
        (PAGES / 5..PAGES / 2).contains(&lost.len()),
        "{} pages on it",
        lost.len()
    );
    // What failed is that server; the store as a whole is well.
    let (all, server) = (cache.counts(), cache.store().counts());
    assert!(server.backend_errors >= 5 && server.backend_skipped > 0);
    assert_eq!(all.backend_errors, server.backend_errors);
    assert_eq!(all.backend_skipped, server.backend_skipped);
}

#[tokio::test]
async fn a_killed_server_of_three_loses_only_its_own_keys() {
    let (mut servers, cache, lost) = three().await;
    servers[0].process.kill();
    let counts = cache.counts();
    for _ in 0..3 {
        assert_only_its_keys_miss(&hits(&cache).await, &lost, &cache);
    }
    let compute = || async { Ok::<_, giotto_cache::Error>(bytes("page")) };
    for page in &lost {
        // Where no lease shows first that the server is lost.
        let policy = Policy::seconds(3600).without_lease();
        let answer = cache.get_or_compute(page_key(*page), policy, compute);
        assert_eq!(answer.await.unwrap().status, Status::NotStored);
    }
    cache.settle().await;
    let now = cache.counts();
    assert_eq!(now.stored, counts.stored);
    assert_eq!(now.not_stored, counts.not_stored + 4 * lost.len() as u64);
    let error = cache.store().clear().await.unwrap_err();
    assert!(error.to_string().contains(&servers[0].host()), "{error}");
    let left = servers[1..].iter().map(|server| server.stat("curr_items"));
    assert_eq!(left.sum::<u64>(), 0, "the others are cleared all the same");

    servers[0].process.restart();
    all_are_used(&cache).await;
}

#[tokio::test]
async fn a_frozen_server_of_three_loses_only_its_own_keys() {
    let (servers, cache, lost) = three().await;
    servers[0].process.freeze();
    for _ in 0..3 {
        assert_only_its_keys_miss(&hits(&cache).await, &lost, &cache);
    }
    // Nobody waits any more, not even for the probe that goes out each second: not the one who sends it off, unless
    // this machine stands still each time.
    let (started, errors) = (Instant::now(), cache.counts().backend_errors);
    let mut took = Vec::new();
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        let mut slowest = Duration::ZERO;
        for page in &lost {
            let asked = Instant::now();
            assert!(!is_hit(&cache, *page).await);
            slowest = slowest.max(asked.elapsed());
        }
        took.push(slowest);
    }
    took.sort();
    assert!(took[0] < SERVER_DEADLINE, "{took:?}");
    let probes = cache.counts().backend_errors - errors;
    // One a second, and the one that was under way before.
    let most = started.elapsed().as_secs() + 2;
    assert!((1..=most).contains(&probes), "{probes}, at most {most}");
    servers[0].process.thaw();
    all_are_used(&cache).await;
}

#[tokio::test]
async fn many_of_three_servers_come_without_those_of_the_lost_one() -> Result<()> {
    let mut servers = Memcached::start_three();
    let store = store(&servers).server_deadline(SERVER_DEADLINE);
    let keys: Vec<_> = (0..100).map(|number| format!("key {number}")).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    for key in &keys {
        store.set(key, bytes(key), None).await?;
    }
    let all: Vec<_> = keys.iter().map(|key| Some(bytes(key))).collect();
    assert_eq!(store.get_many(&keys).await?, all);
    let on_the_first = servers[0].stat("curr_items");
    servers[0].process.kill();
    let killed = Instant::now();
    for _ in 0..10 {
        let found = store.get_many(&keys).await?;
        let lost = found.iter().filter(|value| value.is_none()).count();
        assert_eq!(lost as u64, on_the_first);
        let is_right = |(found, all): (&Option<_>, &Option<_>)| found.is_none() || found == all;
        assert!(found.iter().zip(&all).all(is_right));
    }
    // One request to each server, however many keys: so the breaker counts them, and the probes of each second.
    let (counts, probes) = (store.counts(), killed.elapsed().as_secs());
    assert_eq!(counts.backend_skipped, 5);
    assert!(
        (5..=5 + probes).contains(&counts.backend_errors),
        "{counts:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_answered_without_the_lost_server_is_an_error() -> Result<()> {
    let mut servers = Memcached::start_three();
    let store = store(&servers);
    for server in &mut servers {
        server.process.kill();
    }
    for _ in 0..10 {
        assert_eq!(store.get("key").await?, None);
        let error = store.set("key", bytes("value"), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerLost, "{error}");
        assert_eq!(store.get_many(&["key", "other"]).await?, [None, None]);
        assert!(store.add("key", bytes("value"), None).await.is_err());
        assert!(store.replace("key", b"value", None, None).await.is_err());
        assert!(store.delete("key").await.is_err());
        assert!(store.clear().await.is_err());
    }
    Ok(())
}

async fn all_are_used(cache: &Cache) {
    soon("every page is a hit", async || {
        hits(cache).await.len() == PAGES
    })
    .await;
}

/// Without `-M` a server makes room for what is new.
#[tokio::test]
async fn one_of_several_that_is_full_serves_and_removes_its_keys_and_the_others_store() -> Result<()>
{
    let full = Memcached::start_with(free_port(), &["-M", "-m", "8"]);
    let servers = [full, Memcached::start(), Memcached::start()];
    let store = store(&servers);
    let value = || vec![b'v'; 100_000].into();
    let (mut theirs, mut stored) = (Vec::new(), Vec::new());
    for number in 0..1000 {
        let key = format!("key-{number}");
        match store.set(&key, value(), None).await {
            Ok(()) => stored.push(key),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ServerLost, "{error}");
                theirs.push(key);
            }
        }
    }
    assert!((6..500).contains(&theirs.len()), "{}", theirs.len());
    assert!(store.counts().backend_errors >= 5);
    for key in &stored {
        assert_eq!(store.get(key).await?, Some(value()), "{key}");
    }
    for key in &stored {
        assert!(store.delete(key).await?, "{key}");
    }
    Ok(())
}
