//! What is asked of the servers, call by call, and what their replies mean.
//!
//! The last step of a lookup.

use std::time::Duration;

use bytes::Bytes;

use super::expiry::{self, HEADER};
use super::protocol::{Command, MAX_VALUE, Verb};
use super::reply::{Found, Reply};
use super::server::Server;
use super::{MemcacheKeyValue, dump, key};
use crate::error::{Error, Result};
use crate::guard::server::Loss;
use crate::keyvalue::scan::StoredValue;

/// The keys that `clear` holds at a time, 25 MB at most.
const CLEAR_AT_ONCE: usize = 100_000;
/// The number of deletes that are sent before their replies are read.
const DELETE_AT_ONCE: usize = 256;

impl MemcacheKeyValue {
    async fn ask(&self, key: &str, command: Command) -> Result<Reply, Loss> {
        self.servers.ask(key, command, self.server_deadline).await
    }

    pub(super) async fn find(&self, key: &str) -> Result<Option<Found>, Loss> {
        match self.ask(key, Command::Get).await? {
            Reply::Value(found) => Ok(found),
            _ => Ok(None),
        }
    }

    pub(super) fn live(&self, found: &Found) -> Option<Bytes> {
        expiry::live(&found.value, self.clock.now_ms())
    }

    /// Whether the server stored `value`.
    pub(super) async fn store(
        &self,
        verb: Verb,
        key: &str,
        value: &Bytes,
        expire: Option<Duration>,
    ) -> Result<bool, Loss> {
        let length = value.len();
        if length > MAX_VALUE - HEADER {
            let server = self.servers.of(key);
            return Err(server.refused(length, "too large for this client").into());
        }
        let now_ms = self.clock.now_ms();
        let command = Command::Store {
            verb,
            exptime: expiry::exptime(expire, now_ms),
            header: expiry::header(expire, now_ms),
            value: value.clone(),
        };
        self.send(key, command).await
    }

    /// Whether the server removed the value that has the number `unique`. There is no `delete` that looks at the
    /// number, but what is stored in the place of the value can expire at once.
    pub(super) async fn remove_if(&self, unique: u64, key: &str) -> Result<bool, Loss> {
        let command = Command::Store {
            verb: Verb::Swap(unique),
            exptime: expiry::SERVER_AT_ONCE,
            header: expiry::header(Some(Duration::ZERO), self.clock.now_ms()),
            value: Bytes::new(),
        };
        self.send(key, command).await
    }

    async fn send(&self, key: &str, command: Command) -> Result<bool, Loss> {
        let reply = self.ask(key, command).await?;
        Ok(reply == Reply::Outcome(true))
    }

    pub(super) async fn remove(&self, key: &str) -> Result<bool, Loss> {
        self.send(key, Command::Delete).await
    }

    /// Removes what a scan has found, digests included.
    pub(super) async fn remove_all(&self, values: &[StoredValue]) -> Result<u64> {
        let mut removed = 0;
        for value in values {
            let stored = match &value.key {
                Some(key) => key::stored(&self.namespace, key),
                None if key::is_digest(&self.namespace, &value.stored_key) => {
                    value.stored_key.clone()
                }
                None => continue,
            };
            let one = self.remove(&stored).await;
            removed += u64::from(one.map_err(Loss::into_error)?);
        }
        Ok(removed)
    }

    pub(super) fn failed(&self, key: &str, reason: &str) -> Error {
        self.servers.of(key).failed(reason)
    }

    /// Removes the keys of this namespace that contain `part`, if there is one, and those that do not show it.
    pub(super) async fn clear_all(&self, part: Option<&str>) -> Result<()> {
        let part = part.map(key::stored_part);
        let wanted = |key: &str| {
            let has_part =
                |part: &String| key.contains(part) || key::is_digest(&self.namespace, key);
            key.starts_with(self.namespace.prefix()) && part.as_ref().is_none_or(has_part)
        };
        let mut result = Ok(());
        for server in self.servers.all() {
            // One that fails does not keep the others from being cleared.
            result = result.and(clear_server(server, wanted).await);
        }
        result
    }
}

async fn clear_server(server: &Server, wanted: impl Fn(&str) -> bool) -> Result<()> {
    loop {
        let keys = dump::keys(server.address(), &wanted, CLEAR_AT_ONCE).await;
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
