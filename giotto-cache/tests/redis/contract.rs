//! The contract of `KeyValue`, on one server, on a cluster and behind sentinels.

use std::sync::Arc;

use giotto_cache::RedisKeyValue;
use giotto_cache::conformance::{self, Subject};
use test_servers::{Redis, RedisCluster, RedisSentinel};

use crate::patient::Patient;
use crate::{PATIENCE, SILENCE, store_in};

async fn obeys_the_contract(store: RedisKeyValue) {
    let namespaced = |name| {
        let store = store.clone().namespace(name).unwrap();
        Arc::new(Patient {
            store,
            gives_up_after: SILENCE,
        })
    };
    let subject = Subject::new(namespaced("ours")).neighbour(namespaced("theirs"));
    conformance::check(&subject.atomic().enumerable()).await;
}

#[tokio::test]
async fn redis_obeys_the_contract() {
    let server = Redis::start();
    obeys_the_contract(store_in(&server)).await;
}

#[tokio::test]
async fn a_cluster_obeys_the_contract() {
    let cluster = RedisCluster::start(0, PATIENCE);
    // One node is enough: it names the others.
    let store = RedisKeyValue::new().cluster(&cluster.addresses()[..1]);
    obeys_the_contract(store.expect("a node").server_deadline(PATIENCE)).await;
}

#[tokio::test]
async fn a_master_with_sentinels_obeys_the_contract() {
    let servers = RedisSentinel::start(PATIENCE);
    let store = RedisKeyValue::new().sentinel("mymaster", servers.addresses());
    obeys_the_contract(store.expect("some sentinels")).await;
}
