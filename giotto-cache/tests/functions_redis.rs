//! The results of functions in several processes on one Redis.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use giotto_cache::{Cache, KeyValue, Policy, RedisKeyValue, Result};
use serde::{Deserialize, Serialize};
use test_servers::{Peer, Peers, Redis};
use tokio::task::JoinSet;

#[path = "common/held_leases.rs"]
mod held_leases;
#[path = "common/soon.rs"]
mod soon;

use crate::held_leases::HeldLeases;
use crate::soon::soon;

const HOUR: Policy = Policy::seconds(3600);
/// More than usual, for a machine under load.
const DEADLINE: Duration = Duration::from_secs(120);
const PROCESSES: usize = 4;
/// In all processes.
const CALLERS: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Price {
    cents: u64,
    currency: String,
}

fn store(port: u16) -> RedisKeyValue {
    let store = RedisKeyValue::new().host("127.0.0.1").port(port);
    store.server_deadline(DEADLINE)
}

fn cache(store: impl KeyValue) -> Cache {
    Cache::builder(store).deadline(DEADLINE).build()
}

/// Four processes of the operating system. All callers of all processes have missed and wait before any may compute.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_callers_in_four_processes_make_one_call() -> Result<()> {
    if let Some(peer) = Peer::of_process() {
        return call_as(&peer).await;
    }
    let server = Redis::start();
    let test = "ten_thousand_callers_in_four_processes_make_one_call";
    let mut peers = Peers::start(test, PROCESSES, &server.port().to_string());
    peers.until_all("connected");
    peers.tell("call");
    peers.until_all("all wait");
    peers.tell("compute");
    let mut called: Vec<_> = peers.until_all("called");
    called.sort_unstable();
    assert_eq!(called, ["0 times", "0 times", "0 times", "1 times"]);
    peers.pass();
    Ok(())
}

/// What one of the four processes does.
async fn call_as(peer: &Peer) -> Result<()> {
    let (store, leases) = HeldLeases::new(store(peer.given().parse().expect("the port")));
    let cache = cache(store);
    // Connects.
    cache.knows_tag("any").await?;
    peer.say("connected");
    peer.wait_for("call");
    let calls = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    let own = CALLERS as u64 / PROCESSES as u64;
    for _ in 0..own {
        let (cache, calls) = (cache.clone(), Arc::clone(&calls));
        callers.spawn(async move {
            let compute = || async move {
                let cents = 100 + calls.fetch_add(1, Ordering::SeqCst);
                let currency = "EUR".to_owned();
                Ok::<_, Infallible>(Price { cents, currency })
            };
            let price = cache.function("price").policy(HOUR);
            price.call_shared(7, compute).await
        });
    }
    soon(
        "one asks for the lease, and the others wait for it",
        async || cache.counts().collapsed == own - 1,
    )
    .await;
    assert_eq!(cache.counts().first_seen, own, "the store has answered all");
    peer.say("all wait");
    peer.wait_for("compute");
    leases.close();
    for price in callers.join_all().await {
        assert_eq!(price?.cents, 100);
    }
    cache.settle().await;
    peer.say(&format!("called {} times", calls.load(Ordering::SeqCst)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_stores_another_reads_until_it_is_invalidated() -> Result<()> {
    let server = Redis::start();
    let [one, two] = [(); 2].map(|()| cache(store(server.port())));
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
