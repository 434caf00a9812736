//! The servers of one store: which of them has a key, and what happens if one fails.
//!
//! Inside the last step of a lookup. Each of several servers has its own guard, so that a lost server affects only its own
//! keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::measure;
use super::protocol::Command;
use super::reply::{Found, Reply};
use super::server::Server;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::server::{Fault, Loss};
use crate::keyvalue::address::Address;
use crate::keyvalue::longest::Longest;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::together::together;
use crate::stats::Counts;
use crate::stats::layer::Failures;

#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<Arc<Server>>,
    failures: Arc<Failures>,
    longest: Arc<Longest>,
}

impl Servers {
    /// The servers at `addresses`, of which there is at least one, and none twice.
    pub(super) fn new(addresses: Vec<Address>, clock: &Clock) -> Result<Self> {
        if addresses.is_empty() {
            let message = "a Memcached store needs at least one host";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        for (index, address) in addresses.iter().enumerate() {
            if addresses[..index].contains(address) {
                let message = format!("the Memcached host {address} is given twice");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        let failures = Arc::new(Failures::default());
        let longest = Arc::new(Longest::default());
        let server = |address| Arc::new(Server::new(address, &failures, &longest, clock));
        Ok(Self {
            all: addresses.into_iter().map(server).collect(),
            failures,
            longest,
        })
    }

    pub(super) fn all(&self) -> &[Arc<Server>] {
        &self.all
    }

    /// The longest value that is read of any server.
    pub(super) fn longest(&self) -> &Longest {
        &self.longest
    }

    /// The longest value that all servers accept whose limit is known. The first call makes the servers be asked.
    pub(super) fn max_value(&self, now_ms: u64) -> Option<usize> {
        let all = self.all.iter().map(|server| server.max_value(now_ms));
        all.flatten().min()
    }

    /// Whether the server of `key` is well, as far as is known. The cache knows that of a single server.
    pub(super) fn is_writable(&self, key: &str) -> bool {
        self.all.len() == 1 || self.of(key).guard.is_writable()
    }

    /// What was counted of servers that are one of several.
    pub(super) fn counts(&self) -> Counts {
        self.failures.counts()
    }

    /// The reply of the server that has `key`, within `deadline` if it is one of several.
    pub(super) async fn ask(
        &self,
        key: &str,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, Loss> {
        self.ask_one(self.of(key), key, command, deadline).await
    }

    /// The values of `keys` that are present; those of a lost server are not. Each server is asked once, all at the same
    /// time.
    pub(super) async fn find(
        &self,
        keys: &[String],
        deadline: Duration,
    ) -> Result<HashMap<String, Found>> {
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut asked: Vec<(&Arc<Server>, String)> = Vec::new();
        for key in keys {
            let server = self.of(key);
            match asked
                .iter_mut()
                .find(|(other, _)| Arc::ptr_eq(other, server))
            {
                Some((_, keys)) => keys.extend([" ", key]),
                None => asked.push((server, key.clone())),
            }
        }
        let ask = |(server, keys): (_, String)| async move {
            let reply = self.ask_one(server, &keys, Command::GetMany, deadline);
            match reply.await {
                Ok(Reply::Values(found)) => Ok(found),
                Ok(_) => Ok(HashMap::new()),
                Err(loss) => loss.miss(),
            }
        };
        let mut values = HashMap::new();
        for found in together(asked.into_iter().map(ask)).await {
            values.extend(found?);
        }
        Ok(values)
    }

    /// What each server holds, all asked at the same time.
    pub(super) async fn measure(&self) -> Vec<Result<Measure>> {
        let measure = async |server: &Arc<Server>| {
            let call = measure::measure(&server.address);
            server.guard.ask_aside(call).await
        };
        together(self.all.iter().map(measure)).await
    }

    async fn ask_one(
        &self,
        server: &Arc<Server>,
        keys: &str,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, Loss> {
        let want = command.want();
        let call = server.ask(keys, command);
        if self.all.len() == 1 {
            return call
                .await
                .map_err(|(Fault::Lost(error) | Fault::Refused(error))| Loss::Store(error));
        }
        let probe = || {
            let (server, keys) = (Arc::clone(server), keys.to_owned());
            async move { server.ask(&keys, Command::GetMany).await }
        };
        server.guard.ask(want, deadline, call, probe).await
    }

    /// The server that scores highest for `key` (rendezvous hashing). A score depends only on the key and the address: if a
    /// server is removed from the list, only its keys move, and the order of the list does not matter.
    pub(super) fn of(&self, key: &str) -> &Arc<Server> {
        let score = |server: &&Arc<Server>| xxh3_64_with_seed(key.as_bytes(), server.seed);
        let highest = self.all.iter().max_by_key(score);
        highest.expect("there is at least one server")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::address;
    use super::*;

    fn placed(hosts: &[&str]) -> Vec<String> {
        let addresses = address::read(hosts.iter().copied()).unwrap();
        let servers = Servers::new(addresses, &Clock::manual(0)).unwrap();
        (0..30_000)
            .map(|number| servers.of(&format!("giotto:{{'x':%20{number}}}(squared)(text/html)")))
            .map(|server| server.address.to_string())
            .collect()
    }

    #[test]
    fn every_server_has_its_share_whatever_the_order_of_the_list() {
        let places = placed(&["a", "b", "c"]);
        let mut shares = HashMap::new();
        for place in &places {
            *shares.entry(place).or_insert(0) += 1;
        }
        assert_eq!(shares.len(), 3);
        for (place, share) in shares {
            assert!(
                (9_500..10_500).contains(&share),
                "{place} has {share} of 30,000"
            );
        }
        assert_eq!(places, placed(&["c", "a:11211", "b"]));
    }

    #[test]
    fn a_server_removed_moves_its_own_keys_and_one_added_takes_its_share() {
        let (three, two) = (placed(&["a", "b", "c"]), placed(&["a", "c"]));
        for (before, after) in three.iter().zip(&two) {
            assert!(before == after || before == "b:11211");
        }
        let four = placed(&["a", "b", "c", "d"]);
        let moved: Vec<_> = three
            .iter()
            .zip(&four)
            .filter(|(before, after)| before != after)
            .collect();
        assert!(moved.iter().all(|(_, after)| *after == "d:11211"));
        assert!(
            (7_000..8_000).contains(&moved.len()),
            "{} of 30,000 moved",
            moved.len()
        );
    }

    #[test]
    fn no_host_and_a_host_given_twice_are_refused() {
        for hosts in [&[][..], &["a", "b", "A:11211"]] {
            let addresses = address::read(hosts.iter().copied()).unwrap();
            assert!(
                Servers::new(addresses, &Clock::manual(0)).is_err(),
                "{hosts:?}"
            );
        }
    }
}
