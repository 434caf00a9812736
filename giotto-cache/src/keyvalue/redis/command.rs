//! The commands that are sent, and what their replies mean.
//!
//! The last step of a lookup.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value, cmd};

use super::connection::Request;
use crate::clock::milliseconds;
use crate::{Error, ErrorKind, Result};

/// The largest string that Redis stores (`proto-max-bulk-len`).
const MAX_VALUE: usize = 512 << 20;

/// Redis adds a time to its clock in 64 bits with a sign, and refuses one whose sum does not fit.
const MAX_EXPIRE_MS: u64 = i64::MAX as u64 / 2;

pub(super) fn get(key: &str) -> Request {
    Request::Again(cmd("GET").arg(key).take())
}

pub(super) fn set(key: &str, value: &[u8], expire: Option<Duration>) -> Result<Request> {
    set_command(key, value, expire).map(Request::Again)
}

pub(super) fn add(key: &str, value: &[u8], expire: Option<Duration>) -> Result<Request> {
    let mut set = set_command(key, value, expire)?;
    Ok(Request::Once(set.arg("NX").take()))
}

pub(super) fn delete(key: &str) -> Request {
    Request::Once(unlink(key.as_bytes()))
}

pub(super) fn unlink(key: &[u8]) -> Cmd {
    cmd("UNLINK").arg(key).take()
}

/// The first bytes of the value, as many as `length`.
pub(super) fn beginning(key: &[u8], length: usize) -> Cmd {
    cmd("GETRANGE").arg(key).arg(0).arg(length - 1).take()
}

/// `command` for each of `keys`, sent at once: in a cluster one command may not name keys of two slots.
pub(super) fn each(keys: &[Vec<u8>], command: impl Fn(&[u8]) -> Cmd) -> Pipeline {
    let mut batch = Pipeline::with_capacity(keys.len());
    for key in keys {
        batch.add_command(command(key));
    }
    batch
}

/// PX, because EX counts whole seconds; 0 would be refused.
fn set_command(key: &str, value: &[u8], expire: Option<Duration>) -> Result<Cmd> {
    if value.len() > MAX_VALUE {
        let message = format!(
            "a value of {} bytes is too large for Redis, which stores {MAX_VALUE}",
            value.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let mut set = cmd("SET");
    set.arg(key).arg(value);
    let expire = expire.map(|expire| milliseconds(expire).max(1));
    if let Some(expire) = expire.filter(|expire| *expire <= MAX_EXPIRE_MS) {
        set.arg("PX").arg(expire);
    }
    Ok(set)
}

/// The reply of a GET.
pub(super) fn value(reply: Value) -> Result<Option<Vec<u8>>> {
    match reply {
        Value::Nil => Ok(None),
        Value::BulkString(value) => Ok(Some(value)),
        _ => Err(unexpected("GET")),
    }
}

/// Whether a SET stored the value; without NX it always does.
pub(super) fn stored(reply: &Value) -> Result<bool> {
    match reply {
        Value::Nil => Ok(false),
        Value::Okay => Ok(true),
        _ => Err(unexpected("SET")),
    }
}

/// Whether an UNLINK found the key.
pub(super) fn removed(reply: &Value) -> Result<bool> {
    match reply {
        Value::Int(keys) => Ok(*keys > 0),
        _ => Err(unexpected("UNLINK")),
    }
}

pub(super) fn unexpected(command: &str) -> Error {
    let message =
        format!("the reply of the Redis server is none to {command}: is it a Redis server?");
    Error::new(ErrorKind::Backend, message)
}
