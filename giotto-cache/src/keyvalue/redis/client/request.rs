//! What is asked of a server: one command or a batch, and whether it may be sent again.
//!
//! The last step of a lookup.

use redis::aio::MultiplexedConnection;
use redis::{Arg, Cmd, Pipeline, RedisResult, Value};

/// The largest string that Redis stores (`proto-max-bulk-len`).
pub(crate) const MAX_VALUE: usize = 512 << 20;

/// A page of keys, each as long as an address over HTTP may be, and of some that are longer.
const PAGE_OF_KEYS: u64 = 64 << 20;

/// What is asked of a server.
pub(crate) enum Request {
    /// A repetition could be answered otherwise.
    Once(Cmd),
    /// It may be sent again when the connection broke, to the same effect.
    Again(Cmd),
    /// Many at once, of which a repetition of one could be answered otherwise.
    Batch(Pipeline),
    /// Many at once, to the same effect however often.
    BatchAgain(Pipeline),
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

    /// How many bytes of values or keys the reply has at most: a `GETRANGE` says it, and `SCAN` asks for a page of keys.
    pub(super) fn longest_reply(&self) -> u64 {
        let longest = |command: &Cmd| {
            let mut arguments = command.args_iter();
            match (arguments.next(), arguments.last()) {
                (Some(Arg::Simple(b"GETRANGE")), Some(Arg::Simple(last))) => ended(last),
                (Some(Arg::Simple(b"SCAN")), _) => PAGE_OF_KEYS,
                _ => 0,
            }
        };
        match self {
            Self::Once(command) | Self::Again(command) => longest(command),
            Self::Batch(commands) | Self::BatchAgain(commands) => {
                commands.cmd_iter().map(longest).sum()
            }
        }
    }

    pub(super) async fn send(&self, wire: &mut MultiplexedConnection) -> RedisResult<Value> {
        match self {
            Self::Once(command) | Self::Again(command) => command.query_async(wire).await,
            Self::Batch(commands) | Self::BatchAgain(commands) => {
                none_refused(commands.query_async(wire).await?)
            }
        }
    }
}

/// The bytes of a value up to the `last` one, which is a number in digits; -1 is the last of all.
fn ended(last: &[u8]) -> u64 {
    let last = std::str::from_utf8(last)
        .ok()
        .and_then(|last| last.parse().ok());
    last.map_or(MAX_VALUE as u64, |last: u64| last.saturating_add(1))
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
