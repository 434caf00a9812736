//! Memcached as a store, on one server or several.
//!
//! The last step of a lookup: a key as Memcached takes it (`key.rs`), the server that has it (`servers.rs`), and one
//! request (`calls.rs`) on the connection to that server (`connection.rs`, `protocol.rs`, `reply.rs`). Every value has its expiry
//! in front (`expiry.rs`).

mod address;
mod calls;
mod connection;
mod dial;
mod dump;
mod expiry;
mod key;
mod measure;
mod protocol;
mod reply;
mod scan;
mod server;
mod servers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::protocol::Verb;
use self::reply::Found;
use self::servers::Servers;
use super::KeyValue;
use super::namespace::Namespace;
use super::sum::sum;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::server::{Loss, SERVER_DEADLINE};
use crate::keyvalue::address::Address;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue};
use crate::stats::Counts;

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_NAMESPACE: &str = "giotto";
/// A longer one would leave no room for the key.
const MAX_NAMESPACE: usize = 100;

/// How often `add` and `replace` look at a value that is in the way.
const ATTEMPTS: usize = 3;

/// A [`KeyValue`] on one Memcached server or several: `localhost:11211` if no host is given.
///
/// Each key lives on one of the servers (rendezvous hashing of their names as given: every process must give the same names,
/// in any order). A lost server affects only its own keys: `get` finds none of them, and every other call
/// fails with [`ErrorKind::ServerLost`]. They do not move to another server, so none comes back later with an old value.
///
/// A server accepts values of up to 1 MiB, key included, unless it was started with a larger `-I`. It must be reachable
/// without a password. Connections are made when they are first needed, one for each server.
#[derive(Clone)]
pub struct MemcacheKeyValue {
    servers: Arc<Servers>,
    namespace: Namespace,
    server_deadline: Duration,
    clock: Clock,
}

impl MemcacheKeyValue {
    /// A store on `localhost:11211`.
    #[must_use]
    pub fn new() -> Self {
        let addresses = address::read([DEFAULT_HOST]);
        addresses.and_then(Self::on).expect("the name of a host")
    }

    /// A store at `memcache://a:11211,b:11211` or `memcache:///path/to/socket`; `;` separates hosts too.
    ///
    /// # Errors
    ///
    /// If `url` is not written like this. The error shows no password.
    pub fn from_url(url: &str) -> Result<Self> {
        Self::on(address::read_url(url)?)
    }

    /// The same on `hosts`: `host`, `host:port`, `::1`, `[::1]:11211`, `/path/to/socket` or `unix:/path`.
    ///
    /// # Errors
    ///
    /// If there are none, or one cannot be read or is given twice; the error names it.
    pub fn hosts(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        Ok(Self {
            namespace: self.namespace,
            server_deadline: self.server_deadline,
            ..Self::on(address::read(hosts)?)?
        })
    }

    /// The same with `name` and a colon in front of every key; `giotto` if not set.
    ///
    /// # Errors
    ///
    /// If `name` has other characters than letters, digits, `.`, `_` and `-`, or more than 100 of them.
    pub fn namespace(self, name: &str) -> Result<Self> {
        if name.len() > MAX_NAMESPACE {
            let message =
                format!("a namespace on Memcached has at most {MAX_NAMESPACE} characters");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let namespace = Namespace::new(name)?;
        Ok(Self { namespace, ..self })
    }

    /// The time limit of a call to one of several servers, after which it is a miss; 50 ms if not set.
    ///
    /// Keep it below the [cache's own deadline](crate::CacheBuilder::deadline), which is for the store as a whole: when that
    /// passes several times in a row, no server is asked. A single server has only the cache's deadline.
    #[must_use]
    pub fn server_deadline(self, deadline: Duration) -> Self {
        Self {
            server_deadline: deadline,
            ..self
        }
    }

    fn on(addresses: Vec<Address>) -> Result<Self> {
        let clock = Clock::system();
        let namespace = Namespace::new(DEFAULT_NAMESPACE)?;
        Ok(Self {
            servers: Arc::new(Servers::new(addresses, &clock)?),
            namespace,
            server_deadline: SERVER_DEADLINE,
            clock,
        })
    }
}

impl Default for MemcacheKeyValue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemcacheKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self
            .servers
            .all()
            .iter()
            .map(|server| server.address().to_string());
        f.debug_struct("MemcacheKeyValue")
            .field("hosts", &hosts.collect::<Vec<_>>())
            .field("namespace", &self.namespace.prefix())
            .finish()
    }
}

#[async_trait]
impl KeyValue for MemcacheKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let found = self.find(&key::stored(&self.namespace, key)).await;
        let found = found.or_else(Loss::miss)?;
        Ok(found.and_then(|found| self.live(&found)))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let stored = |key: &&str| key::stored(&self.namespace, key);
        let keys: Vec<_> = keys.iter().map(stored).collect();
        let found = self.servers.find(&keys, self.server_deadline).await?;
        let live = |key| self.live(found.get(key)?);
        Ok(keys.iter().map(live).collect())
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let key = key::stored(&self.namespace, key);
        let error = match self.store(Verb::Set, &key, &value, expire).await {
            Ok(true) => return Ok(()),
            Ok(false) => self.failed(&key, "it did not store a value"),
            Err(lost @ Loss::Server(_)) => return Err(lost.into_error()),
            Err(refused) => refused.into_error(),
        };
        // The old value is removed: it is not the last one set. Memcached does that itself with a value that is too large.
        // If the removal fails too, the first error says why.
        let _ = self.remove(&key).await;
        Err(error)
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let key = key::stored(&self.namespace, key);
        let mut verb = Verb::Add;
        // The value in the way may be gone a moment later, or have expired without the server's knowing. If it is live,
        // another caller has won.
        for _ in 0..ATTEMPTS {
            let stored = self.store(verb, &key, &value, expire).await;
            if stored.map_err(Loss::into_error)? {
                return Ok(true);
            }
            verb = match self.find(&key).await.map_err(Loss::into_error)? {
                Some(found) if self.live(&found).is_some() => return Ok(false),
                Some(found) => Verb::Swap(found.unique),
                None => Verb::Add,
            };
        }
        Ok(false)
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let key = key::stored(&self.namespace, key);
        // The same bytes may be stored again between the read and the swap.
        for _ in 0..ATTEMPTS {
            let found = self.find(&key).await.map_err(Loss::into_error)?;
            let is_old = |found: &Found| self.live(found).is_some_and(|value| value == old);
            let Some(found) = found.filter(is_old) else {
                return Ok(false);
            };
            let swapped = match &new {
                Some(new) => {
                    self.store(Verb::Swap(found.unique), &key, new, expire)
                        .await
                }
                None => self.remove_if(found.unique, &key).await,
            };
            if swapped.map_err(Loss::into_error)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        let key = key::stored(&self.namespace, key);
        let found = self.find(&key).await.map_err(Loss::into_error)?;
        let was_live = found.is_some_and(|found| self.live(&found).is_some());
        let deleted = self.remove(&key).await.map_err(Loss::into_error)?;
        Ok(deleted && was_live)
    }

    /// By `lru_crawler metadump`. What comes and goes meanwhile may make a page begin a little too early or too late.
    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        self.page(scan).await
    }

    /// A value whose key is a digest is removed, too.
    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        self.remove_all(values).await
    }

    async fn clear(&self) -> Result<()> {
        self.clear_all(None).await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.clear_all(Some(part)).await
    }

    /// The sum of all servers that answer, everything that is on them included.
    async fn measure(&self) -> Result<Measure> {
        let of = match self.servers.all().len() {
            1 => "the whole server, whatever else is on it",
            _ => "all servers, whatever else is on them",
        };
        let measure = sum(self.servers.measure().await)?;
        Ok(Measure {
            of: of.to_owned(),
            ..measure
        })
    }

    /// The smallest limit of the servers. They are asked for it in the background, so that it is not known at first.
    fn max_value(&self) -> Option<usize> {
        self.servers.max_value(self.clock.now_ms())
    }

    fn limit_values(&self, bytes: usize) {
        self.servers.longest().limit(bytes);
    }

    fn set_deadline(&self, _: Duration) -> bool {
        false
    }

    fn is_writable(&self, key: &str) -> bool {
        self.servers.is_writable(&key::stored(&self.namespace, key))
    }

    fn name(&self) -> &'static str {
        "memcache"
    }

    fn is_atomic(&self) -> bool {
        true
    }

    fn stored_key(&self, key: &str) -> String {
        key::stored(&self.namespace, key)
    }

    fn counts(&self) -> Counts {
        self.servers.counts()
    }
}
