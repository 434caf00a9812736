//! One server: the connection to it, its guard, and the largest value that it takes.
//!
//! Inside the last step of a lookup.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use xxhash_rust::xxh3::xxh3_64;

use super::connection::Connection;
use super::expiry::HEADER;
use super::key::MAX_LENGTH;
use super::measure;
use super::protocol::{Command, MAX_VALUE};
use super::reply::Reply;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::deadline::with_deadline;
use crate::guard::server::{Fault, GuardedServer};
use crate::keyvalue::address::Address;
use crate::keyvalue::longest::Longest;
use crate::log::Pace;
use crate::stats::layer::Failures;

/// The time limit of asking for the largest item.
const LEARN: Duration = Duration::from_secs(1);
const LEARN_EVERY_MS: u64 = 60_000;

/// The maximum bytes of an item besides its value: the server's own, a key, and the expiry in front of the value.
const BESIDE_VALUE: usize = 80 + MAX_LENGTH + HEADER;

/// One server and the connection to it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: Arc<Address>,
    pub(super) seed: u64,
    pub(super) guard: GuardedServer,
    connection: Mutex<Option<Arc<Connection>>>,
    longest: Arc<Longest>,
    /// The most bytes that an item may have; 0 = not known.
    largest_item: AtomicUsize,
    /// Limits how often it is asked for.
    learning: Pace,
}

impl Server {
    pub(super) fn new(
        address: Address,
        failures: &Arc<Failures>,
        longest: &Arc<Longest>,
        clock: &Clock,
    ) -> Self {
        let name = address.to_string();
        let server = format_args!("memcached at {name}");
        Self {
            seed: xxh3_64(name.as_bytes()),
            guard: GuardedServer::new(server, Arc::clone(failures), clock.clone()),
            address: Arc::new(address),
            connection: Mutex::default(),
            longest: Arc::clone(longest),
            largest_item: AtomicUsize::new(0),
            learning: Pace::default(),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// The connection, a new one if the last has ended.
    pub(super) fn connection(&self) -> Arc<Connection> {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = connection
            .as_ref()
            .filter(|connection| connection.is_open())
        {
            return Arc::clone(open);
        }
        let new = Arc::new(Connection::open(
            Arc::clone(&self.address),
            Arc::clone(&self.longest),
        ));
        Arc::clone(connection.insert(new))
    }

    /// Asks for the largest item, once a minute: the server may have been restarted. A proxy may not know it.
    fn learn(self: &Arc<Self>, now_ms: u64) {
        if !self.learning.allows(now_ms, LEARN_EVERY_MS) {
            return;
        }
        let server = Arc::clone(self);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let largest = measure::largest_item(&server.address);
                if let Some(Ok(Some(largest))) = with_deadline(LEARN, largest).await {
                    let largest = usize::try_from(largest).unwrap_or(usize::MAX);
                    server.largest_item.store(largest, Ordering::Relaxed);
                }
            });
        }
    }

    pub(super) fn max_value(self: &Arc<Self>, now_ms: u64) -> Option<usize> {
        self.learn(now_ms);
        match self.largest_item.load(Ordering::Relaxed) {
            0 => None,
            largest => Some(largest.saturating_sub(BESIDE_VALUE).min(MAX_VALUE - HEADER)),
        }
    }

    pub(super) async fn ask(&self, key: &str, command: Command) -> Result<Reply, Fault> {
        let length = command.length();
        let reply = self.connection().ask(key, command).await;
        match reply.map_err(Fault::Lost)? {
            Reply::Refused(reason) => Err(Fault::Refused(self.refused(length, &reason))),
            reply => Ok(reply),
        }
    }

    /// The error for this `reason`, of a value of `length` bytes or of no value.
    pub(super) fn refused(&self, length: usize, reason: &str) -> Error {
        if !reason.contains("too large") {
            return self.failed(reason);
        }
        let address = &self.address;
        let message = format!(
            "memcached at {address} does not accept a value of {length} bytes: start it with a larger -I"
        );
        Error::new(ErrorKind::TooLarge, message)
    }

    /// The error of this server, which `reason` is about.
    pub(super) fn failed(&self, reason: &str) -> Error {
        let message = format!("memcached at {}: {reason}", self.address);
        Error::new(ErrorKind::Backend, message)
    }
}
