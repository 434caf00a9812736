//! The contract of `KeyValue`, on one server and on three.

use std::sync::Arc;

use giotto_cache::conformance::{self, Subject};
use test_servers::Memcached;

use crate::store;

async fn obeys_the_contract(servers: &[Memcached]) {
    let [ours, theirs] = ["ours", "theirs"].map(|name| store(servers).namespace(name).unwrap());
    let subject = Subject::new(Arc::new(ours)).neighbour(Arc::new(theirs));
    conformance::check(&subject.atomic()).await;
    let (default, theirs) = (store(servers), store(servers).namespace("theirs").unwrap());
    let subject = Subject::new(Arc::new(default)).neighbour(Arc::new(theirs));
    conformance::clear_removes_every_key_of_this_namespace_and_nothing_else(&subject).await;
}

#[tokio::test]
async fn one_server_obeys_the_contract() {
    obeys_the_contract(&[Memcached::start()]).await;
}

#[tokio::test]
async fn three_servers_obey_the_contract() {
    obeys_the_contract(&Memcached::start_three()).await;
}
