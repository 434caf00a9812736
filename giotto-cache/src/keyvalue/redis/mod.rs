//! Redis and Valkey as a store: one server, a cluster, or a master that sentinels name.
//!
//! The last step of a lookup: `command.rs` says what to ask, and the client (`client/`) asks the right server.

mod builder;
mod clear;
mod client;
mod command;
mod scan;
mod settings;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::client::request::MAX_VALUE;
use self::client::way::Way;
use self::settings::{Login, Settings};
use super::KeyValue;
use super::longest::Longest;
use super::namespace::Namespace;
use crate::error::Result;
use crate::guard::breakers::Want;
use crate::guard::server::Loss;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue};
use crate::keyvalue::together::together;
use crate::stats::Counts;

/// A [`KeyValue`] in Redis or Valkey, shared by all processes that name the same server.
///
/// A key is stored as the text it is, behind the namespace if there is one:
/// `redis-cli GET "{'x': 12}(squared)(text/html)"` finds it. Expiry is Redis' own, to the millisecond.
///
/// The first call connects. One connection (per master of a cluster) is shared by all callers and clones. It is replaced
/// when it breaks, or when the server has not replied for a second.
///
/// A value is read with `GETRANGE`, so that no more of it is read than the cache can use, whatever another program has
/// stored under the key.
///
/// A user who may not run every command (ACL) needs `GETRANGE`, `EXISTS`, `SET` and `UNLINK`, `EVAL` for
/// [`replace`](KeyValue::replace), whose script runs `GET`, `SET` and `UNLINK`, `DBSIZE` and `INFO` for
/// [`measure`](KeyValue::measure), and `SCAN` and `STRLEN` for [`scan`](KeyValue::scan).
#[derive(Clone)]
pub struct RedisKeyValue {
    settings: Settings,
    namespace: Namespace,
    way: Arc<Way>,
    longest: Arc<Longest>,
}

impl RedisKeyValue {
    fn read(&self, key: &str, value: Vec<u8>) -> Bytes {
        self.longest.tell(key, value.len());
        value.into()
    }

    async fn clear_all(&self, part: Option<&str>) -> Result<()> {
        let mut result = Ok(());
        for link in self.way.links().await? {
            // One that fails does not keep the others from being cleared.
            result = result.and(clear::clear(&link, &self.namespace, part).await);
        }
        result
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
        let reply = self.way.ask(Want::Add, &key, request).await;
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

    /// One server is told all at once; the nodes of a cluster are told key by key, because slots may move.
    async fn delete_scanned(&self, values: &[StoredValue]) -> Result<u64> {
        let Way::One(link) = &*self.way else {
            let keys = values.iter().filter_map(|value| value.key.as_deref());
            let deleted = together(keys.map(|key| self.delete(key))).await;
            return deleted
                .into_iter()
                .map(|deleted| deleted.map(u64::from))
                .sum();
        };
        let keys = values.iter().filter_map(|value| value.key.as_deref());
        let keys = keys.map(|key| self.namespace.stored(key).into_owned().into_bytes());
        match keys.collect::<Vec<_>>() {
            keys if keys.is_empty() => Ok(0),
            keys => clear::delete(link, &keys).await,
        }
    }

    /// `SCAN`, and for each key `STRLEN` and a `GETRANGE` of its first bytes; of a cluster, one master after the other.
    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let links = self.way.links().await?;
        scan::scan(links, &self.namespace, scan).await
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
        Some(MAX_VALUE)
    }

    fn limit_values(&self, bytes: usize) {
        self.longest.limit(bytes);
    }

    /// The nodes of a cluster have a limit of their own.
    fn set_deadline(&self, _: Duration) -> bool {
        !self.way.is_cluster()
    }

    fn is_writable(&self, key: &str) -> bool {
        self.way.is_writable(&self.namespace.stored(key))
    }

    fn name(&self) -> &'static str {
        "redis"
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
