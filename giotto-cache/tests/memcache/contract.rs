//! The contract of `KeyValue`, on one server and on three.

use std::sync::Arc;

use giotto_cache::conformance::{self, Subject};
use test_servers::Memcached;

use crate::patient::Patient;
use crate::{SILENCE, store};

async fn obeys_the_contract(servers: &[Memcached]) {
    let patient = |store| {
        Arc::new(Patient {
            store,
            gives_up_after: SILENCE,
        })
    };
    let named = |name| patient(store(servers).namespace(name).unwrap());
    let subject = Subject::new(named("ours")).neighbour(named("theirs"));
    conformance::check(&subject.atomic().enumerable()).await;
    let default = patient(store(servers));
    let subject = Subject::new(default).neighbour(named("theirs"));
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
