//! What a GET from Memcached costs: the store, whose callers share one connection, against the pool of the crate
//! `memcache`.
//!
//! `cargo bench -p giotto-cache --features memcache --bench memcache`. Values of 1 KiB, a runtime of two threads,
//! a server started for it on the same machine. The contenders take turns, and the table has the medians.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use giotto_cache::{KeyValue, MemcacheKeyValue};
use memcache::exp::{AsyncMemcache, Ttl};
use test_servers::Memcached;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const ROUNDS: usize = 11;
const GETS: usize = 16_000;
const KEYS: usize = 1000;

fn main() {
    let server = Memcached::start();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be started");
    let value = vec![b'x'; 1024];
    let host = [server.host()];
    let store = MemcacheKeyValue::new().hosts(host.clone()).expect("a host");
    let pool = runtime
        .block_on(AsyncMemcache::connect(host))
        .expect("a server");
    runtime.block_on(async {
        for key in (0..KEYS).map(key) {
            let ours = store.set(&key, Bytes::copy_from_slice(&value), None).await;
            ours.expect("it is stored");
            let theirs = pool.set(&key, value.as_slice(), Ttl::secs(3600)).await;
            theirs.expect("it is stored");
        }
    });

    println!("{ROUNDS} rounds of {GETS} gets each\n");
    println!(
        "{:>8} {:>16} {:>16} {:>8}",
        "callers", "store", "crate", "ratio"
    );
    for callers in [1, 4, 32, 256] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(round(&runtime, callers, &store, get));
            theirs.push(round(&runtime, callers, &pool, get_from_pool));
        }
        let [ours, theirs] = [ours, theirs].map(median).map(per_second);
        println!(
            "{callers:>8} {ours:>14.0}/s {theirs:>14.0}/s {:>8.2}",
            ours / theirs
        );
    }
}

async fn get(store: Arc<MemcacheKeyValue>, key: String) -> usize {
    store
        .get(&key)
        .await
        .expect("a reply")
        .expect("a value")
        .len()
}

async fn get_from_pool(pool: Arc<AsyncMemcache>, key: String) -> usize {
    let value: Option<Vec<u8>> = pool.get(&key).await.expect("a reply");
    value.expect("a value").len()
}

/// How long `callers` take together for all gets, each with one after the other.
fn round<C, F>(
    runtime: &Runtime,
    callers: usize,
    client: &C,
    get: fn(Arc<C>, String) -> F,
) -> Duration
where
    C: Clone + Send + Sync + 'static,
    F: Future<Output = usize> + Send + 'static,
{
    let client = Arc::new(client.clone());
    runtime.block_on(async {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let client = Arc::clone(&client);
            tasks.spawn(async move {
                for number in 0..GETS / callers {
                    let length = get(Arc::clone(&client), key((caller + number) % KEYS)).await;
                    assert_eq!(length, 1024);
                }
            });
        }
        tasks.join_all().await;
        started.elapsed()
    })
}

fn key(number: usize) -> String {
    format!("page-{number}")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn per_second(time: Duration) -> f64 {
    GETS as f64 / time.as_secs_f64()
}
