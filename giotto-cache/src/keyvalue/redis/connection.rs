//! One connection to one server, shared by all callers: requests go out at once, replies come in order.
//!
//! The last step of a lookup. A caller that goes away leaves its reply to be read and dropped by the client
//! library, so that no other caller gets it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Arg, Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::runtime::Handle;

use super::failure::{Cure, Failure};
use super::settings::Login;
use super::wire::Wire;
use crate::clock::milliseconds;
use crate::guard::deadline::with_deadline;
use crate::keyvalue::address::Address;

/// Connecting takes no longer, with all that it takes until the first request can go out.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
/// A server that owes a reply for so long is hung, or behind a network that drops what it is sent.
pub(super) const SILENCE: Duration = Duration::from_secs(1);

/// What is asked of a server.
pub(super) enum Request {
    /// A repetition could be answered otherwise.
    Once(Cmd),
    /// It may be sent again when the connection broke, to the same effect.
    Again(Cmd),
    /// Many at once, of which a repetition of one could be answered otherwise.
    Batch(Pipeline),
    /// Many at once, to the same effect however often.
    BatchAgain(Pipeline),
}

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
    /// Whether a `PING` is under way.
    pinged: AtomicBool,
}

/// A reply that a caller waits for.
///
/// When the caller goes away, nobody sees whether the reply comes: then a `PING` is sent behind its request. The
/// reply to that, be it an error, shows that the server owes nothing.
struct Owed<'c>(Option<&'c Connection>);

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
        let owed = Owed::begin(self);
        let reply = self.reply(request.send(&mut self.wire.requests())).await;
        owed.end();
        match reply {
            // A key that somebody else uses for a list is no value, and the next SET replaces it.
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Value::Nil),
            reply => reply.map_err(|error| Failure::of(&error, &self.address)),
        }
    }

    /// Whether another connection should be made: the server has closed it, as it does with one that nobody uses, or owes
    /// a reply for too long.
    pub(super) fn is_lost(&self) -> bool {
        self.wire.is_closed() || self.silence.lasts() > milliseconds(SILENCE)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.silence, &other.silence)
    }

    /// The reply to `request`, which is a timeout once the server has kept quiet for too long.
    async fn reply(&self, request: impl Future<Output = RedisResult<Value>>) -> RedisResult<Value> {
        let silent = || Err(RedisError::from(io::Error::from(io::ErrorKind::TimedOut)));
        with_deadline(SILENCE, request).await.unwrap_or_else(silent)
    }

    async fn ping(self) {
        let ping = redis::cmd("PING");
        let reply = self
            .reply(ping.query_async(&mut self.wire.requests()))
            .await;
        self.silence.pinged.store(false, Ordering::Relaxed);
        if !reply.is_err_and(|error| error.is_timeout()) {
            self.silence.end();
        }
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

impl Request {
    /// The same for a node that a slot is moving to.
    pub(super) fn asking(&self) -> Self {
        let commands: Vec<_> = match self {
            Self::Once(command) | Self::Again(command) => vec![command],
            Self::Batch(commands) | Self::BatchAgain(commands) => commands.cmd_iter().collect(),
        };
        let mut batch = redis::pipe();
        // The errors of a batch as a whole have no code: `none_refused` finds the first.
        batch.ignore_errors();
        for command in commands {
            // It holds for one command.
            batch.cmd("ASKING").add_command(command.clone());
        }
        Self::Batch(batch)
    }

    /// The reply to this request in `reply`, which is that to [`asking`](Self::asking).
    pub(super) fn asked(&self, reply: Value) -> Value {
        let Value::Array(replies) = reply else {
            return reply;
        };
        let mut replies = replies.into_iter().skip(1).step_by(2);
        match self {
            Self::Once(_) | Self::Again(_) => replies.next().unwrap_or(Value::Nil),
            Self::Batch(_) | Self::BatchAgain(_) => Value::Array(replies.collect()),
        }
    }

    /// Whether it may be sent again when the connection broke.
    pub(super) const fn is_repeatable(&self) -> bool {
        matches!(self, Self::Again(_) | Self::BatchAgain(_))
    }

    /// How long the longest is that is sent.
    pub(super) fn longest_argument(&self) -> usize {
        let longest = |command: &Cmd| {
            let arguments = command.args_iter().map(|argument| match argument {
                Arg::Simple(bytes) => bytes.len(),
                _ => 0,
            });
            arguments.max().unwrap_or(0)
        };
        match self {
            Self::Once(command) | Self::Again(command) => longest(command),
            Self::Batch(commands) | Self::BatchAgain(commands) => {
                commands.cmd_iter().map(longest).max().unwrap_or(0)
            }
        }
    }

    async fn send(&self, wire: &mut MultiplexedConnection) -> RedisResult<Value> {
        match self {
            Self::Once(command) | Self::Again(command) => command.query_async(wire).await,
            Self::Batch(commands) | Self::BatchAgain(commands) => {
                none_refused(commands.query_async(wire).await?)
            }
        }
    }
}

/// The replies of a batch whose errors are ignored: that a key holds no string is one to ignore, that a command is
/// not allowed is none.
fn none_refused(replies: Value) -> RedisResult<Value> {
    let refusal = |reply: &Value| match reply {
        Value::ServerError(error) if error.code() != "WRONGTYPE" => Some(error.clone()),
        _ => None,
    };
    match &replies {
        Value::Array(all) => all.iter().find_map(refusal),
        _ => None,
    }
    .map_or(Ok(replies), |error| Err(error.into()))
}

impl Silence {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            since: AtomicU64::new(0),
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
    fn begin(connection: &'c Connection) -> Self {
        connection.silence.begin();
        Self(Some(connection))
    }

    fn end(mut self) {
        if let Some(connection) = self.0.take() {
            connection.silence.end();
        }
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        let left = self.0.take();
        // A runtime that has ended takes the connection with it.
        if let (Some(connection), Ok(runtime)) = (left, Handle::try_current())
            && !connection.silence.pinged.swap(true, Ordering::Relaxed)
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
