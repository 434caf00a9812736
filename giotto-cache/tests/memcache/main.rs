//! Memcached: the contract on real servers, and what is special about it.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod address;
mod clear;
mod contract;
mod expiry;
mod lies;
mod outage;
#[path = "../common/patient.rs"]
mod patient;
mod several_servers;
#[path = "../common/soon.rs"]
mod soon;
mod values;

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::MemcacheKeyValue;
use test_servers::Memcached;

/// After so long without a reply the store itself gives a connection up.
const SILENCE: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_secs(24 * 3600);

const MIB: usize = 1 << 20;

/// On a machine under load one of several servers may need more than its usual time.
fn store<'s>(servers: impl IntoIterator<Item = &'s Memcached>) -> MemcacheKeyValue {
    let hosts = servers.into_iter().map(Memcached::host);
    let store = MemcacheKeyValue::new().hosts(hosts).unwrap();
    store.server_deadline(Duration::from_secs(30))
}

/// `value` as most tests use it.
fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// So long is waited for what must happen, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);
