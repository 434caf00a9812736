//! A value that somebody else put into a store, larger than anything a cache stores: it costs a miss, and no memory.
//!
//! In a process of its own, whose memory is looked at, and in one test, so that nothing else uses any.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{
    Cache, Computed, Key, KeyValue, Lookup, MemcacheKeyValue, Policy, RedisKeyValue, Status,
};
use test_servers::{Memcached, Redis, RedisCluster, free_port};

const MIB: usize = 1 << 20;
/// Of the value that is planted.
const PLANTED: usize = 100 * MIB;
/// The same in Memcached, whose replies are read to their end, within a second also on a machine under load.
const PLANTED_IN_MEMCACHED: usize = 16 * MIB;
/// For the largest entry, which is 1 MiB, as often as it is copied, and what a server's client needs.
const MARGIN: usize = 12 * MIB;
/// On a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);
const KEYS: [&str; 3] = ["1", "2", "3"];
/// The tags of one page, and the length of each planted record: all of them are more than the margin, and are read to
/// their end within a second also on a machine under load.
const TAGS: usize = 32;
const PLANTED_RECORD: usize = MIB / 2;

fn key(arguments: &str) -> Key {
    Key::new("squared", arguments, "text/html")
}

/// The most memory that this process has ever used.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kibibytes.parse::<usize>().unwrap() * 1024
}

/// Each planted key is a miss, is replaced, and is a hit then; the process did not grow by what was planted.
async fn misses_and_replaces(name: &str, store: impl KeyValue) {
    let cache = Cache::builder(Arc::new(store)).deadline(PATIENCE).build();
    let page = || async { Ok::<_, giotto_cache::Error>(Bytes::from_static(b"page")) };
    let small = key("small");
    cache
        .get_or_compute(small.clone(), Policy::forever(), page)
        .await
        .unwrap();
    cache.settle().await;
    let before = most_memory();
    for planted in KEYS {
        for status in [Status::Stored, Status::Hit] {
            let answer = cache
                .get_or_compute(key(planted), Policy::forever(), page)
                .await;
            let answer = answer.unwrap();
            assert_eq!(
                answer.status, status,
                "{name}: {:?} {:?}",
                answer.reason, answer.not_stored
            );
            cache.settle().await;
        }
    }
    let grown = most_memory() - before;
    assert!(
        grown < MARGIN,
        "{name}: {grown} bytes more for planted values"
    );
    let counts = cache.counts();
    assert_eq!(
        (counts.backend_errors, counts.backend_skipped),
        (0, 0),
        "{name}"
    );
}

/// All records of a page are read at once. Together they cost no more memory than one entry, and are replaced.
async fn reads_no_planted_record(name: &str, store: impl KeyValue) {
    let cache = Cache::builder(Arc::new(store)).deadline(PATIENCE).build();
    let policy = Policy::forever();
    let before = most_memory();
    for status in [Status::Stored, Status::Hit] {
        let lookup = Lookup::new(key("tagged"), policy).tags(tags().collect());
        let page = |_| async { Ok::<_, giotto_cache::Error>(Computed::Page("page".into())) };
        let answer = cache.answer(lookup, page).await.unwrap();
        assert_eq!(answer.status, status, "{name}");
        cache.settle().await;
    }
    let grown = most_memory() - before;
    assert!(grown < MARGIN, "{name}: {grown} bytes for {TAGS} records");
}

/// A value in the place of a lease keeps the page from being stored once, and is removed.
async fn removes_a_planted_lease(name: &str, store: impl KeyValue) {
    let cache = Cache::builder(store).deadline(PATIENCE).build();
    for status in [Status::NotStored, Status::Stored] {
        let page = || async { Ok::<_, giotto_cache::Error>("page".into()) };
        let answer = cache.get_or_compute(key("leased"), Policy::forever(), page);
        assert_eq!(answer.await.unwrap().status, status, "{name}");
        cache.settle().await;
    }
}

fn lease() -> (String, usize) {
    (format!("{{lease:{}}}", key("leased")), 4 << 10)
}

fn tags() -> impl Iterator<Item = String> {
    // The longest are stored under a digest in Memcached.
    (0..TAGS).map(|number| format!("{number:0>200}"))
}

/// The keys of the records of the tags, and how long each is.
fn records() -> impl Iterator<Item = (String, usize)> {
    tags().map(|tag| (format!("{{tag:{tag}}}"), PLANTED_RECORD))
}

fn plant_in(redis: &Redis) {
    let pages = KEYS.map(|planted| (key(planted).as_str().to_owned(), PLANTED));
    plant(redis, pages);
}

fn plant(redis: &Redis, values: impl IntoIterator<Item = (String, usize)>) {
    for (key, length) in values {
        redis.cli(&["-c", "set", &key, "planted"]);
        redis.cli(&["-c", "setrange", &key, &length.to_string(), "!"]);
    }
}

#[tokio::test]
async fn a_planted_value_costs_no_more_memory_than_the_largest_entry() {
    let redis = Redis::start();
    plant_in(&redis);
    let store = RedisKeyValue::new().host("127.0.0.1").port(redis.port());
    misses_and_replaces("Redis", store.clone()).await;
    plant(&redis, records());
    reads_no_planted_record("Redis", store.clone()).await;
    plant(&redis, [lease()]);
    removes_a_planted_lease("Redis", store.clone()).await;
    plant_in(&redis);
    misses_and_replaces("Redis by its socket", store.socket(redis.socket())).await;

    let cluster = RedisCluster::start(0, PATIENCE);
    plant_in(&cluster.nodes[0]);
    let store = RedisKeyValue::new().cluster(cluster.addresses()).unwrap();
    let store = store.server_deadline(PATIENCE);
    misses_and_replaces("Redis Cluster", store.clone()).await;
    plant(&cluster.nodes[0], records());
    reads_no_planted_record("Redis Cluster", store).await;

    let server = Memcached::start_with(free_port(), &["-I", "128m", "-m", "1024"]);
    let store = MemcacheKeyValue::new().hosts([server.host()]).unwrap();
    for planted in KEYS {
        server.plant(
            &store.stored_key(key(planted).as_str()),
            PLANTED_IN_MEMCACHED,
        );
    }
    misses_and_replaces("Memcached", store.clone()).await;
    let store = store.namespace(&"n".repeat(60)).unwrap();
    for (key, length) in records() {
        server.plant(&store.stored_key(&key), length);
    }
    reads_no_planted_record("Memcached", store.clone()).await;
    let (key, length) = lease();
    server.plant(&store.stored_key(&key), length);
    removes_a_planted_lease("Memcached", store).await;
}
