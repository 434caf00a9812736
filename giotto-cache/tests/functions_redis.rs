//! The results of functions in four processes on one Redis: each has connections of its own.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

#[path = "common/soon.rs"]
mod soon;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use giotto_cache::{Cache, Policy, RedisKeyValue, Result};
use serde::{Deserialize, Serialize};
use test_servers::Redis;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::soon::soon;

const HOUR: Policy = Policy::seconds(3600);
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(30);
const CALLERS: usize = 10_000;

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
    let (calls, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let cache = processes[number % processes.len()].clone();
        let (calls, gate) = (Arc::clone(&calls), Arc::clone(&gate));
        callers.spawn(async move {
            let price = cache
                .function("price")
                .policy(HOUR)
                .call_shared(7, || async move {
                    let cents = 100 + calls.fetch_add(1, Ordering::SeqCst);
                    let _ = gate.acquire().await;
                    let currency = "EUR".to_owned();
                    Ok::<_, Infallible>(Price { cents, currency })
                });
            price.await
        });
    }
    // All but one caller of each process wait for that one, and all but one of these for another process.
    let per_process = (CALLERS / processes.len()) as u64;
    soon("all callers wait", async || {
        let mut counts = processes.iter().map(Cache::counts);
        counts.all(|counts| counts.collapsed == per_process - 1)
            && processes
                .iter()
                .filter(|cache| cache.counts().waited > 0)
                .count()
                == 3
    })
    .await;
    gate.close();
    for price in callers.join_all().await {
        assert_eq!(price?.cents, 100);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    Ok(())
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
