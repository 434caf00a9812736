//! Redis and its kin (Valkey) as a store: one server, a cluster, or a master that sentinels name.
//!
//! The last step of a lookup. `wire.rs` moves bytes, `connection.rs` talks to one server, `link.rs` has such a
//! connection made again when it broke, `cluster.rs` and `sentinel.rs` know which server to talk to, `way.rs` which of
//! these there is, `command.rs` what to say.

mod clear;
mod cluster;
mod command;
mod connection;
mod failure;
mod link;
mod promise;
mod sentinel;
mod settings;
mod slots;
mod url;
mod way;
mod wire;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::failure::Failure;
use self::settings::{Login, PORT, SENTINEL_PORT, Servers, Settings};
use self::way::Way;
use super::KeyValue;
use super::longest::Longest;
use super::namespace::Namespace;
use crate::error::Result;
use crate::guard::breakers::Want;
use crate::guard::server::Loss;
use crate::keyvalue::address::Address;
use crate::keyvalue::measure::Measure;
use crate::stats::Counts;

/// A [`KeyValue`] in Redis or Valkey, shared by all processes that name the same server.
///
/// A key is stored as the text it is, behind the namespace if there is one:
/// `redis-cli GET "{'x': 12}(squared)(text/html)"` finds it. Expiry is Redis' own, to the millisecond.
///
/// Nothing connects before the first call. Then one connection (per master of a cluster) is shared by all
/// callers and clones; it is made anew when it broke, or when the server owed a reply for a second.
///
/// A value is read with `GETRANGE`, so that no more of it is read than the cache in front can use, whatever somebody else
/// has stored under the key.
///
/// A user who may not run every command (ACL) needs `GETRANGE`, `EXISTS`, `SET` and `UNLINK`, `EVAL` for
/// [`replace`](KeyValue::replace), whose script runs `GET`, `SET` and `UNLINK`, and `DBSIZE` and `INFO` for
/// [`measure`](KeyValue::measure).
#[derive(Clone)]
pub struct RedisKeyValue {
    settings: Settings,
    namespace: Namespace,
    way: Arc<Way>,
    longest: Arc<Longest>,
}

impl RedisKeyValue {
    /// A store in the server on `localhost:6379`.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings::default(), Namespace::default())
    }

    /// A store in the servers that `url` names:
    ///
    /// - `redis://user:password@localhost:6379/0`, where all but the scheme may be left out, and
    ///   `rediss://...` for TLS
    /// - `redis+unix:///run/redis/redis-server.sock?db=0`
    /// - `redis+cluster://a:7000,b:7001`, a few nodes of a cluster, and `rediss+cluster://...`
    /// - `redis+sentinel://a:26379,b:26379/mymaster/0`, and `rediss+sentinel://...`
    ///
    /// User and password are percent-encoded where they have special characters.
    ///
    /// # Errors
    ///
    /// What of the URL cannot be read, with an example and without the password.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self::with(url::read(url)?, Namespace::default()))
    }

    /// The host of the one server; `localhost` if not set. It may have its port behind it (`host:6380`, `[::1]:6380`), or
    /// be a Unix socket (`/run/redis.sock`), as in a URL and in a list of servers.
    #[must_use]
    pub fn host(self, host: impl Into<String>) -> Self {
        let port = match self.settings.servers {
            Servers::One(Address::Tcp { port, .. }) => port,
            _ => PORT,
        };
        let host = host.into();
        // What is no address fails to connect, and the error names it.
        let address = Address::read(&host, port).unwrap_or_else(|| Address::tcp(host, port));
        self.servers(Servers::One(address))
    }

    /// The port of the one server; 6379 if not set.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        let host = match &self.settings.servers {
            Servers::One(Address::Tcp { host, .. }) => host.clone(),
            _ => "localhost".into(),
        };
        self.servers(Servers::One(Address::tcp(host, port)))
    }

    /// The number of the database; 0 if not set. A cluster has no other (but in Valkey 9): there every call is an
    /// error that says so.
    #[must_use]
    pub fn db(self, db: u32) -> Self {
        self.login(|login| login.db = db)
    }

    /// The user to sign in as; the default one if not set, or empty. One without a password needs none (`nopass`).
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        self.login(|login| login.user = Some(user.into()).filter(|user| !user.is_empty()))
    }

    /// The password to sign in with; none if empty. Sentinels are asked without it first.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        let password = Some(password.into()).filter(|password| !password.is_empty());
        self.login(|login| login.password = password)
    }

    /// The Unix socket of the one server, instead of host and port.
    #[must_use]
    pub fn socket(self, path: impl AsRef<Path>) -> Self {
        self.servers(Servers::One(Address::Unix(path.as_ref().into())))
    }

    /// Whether connections are encrypted (TLS); a certificate must be valid by the system's certificate
    /// store, or that of the file that the environment variable `SSL_CERT_FILE` names.
    #[must_use]
    pub fn tls(self, tls: bool) -> Self {
        self.login(|login| login.tls = tls)
    }

    /// A Redis Cluster, of which `nodes` are some: `host:port` each. They name the others.
    ///
    /// A lost master affects only its own keys, until it is back or replaced: `get` finds none of them, and every other
    /// call fails with [`ErrorKind::ServerLost`](crate::ErrorKind::ServerLost). Leave [`db`](Self::db) at 0.
    ///
    /// # Errors
    ///
    /// If there are none, or one cannot be read; the error names it, unless it may have a password in it.
    pub fn cluster(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        Ok(self.servers(Servers::Cluster(Address::list(nodes, PORT)?)))
    }

    /// The same with `deadline` for a reply of one node of a cluster, after which it is a miss; 50 ms if not set.
    ///
    /// Keep it below the [cache's own](crate::Builder::deadline), which is about the store as a whole: when that
    /// passes too often, all nodes are left alone. Without a cluster there is only that one.
    #[must_use]
    pub fn server_deadline(mut self, deadline: Duration) -> Self {
        self.settings.server_deadline = deadline;
        Self::with(self.settings, self.namespace)
    }

    /// The server that `sentinels`, `host:port` each, call the master `master`, whichever that is.
    ///
    /// # Errors
    ///
    /// If there are none, or one cannot be read; the error names it, unless it may have a password in it.
    pub fn sentinel(
        self,
        master: impl Into<String>,
        sentinels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        Ok(self.servers(Servers::Sentinel {
            master: master.into(),
            sentinels: Address::list(sentinels, SENTINEL_PORT)?,
        }))
    }

    /// Puts `namespace:` in front of every key, so that several deployments can share a server.
    ///
    /// # Errors
    ///
    /// The namespace has other characters than letters, digits, `.`, `_` and `-`.
    pub fn namespace(self, namespace: &str) -> Result<Self> {
        let namespace = Namespace::new(namespace)?;
        Ok(Self { namespace, ..self })
    }

    fn servers(self, servers: Servers) -> Self {
        let settings = Settings {
            servers,
            ..self.settings
        };
        Self::with(settings, self.namespace)
    }

    fn login(mut self, change: impl FnOnce(&mut Login)) -> Self {
        change(&mut self.settings.login);
        Self::with(self.settings, self.namespace)
    }

    fn with(settings: Settings, namespace: Namespace) -> Self {
        Self {
            way: Arc::new(Way::new(&settings)),
            settings,
            namespace,
            longest: Arc::default(),
        }
    }

    fn read(&self, key: &str, value: Vec<u8>) -> Bytes {
        self.longest.tell(key, value.len());
        value.into()
    }

    async fn clear_all(&self, part: Option<&str>) -> Result<()> {
        let (prefix, none) = (self.namespace.prefix(), Namespace::default());
        let only_entries = prefix == none.prefix();
        match &*self.way {
            Way::One(link) => clear::clear(link, prefix, part, only_entries).await,
            Way::Cluster(cluster) => {
                let mut result = Ok(());
                for master in cluster.masters().await.map_err(Failure::into_error)? {
                    // One that fails does not keep the others from being cleared.
                    let cleared = clear::clear(&master.link, prefix, part, only_entries).await;
                    result = result.and(cleared);
                }
                result
            }
        }
    }
}

impl Default for RedisKeyValue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RedisKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Login { user, db, tls, .. } = &self.settings.login;
        f.debug_struct("RedisKeyValue")
            .field("servers", &format_args!("{}", self.settings.servers))
            .field("db", db)
            .field("user", user)
            .field("tls", tls)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyValue for RedisKeyValue {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let key = self.namespace.stored(key);
        let value = self.way.get(&key, self.longest.of(&key)).await?;
        Ok(value.map(|value| self.read(&key, value)))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = keys.iter().map(|key| self.namespace.stored(key)).collect();
        let values = self.way.get_many(&keys, &self.longest).await?;
        let all = keys.iter().zip(values);
        Ok(all
            .map(|(key, value)| value.map(|value| self.read(key, value)))
            .collect())
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<()> {
        let key = self.namespace.stored(key);
        let request = command::set(&key, &value, expire)?;
        let reply = self.way.ask(Want::Store, &key, request).await;
        command::stored(&reply.map_err(Loss::into_error)?).map(drop)
    }

    async fn add(&self, key: &str, value: Bytes, expire: Option<Duration>) -> Result<bool> {
        let key = self.namespace.stored(key);
        let request = command::add(&key, &value, expire)?;
        let reply = self.way.ask(Want::Store, &key, request).await;
        command::stored(&reply.map_err(Loss::into_error)?)
    }

    async fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: Option<Bytes>,
        expire: Option<Duration>,
    ) -> Result<bool> {
        let key = self.namespace.stored(key);
        let request = command::replace(&key, old, new.as_deref(), expire)?;
        let want = match new {
            Some(_) => Want::Replace,
            None => Want::Remove,
        };
        let reply = self.way.ask(want, &key, request).await;
        command::replaced(&reply.map_err(Loss::into_error)?)
    }

    async fn delete(&self, key: &str) -> Result<bool> {
        let key = self.namespace.stored(key);
        let reply = self
            .way
            .ask(Want::Remove, &key, command::delete(&key))
            .await;
        command::removed(&reply.map_err(Loss::into_error)?)
    }

    async fn clear(&self) -> Result<()> {
        self.clear_all(None).await
    }

    async fn delete_containing(&self, part: &str) -> Result<()> {
        self.clear_all(Some(part)).await
    }

    /// Of the whole server, or of all masters of a cluster that answer: the figures of a namespace would take a search
    /// through all keys.
    async fn measure(&self) -> Result<Measure> {
        self.way.measure().await
    }

    fn max_value(&self) -> Option<usize> {
        Some(command::MAX_VALUE)
    }

    fn limit_values(&self, bytes: usize) {
        self.longest.limit(bytes);
    }

    fn is_writable(&self, key: &str) -> bool {
        self.way.is_writable(&self.namespace.stored(key))
    }

    fn is_atomic(&self) -> bool {
        true
    }

    fn stored_key(&self, key: &str) -> String {
        self.namespace.stored(key).into_owned()
    }

    fn counts(&self) -> Counts {
        self.way.counts()
    }
}
