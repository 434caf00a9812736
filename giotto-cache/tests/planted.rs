//! A value that another program put into a store, larger than anything a cache stores: it costs a miss, and no memory.
//!
//! In a process of its own, whose memory is looked at, and in one test, so that nothing else uses any.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Cache, Key, KeyValue, MemcacheKeyValue, Policy, RedisKeyValue, Status};
use test_servers::{Memcached, Redis, RedisCluster, free_port};

const MIB: usize = 1 << 20;
/// Of the value that is planted.
const PLANTED: usize = 100 * MIB;
/// For the largest entry, which is 1 MiB, as often as it is copied, and what a server's client needs.
const MARGIN: usize = 12 * MIB;
/// On a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);
const KEYS: [&str; 3] = ["1", "2", "3"];

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
            assert_eq!(answer.status, status, "{name}");
            cache.settle().await;
        }
    }
    let grown = most_memory() - before;
    assert!(
        grown < MARGIN,
        "{name}: {grown} bytes for values of {PLANTED}"
    );
    let counts = cache.counts();
    assert_eq!(
        (counts.backend_errors, counts.backend_skipped),
        (0, 0),
        "{name}"
    );
}

fn plant_in(redis: &Redis) {
    for planted in KEYS {
        let key = key(planted);
        redis.cli(&["-c", "set", key.as_str(), "planted"]);
        redis.cli(&["-c", "setrange", key.as_str(), &PLANTED.to_string(), "!"]);
    }
}

#[tokio::test]
async fn a_planted_value_costs_no_more_memory_than_the_largest_entry() {
    let redis = Redis::start();
    plant_in(&redis);
    let store = RedisKeyValue::new().host("127.0.0.1").port(redis.port());
    misses_and_replaces("Redis", store.clone()).await;
    plant_in(&redis);
    misses_and_replaces("Redis by its socket", store.socket(redis.socket())).await;

    let cluster = RedisCluster::start(0, PATIENCE);
    plant_in(&cluster.nodes[0]);
    let store = RedisKeyValue::new().cluster(cluster.addresses()).unwrap();
    misses_and_replaces("Redis Cluster", store.server_deadline(PATIENCE)).await;

    let server = Memcached::start_with(free_port(), &["-I", "128m", "-m", "1024"]);
    let store = MemcacheKeyValue::new().hosts([server.host()]).unwrap();
    for planted in KEYS {
        server.plant(&store.stored_key(key(planted).as_str()), PLANTED);
    }
    misses_and_replaces("Memcached", store).await;
}
