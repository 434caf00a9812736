//! The results of functions in four processes on one Redis: each has connections of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use giotto_cache::{Cache, Policy, RedisKeyValue, Result};
use serde::{Deserialize, Serialize};
use test_servers::Redis;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const HOUR: Policy = Policy::seconds(3600);
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(30);
/// For so long another process waits for one that computes.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Price {
    cents: u64,
    currency: String,
}

fn processes(server: &Redis) -> [Cache; 4] {
    std::array::from_fn(|_| {
        let store = RedisKeyValue::new().host("127.0.0.1").port(server.port());
        let store = store.server_deadline(DEADLINE);
        Cache::builder(store).deadline(DEADLINE).build()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_callers_in_four_processes_make_one_call() -> Result<()> {
    let server = Redis::start();
    let processes = processes(&server);
    // Of callers that wait for longer than a lease is waited for, some compute, too. A machine under load takes fewer in that
    // time.
    for callers in [10_000, 3_000, 1_000, 300] {
        let started = Instant::now();
        let calls = calls(&processes, callers).await?;
        if started.elapsed() < PATIENCE {
            assert_eq!(calls, 1, "{callers} callers");
            return Ok(());
        }
    }
    panic!("the machine is too slow for this test");
}

/// How often the function is called for so many callers at once.
async fn calls(processes: &[Cache; 4], callers: usize) -> Result<u64> {
    for cache in processes {
        // They are connected, as processes are that serve.
        let warm = cache.function("warm").policy(HOUR);
        warm.call((), || async { Ok::<_, Infallible>(()) }).await?;
    }
    let (start, calls) = (Arc::new(Barrier::new(callers)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for number in 0..callers {
        let cache = processes[number % processes.len()].clone();
        let (start, calls) = (Arc::clone(&start), Arc::clone(&calls));
        tasks.spawn(async move {
            start.wait().await;
            let compute = || async move {
                let cents = 100 + calls.fetch_add(1, Ordering::SeqCst);
                let currency = "EUR".to_owned();
                Ok::<_, Infallible>(Price { cents, currency })
            };
            cache
                .function("price")
                .policy(HOUR)
                .call_shared(callers, compute)
                .await
        });
    }
    for price in tasks.join_all().await {
        assert!(price?.cents >= 100);
    }
    Ok(calls.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_stores_another_reads_until_it_is_invalidated() -> Result<()> {
    let server = Redis::start();
    let [one, two, ..] = processes(&server);
    let call = async |cache: &Cache, cents| {
        let function = cache.function("price").policy(HOUR).tags(["price:7"]);
        let currency = "EUR".to_owned();
        let price = function.call(7, || async move {
            Ok::<_, Infallible>(Price { cents, currency })
        });
        let price = price.await;
        cache.settle().await;
        price.map(|price| price.cents)
    };
    assert_eq!((call(&one, 1).await?, call(&two, 2).await?), (1, 1));
    one.invalidate("price:7").await?;
    assert_eq!((call(&two, 3).await?, call(&one, 4).await?), (3, 3));
    assert_eq!(two.counts().undecodable, 0);
    Ok(())
}
