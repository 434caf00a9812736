//! Memcached as a store, on one server or several.
//!
//! The last step of a lookup: a key as Memcached takes it (`key.rs`), the server that has it (`servers.rs`),
//! and one request on the connection to that server (`connection.rs`, `protocol.rs`). Every value has its
//! expiry in front (`expiry.rs`).

mod address;
mod connection;
mod dump;
mod expiry;
mod key;
mod protocol;
mod servers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::address::Address;
use self::expiry::HEADER;
use self::protocol::{Command, Found, MAX_VALUE, Reply, Verb};
use self::servers::{Server, Servers};
use super::KeyValue;
use super::guard::{Loss, SERVER_DEADLINE};
use super::namespace::Namespace;
use crate::{Clock, Counts, Error, ErrorKind, Result};

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_NAMESPACE: &str = "giotto";
/// A longer one would leave no room for the key.
const MAX_NAMESPACE: usize = 100;

/// So often `add` looks what is in its way.
const ADD_ATTEMPTS: usize = 3;

/// `clear` holds so many keys at a time, 25 MB at most.
const CLEAR_AT_ONCE: usize = 100_000;
/// So many are deleted before their replies are read.
const DELETE_AT_ONCE: usize = 256;

/// A [`KeyValue`] on one Memcached server or several: `localhost:11211` if no host is given.
///
/// Each key lives on one of the servers (rendezvous hashing of their names as given: every process must give
/// them alike, in any order). A server that is lost takes its own keys with it, which then miss; they do not
/// move to another, so none comes back later with an old value.
///
/// A server takes values of up to 1 MiB, key included, unless it was started with a larger `-I`. It must be
/// reachable without a password. Connections are made when they are first needed, one for each server.
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
        let address = Address::parse(DEFAULT_HOST).expect("the name of a host");
        Self::on(vec![address]).expect("one host")
    }

    /// A store at `memcache://a:11211,b:11211` or `memcache:///path/to/socket`; `;` separates hosts too.
    ///
    /// # Errors
    ///
    /// If `url` is not written like this. The error shows no password.
    pub fn from_url(url: &str) -> Result<Self> {
        Self::on(Address::parse_url(url)?)
    }

    /// The same on `hosts`: `host`, `host:port`, `::1`, `[::1]:11211`, `/path/to/socket` or `unix:/path`.
    ///
    /// # Errors
    ///
    /// If there are none, or one cannot be read or is given twice; the error names it.
    pub fn hosts(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let addresses: Result<Vec<_>> = hosts
            .into_iter()
            .map(|host| Address::parse(&host.into()))
            .collect();
        Ok(Self {
            namespace: self.namespace,
            server_deadline: self.server_deadline,
            ..Self::on(addresses?)?
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
            return Err(Error::new(ErrorKind::Policy, message));
        }
        let namespace = Namespace::new(name)?;
        Ok(Self { namespace, ..self })
    }

    /// The same with `deadline` for a reply of one of several servers, after which it is a miss; 50 ms if not set.
    ///
    /// Keep it below the [cache's own](crate::Builder::deadline), which is about the store as a whole: when that
    /// passes too often, all servers are left alone. A single server has only that one.
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

    async fn ask(&self, key: &str, command: Command) -> Result<Reply, Loss> {
        self.servers.ask(key, command, self.server_deadline).await
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Loss> {
        match self.ask(key, Command::Get).await? {
            Reply::Value(found) => Ok(found),
            _ => Ok(None),
        }
    }

    fn live(&self, found: &Found) -> Option<Bytes> {
        expiry::live(&found.value, self.clock.now_ms())
    }

    /// Whether the server stored `value`.
    async fn store(
        &self,
        verb: Verb,
        key: &str,
        value: &Bytes,
        expire: Option<Duration>,
    ) -> Result<bool, Loss> {
        let length = value.len();
        if length > MAX_VALUE - HEADER {
            return Err(self
                .refused(key, length, "object too large for this client")
                .into());
        }
        let now_ms = self.clock.now_ms();
        let command = Command::Store {
            verb,
            exptime: expiry::exptime(expire, now_ms),
            header: expiry::header(expire, now_ms),
            value: value.clone(),
        };
        match self.ask(key, command).await? {
            Reply::Refused(reason) => Err(self.refused(key, length, &reason).into()),
            reply => Ok(reply == Reply::Outcome(true)),
        }
    }

    async fn remove(&self, key: &str) -> Result<bool, Loss> {
        match self.ask(key, Command::Delete).await? {
            Reply::Refused(reason) => Err(self.failed(key, &reason).into()),
            reply => Ok(reply == Reply::Outcome(true)),
        }
    }

    fn refused(&self, key: &str, length: usize, reason: &str) -> Error {
        if !reason.contains("too large") {
            return self.failed(key, reason);
        }
        let address = self.servers.of(key).address();
        let message = format!(
            "memcached at {address} takes no value of {length} bytes: start it with a larger -I"
        );
        Error::new(ErrorKind::TooLarge, message)
    }

    fn failed(&self, key: &str, reason: &str) -> Error {
        self.servers.of(key).failed(reason)
    }

    async fn clear_server(&self, server: &Server) -> Result<()> {
        loop {
            let keys = dump::keys(server.address(), self.namespace.prefix(), CLEAR_AT_ONCE).await;
            let keys = keys.map_err(|error| server.address().failed(&error))?;
            let connection = server.connection();
            for keys in keys.chunks(DELETE_AT_ONCE) {
                let mut pending = Vec::with_capacity(keys.len());
                for key in keys {
                    pending.push(connection.send(key, Command::Delete).await?);
                }
                for pending in pending {
                    if let Reply::Refused(reason) = connection.reply(pending).await? {
                        return Err(server.failed(&reason));
                    }
                }
            }
            if keys.len() < CLEAR_AT_ONCE {
                return Ok(());
            }
        }
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

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let key = key::stored(&self.namespace, key);
        let error = match self.store(Verb::Set, &key, &value, expire).await {
            Ok(true) | Err(Loss::Server(_)) => return Ok(()),
            Ok(false) => self.failed(&key, "it did not store a value"),
            Err(Loss::Store(error)) => error,
        };
        // The old value goes all the same: it is not the last one set. Memcached itself does that with what is too
        // large; where not even this works, the first error says why.
        let _ = self.remove(&key).await;
        Err(error)
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let key = key::stored(&self.namespace, key);
        let mut verb = Verb::Add;
        // What is in the way may be gone a moment later, or have expired without the server's knowing; each time
        // that it is not, somebody else has won.
        for _ in 0..ADD_ATTEMPTS {
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

    async fn delete(&self, key: &str) -> Result<bool> {
        let key = key::stored(&self.namespace, key);
        let found = self.find(&key).await.map_err(Loss::into_error)?;
        let was_live = found.is_some_and(|found| self.live(&found).is_some());
        let deleted = self.remove(&key).await.map_err(Loss::into_error)?;
        Ok(deleted && was_live)
    }

    async fn clear(&self) -> Result<()> {
        let mut result = Ok(());
        for server in self.servers.all() {
            // One that fails does not keep the others from being cleared.
            result = result.and(self.clear_server(server).await);
        }
        result
    }

    fn counts(&self) -> Counts {
        self.servers.counts()
    }
}
