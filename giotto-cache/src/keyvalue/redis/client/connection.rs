//! One connection to one server, shared by all callers: requests go out at once, replies come in order.
//!
//! The last step of a lookup. If a caller is dropped, the client library reads and drops its reply, so that no other caller
//! gets it.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{RedisError, RedisResult, Value};
use tokio::runtime::Handle;

use super::failure::{Cure, Failure};
use super::request::Request;
use super::wire::{CONNECT, Wire};
use crate::clock::milliseconds;
use crate::guard::deadline::with_deadline;
use crate::keyvalue::address::Address;
use crate::keyvalue::redis::settings::Login;

/// A server that owes a reply for this time hangs, or the network drops what it is sent.
pub(super) const SILENCE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Connection {
    wire: Wire,
    address: Arc<Address>,
    silence: Arc<Silence>,
}

/// Since when a server has answered nothing although it was asked.
struct Silence {
    opened: Instant,
    /// Milliseconds after `opened`; 0 = it owes nothing.
    since: AtomicU64,
    /// How many replies have come.
    replies: AtomicU64,
    /// Whether a `PING` is under way.
    pinged: AtomicBool,
}

/// A reply that a caller waits for.
///
/// When the caller is dropped, its reply is not seen: a `PING` is sent behind the request. The reply to the `PING`, even an
/// error, shows that the server owes nothing.
struct Owed<'c> {
    connection: Option<&'c Connection>,
    /// The bytes of the longest reply.
    bytes: u64,
}

impl Connection {
    pub(super) async fn open(address: &Address, login: &Login) -> Result<Self, Failure> {
        let opening = async {
            let wire = Wire::dial(address, login.tls).await;
            let connection = Self {
                wire: wire.map_err(|error| Failure::of(&error, address))?,
                address: Arc::new(address.clone()),
                silence: Arc::new(Silence::new()),
            };
            connection.sign_in(login).await.map(|()| connection)
        };
        within(CONNECT, address, opening).await
    }

    pub(super) async fn ask(&self, request: &Request) -> Result<Value, Failure> {
        let owed = Owed::begin(self, request.longest_reply());
        let reply = self.reply(request.send(&mut self.wire.requests())).await;
        owed.end();
        match reply {
            // A key that another program uses for a list has no value, and the next SET replaces it.
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Value::Nil),
            reply => reply.map_err(|error| Failure::of(&error, &self.address)),
        }
    }

    /// Whether another connection should be made: the server has closed this one, as it does when it is idle, or owes a
    /// reply for too long.
    pub(super) fn is_lost(&self) -> bool {
        self.wire.is_closed() || self.silence.lasts() > milliseconds(SILENCE)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.silence, &other.silence)
    }

    /// The reply to `request`; a timeout if the server has been silent for too long. While it replies to the requests ahead of
    /// this one, it is not: thousands of callers at once may wait for more than a second, and would all compute otherwise.
    async fn reply(&self, request: impl Future<Output = RedisResult<Value>>) -> RedisResult<Value> {
        let mut request = pin!(request);
        loop {
            let replies = self.silence.replies.load(Ordering::Relaxed);
            if let Some(reply) = with_deadline(SILENCE, request.as_mut()).await {
                self.silence.replies.fetch_add(1, Ordering::Relaxed);
                return reply;
            }
            if self.silence.replies.load(Ordering::Relaxed) == replies {
                return Err(RedisError::from(io::Error::from(io::ErrorKind::TimedOut)));
            }
        }
    }

    async fn ping(self) {
        let ping = redis::cmd("PING");
        let abandoned = self.wire.budget().abandoned();
        let reply = self
            .reply(ping.query_async(&mut self.wire.requests()))
            .await;
        if !reply.is_err_and(|error| error.is_timeout()) {
            self.silence.end();
            self.wire.budget().caught_up(abandoned);
        }
        // After that, so that the next one does not count the same replies again.
        self.silence.pinged.store(false, Ordering::Release);
    }

    /// A user without a password is one whose every password is right (`nopass`).
    async fn sign_in(&self, login: &Login) -> Result<(), Failure> {
        if login.user.is_some() || login.password.is_some() {
            let password = login.password.as_deref().unwrap_or("");
            let mut auth = redis::cmd("AUTH");
            auth.arg(&login.user).arg(password);
            let signed_in = self.ask(&Request::Once(auth)).await;
            signed_in.map_err(|failure| failure.without(password))?;
        }
        if login.db != 0 {
            let select = redis::cmd("SELECT").arg(login.db).take();
            self.ask(&Request::Once(select)).await?;
        }
        Ok(())
    }
}

impl Silence {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            since: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            pinged: AtomicBool::new(false),
        }
    }

    fn begin(&self) {
        let now = self.now();
        let _still_silent =
            self.since
                .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    fn lasts(&self) -> u64 {
        match self.since.load(Ordering::Relaxed) {
            0 => 0,
            since => self.now().saturating_sub(since),
        }
    }

    fn now(&self) -> u64 {
        milliseconds(self.opened.elapsed()).max(1)
    }
}

impl<'c> Owed<'c> {
    fn begin(connection: &'c Connection, bytes: u64) -> Self {
        connection.silence.begin();
        connection.wire.budget().owe(bytes);
        Self {
            connection: Some(connection),
            bytes,
        }
    }

    fn end(mut self) {
        if let Some(connection) = self.connection.take() {
            connection.silence.end();
            connection.wire.budget().answered(self.bytes);
        }
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        connection.wire.budget().abandon(self.bytes);
        // A runtime that has ended takes the connection with it.
        if let Ok(runtime) = Handle::try_current()
            && !connection.silence.pinged.swap(true, Ordering::Acquire)
        {
            runtime.spawn(connection.clone().ping());
        }
    }
}

/// The outcome of `opening`, or a failure once `time` has passed.
pub(super) async fn within<T>(
    time: Duration,
    address: &Address,
    opening: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = || {
        let what = format!(
            "it did not accept a connection within {time:?}: check host and port, and the network"
        );
        Err(Failure::new(&what, address, Cure::Later))
    };
    with_deadline(time, opening).await.unwrap_or_else(late)
}
