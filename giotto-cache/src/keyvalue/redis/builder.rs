//! How a store in Redis is configured.
//!
//! Before any lookup; nothing here touches the network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::RedisKeyValue;
use super::client::way::Way;
use super::settings::{Login, PORT, SENTINEL_PORT, Servers, Settings};
use super::url;
use crate::error::Result;
use crate::keyvalue::address::Address;
use crate::keyvalue::namespace::Namespace;

impl RedisKeyValue {
    /// A store in the server on `localhost:6379`.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings::default(), Namespace::default())
    }

    /// A store in the servers that `url` names:
    ///
    /// - `redis://user:password@localhost:6379/0`, where everything but the scheme is optional, and `rediss://...` for TLS
    /// - `redis+unix:///run/redis/redis-server.sock?db=0`
    /// - `redis+cluster://a:7000,b:7001`, a few nodes of a cluster, and `rediss+cluster://...`
    /// - `redis+sentinel://a:26379,b:26379/mymaster/0`, and `rediss+sentinel://...`
    ///
    /// User and password are percent-encoded where they have special characters.
    ///
    /// # Errors
    ///
    /// If the URL cannot be read. The error says which part, with an example and without the password.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self::with(url::read(url)?, Namespace::default()))
    }

    /// The host of a single server; `localhost` if not set. It may include the port (`host:6380`, `[::1]:6380`), or be a
    /// Unix socket (`/run/redis.sock`), as in a URL and in a list of servers.
    #[must_use]
    pub fn host(self, host: impl Into<String>) -> Self {
        let port = match self.settings.servers {
            Servers::One(Address::Tcp { port, .. }) => port,
            _ => PORT,
        };
        let host = host.into();
        // An invalid address fails to connect, and the error names it.
        let address = Address::read(&host, port).unwrap_or_else(|| Address::tcp(host, port));
        self.servers(Servers::One(address))
    }

    /// The port of a single server; 6379 if not set.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        let host = match &self.settings.servers {
            Servers::One(Address::Tcp { host, .. }) => host.clone(),
            _ => "localhost".into(),
        };
        self.servers(Servers::One(Address::tcp(host, port)))
    }

    /// The number of the database; 0 if not set. A cluster has no other (except in Valkey 9): every call to it fails with an
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

    /// The Unix socket of a single server, instead of host and port.
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

    /// A Redis Cluster. `nodes` are some of its nodes, `host:port` each; they name the others.
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

    /// The time limit of a call to one node of a cluster, after which it is a miss; 50 ms if not set.
    ///
    /// Keep it below the [cache's own deadline](crate::CacheBuilder::deadline), which is for the store as a whole: when that
    /// passes several times in a row, no node is asked. Without a cluster there is only the cache's deadline.
    #[must_use]
    pub fn server_deadline(mut self, deadline: Duration) -> Self {
        self.settings.server_deadline = deadline;
        Self::with(self.settings, self.namespace)
    }

    /// The server that `sentinels`, `host:port` each, name as the master `master`.
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
    /// If the namespace has other characters than letters, digits, `.`, `_` and `-`.
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
}

impl Default for RedisKeyValue {
    fn default() -> Self {
        Self::new()
    }
}
