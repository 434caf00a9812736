//! Random requests of many users against a model of RFC 9111 that shares no code with the layer: each response must be one that
//! the model allows, a response that the model wants to be reused must be reused, and no user ever gets the body of another.
//!
//! The clock is passed in, and the seed of each world is its number: a difference is told with it, with the request, what the
//! origin was asked, and what the model takes for stored.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]
#![expect(unreachable_pub, reason = "the modules of one test")]

mod check;
mod origin;
mod rules;
mod said;
mod world;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{KeyValue, LocMemKeyValue, RedisKeyValue};
use test_servers::Redis;
use world::World;

/// 2023-11-14T22:13:20Z.
pub const START_MS: u64 = 1_700_000_000_000;

/// For what does not fail here, on a machine under load.
const DEADLINE: Duration = Duration::from_secs(10);

/// The requests of one world.
const REQUESTS: usize = 1_000;

/// The requests of `seeds` worlds, each of which has its keys in a store of its own or of all.
async fn run(seeds: std::ops::Range<u64>, store: impl Fn() -> Arc<dyn KeyValue>) {
    let mut totals = check::Totals::default();
    let mut differences = Vec::new();
    for seed in seeds {
        let mut world = World::new(seed, store());
        while world.requests() < REQUESTS {
            world.step().await;
        }
        totals.add(world.totals());
        differences.extend(world.differences());
    }
    let mut told = HashMap::new();
    for (why, all) in differences {
        let (shortest, number) = told.entry(why).or_insert((all.clone(), 0));
        *number += 1;
        if all.len() < shortest.len() {
            *shortest = all;
        }
    }
    for (all, number) in told.values() {
        println!("{number} times: {all}");
    }
    println!("{totals:?}");
    assert!(told.is_empty(), "{} kinds of differences", told.len());
    totals.assert_varied();
}

#[tokio::test]
async fn a_hundred_thousand_requests_get_what_the_rfc_allows() {
    run(0..100, || Arc::new(LocMemKeyValue::new())).await;
}

#[tokio::test]
async fn requests_get_what_the_rfc_allows_from_redis() {
    let server = Redis::start();
    let store = || -> Arc<dyn KeyValue> {
        let store = RedisKeyValue::new().host("127.0.0.1").port(server.port());
        Arc::new(store.server_deadline(DEADLINE))
    };
    run(0..5, store).await;
}
