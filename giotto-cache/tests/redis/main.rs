//! `RedisKeyValue` against real servers: the contract, what is stored, and every way in which a server fails.
//!
//! Each test starts the servers that it needs (Debian's package `redis-server`) and stops them.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod address;
mod clear;
mod cluster;
mod cluster_outage;
mod connection;
mod contract;
mod fake_server;
mod kept;
mod measure;
mod outage;
#[path = "../common/patient.rs"]
mod patient;
mod rights;
mod sentinel;
#[path = "../common/soon.rs"]
mod soon;
mod values;

use std::time::{Duration, Instant};

use bytes::Bytes;
use giotto_cache::{KeyValue, RedisKeyValue, Result};
use test_servers::Redis;

/// The engine's deadline for one call.
const DEADLINE: Duration = Duration::from_millis(100);

/// After so long without a reply the store itself gives a connection up.
const SILENCE: Duration = Duration::from_secs(1);

/// For what does not fail here, on a machine under load; and how long is waited for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A master that is gone for so long is replaced: longer than one stands still on a machine under load.
const GONE: Duration = Duration::from_secs(5);

/// A master has been replaced within this time, even if sentinels that stood still distrust their clocks for a while.
const FAILOVER: Duration = Duration::from_secs(120);

const KEY: &str = "{'x': 12}(squared)(text/html)";

fn store_in(server: &Redis) -> RedisKeyValue {
    RedisKeyValue::new().host("127.0.0.1").port(server.port())
}

fn key(number: usize) -> String {
    format!("{{'x': {number}}}(squared)(text/html)")
}

async fn set(store: &RedisKeyValue, key: &str, value: &'static str) -> Result<()> {
    store
        .set(key, Bytes::from_static(value.as_bytes()), None)
        .await
}

/// A call as the engine makes it: dropped at its deadline.
async fn get_in_time(store: &RedisKeyValue, key: &str) -> Option<Result<Option<Bytes>>> {
    tokio::time::timeout(DEADLINE, store.get(key)).await.ok()
}

/// A call that gets no answer: none by the engine's deadline, or an error after it if this process stood still.
async fn is_unanswered(store: &RedisKeyValue, key: &str) -> bool {
    let asked = Instant::now();
    match get_in_time(store, key).await {
        None => true,
        Some(answer) => answer.is_err() && asked.elapsed() >= DEADLINE,
    }
}

/// Calls until one succeeds.
async fn recovers(store: &RedisKeyValue, key: &str) -> Option<Bytes> {
    let started = Instant::now();
    loop {
        match get_in_time(store, key).await {
            Some(Ok(value)) => return value,
            failed => assert!(started.elapsed() < PATIENCE, "still {failed:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_master(server: &Redis) -> bool {
    server.cli(&["role"]).starts_with("master")
}
