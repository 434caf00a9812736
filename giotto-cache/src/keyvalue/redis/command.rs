//! The commands that are sent, and what their replies mean.
//!
//! The last step of a lookup.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value, cmd};

use super::client::request::{MAX_VALUE, Request};
use crate::clock::milliseconds;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::longest::Longest;
use crate::keyvalue::measure::{Evicts, Measure};

/// Redis adds a time to its clock in 64 bits with a sign, and refuses one whose sum does not fit.
const MAX_EXPIRE_MS: u64 = i64::MAX as u64 / 2;

/// Replaces the value of a key if it is the first argument: by the second, set with the others, or if there is none
/// by nothing. A key of another kind has no value; a GET that is refused otherwise is an error.
const REPLACE: &str = "\
    local value = redis.pcall('GET', KEYS[1]) \
    if type(value) == 'table' and not value.err:find('WRONGTYPE') then return value end \
    if value ~= ARGV[1] then return 0 end \
    if ARGV[2] then redis.call('SET', KEYS[1], unpack(ARGV, 2)) else redis.call('UNLINK', KEYS[1]) end \
    return 1";

/// A value, but no more of it than one byte over the `longest`. An absent key is answered like an empty value.
pub(super) fn get(key: &str, longest: Option<usize>) -> Request {
    Request::Again(beginning(key.as_bytes(), longest))
}

/// Whether `key` is there, which the reply to a [`get`] leaves open where it is empty.
pub(super) fn exists(key: &str) -> Request {
    Request::Again(cmd("EXISTS").arg(key).take())
}

/// The same of each of `keys`, in one batch.
pub(super) fn get_many(keys: &[&str], longest: &Longest) -> Request {
    let mut batch = Pipeline::with_capacity(keys.len());
    // A value that is not a string is not ours.
    batch.ignore_errors();
    for key in keys {
        batch.add_command(beginning(key.as_bytes(), longest.of(key)));
    }
    Request::BatchAgain(batch)
}

pub(super) fn set(key: &str, value: &[u8], expire: Option<Duration>) -> Result<Request> {
    set_command(key, value, expire).map(Request::Again)
}

pub(super) fn add(key: &str, value: &[u8], expire: Option<Duration>) -> Result<Request> {
    let mut set = set_command(key, value, expire)?;
    Ok(Request::Once(set.arg("NX").take()))
}

/// EVAL, not EVALSHA: the script is shorter than most keys and values, and a server that was restarted knows no hash.
pub(super) fn replace(
    key: &str,
    old: &[u8],
    new: Option<&[u8]>,
    expire: Option<Duration>,
) -> Result<Request> {
    let mut eval = cmd("EVAL");
    eval.arg(REPLACE).arg(1).arg(key).arg(old);
    if let Some(new) = new {
        add_value(&mut eval, new, expire)?;
    }
    Ok(Request::Once(eval))
}

pub(super) fn delete(key: &str) -> Request {
    Request::Once(unlink(key.as_bytes()))
}

pub(super) fn unlink(key: &[u8]) -> Cmd {
    cmd("UNLINK").arg(key).take()
}

/// The first `bytes` of the value and one more, which shows that there are more; the whole value without a number.
pub(super) fn beginning(key: &[u8], bytes: Option<usize>) -> Cmd {
    let last = bytes
        .and_then(|bytes| i64::try_from(bytes).ok())
        .unwrap_or(-1);
    cmd("GETRANGE").arg(key).arg(0).arg(last).take()
}

/// `command` for each of `keys`, sent at once: in a cluster one command may not name keys of two slots.
pub(super) fn each(keys: &[Vec<u8>], command: impl Fn(&[u8]) -> Cmd) -> Pipeline {
    let mut batch = Pipeline::with_capacity(keys.len());
    for key in keys {
        batch.add_command(command(key));
    }
    batch
}

fn set_command(key: &str, value: &[u8], expire: Option<Duration>) -> Result<Cmd> {
    let mut set = cmd("SET");
    set.arg(key);
    add_value(&mut set, value, expire)?;
    Ok(set)
}

/// The arguments of a SET after its key. PX, because EX counts whole seconds; 0 would be refused.
fn add_value(command: &mut Cmd, value: &[u8], expire: Option<Duration>) -> Result<()> {
    if value.len() > MAX_VALUE {
        let message = format!(
            "a value of {} bytes is too large for Redis, which stores {MAX_VALUE}",
            value.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    command.arg(value);
    let expire = expire.map(|expire| milliseconds(expire).max(1));
    if let Some(expire) = expire.filter(|expire| *expire <= MAX_EXPIRE_MS) {
        command.arg("PX").arg(expire);
    }
    Ok(())
}

/// The reply to a [`get`].
pub(super) fn value(reply: Value) -> Result<Option<Vec<u8>>> {
    match reply {
        // The value of the key is not a string.
        Value::Nil | Value::ServerError(_) => Ok(None),
        Value::BulkString(value) => Ok(Some(value)),
        _ => Err(unexpected("GETRANGE")),
    }
}

/// The reply to a [`get_many`] for this number of `keys`.
pub(super) fn values(reply: Value, keys: usize) -> Result<Vec<Option<Vec<u8>>>> {
    match reply {
        Value::Array(values) if values.len() == keys => values.into_iter().map(value).collect(),
        _ => Err(unexpected("GETRANGE")),
    }
}

/// Whether the key of an [`exists`] is there.
pub(super) fn is_there(reply: &Value) -> Result<bool> {
    match reply {
        Value::Int(keys) => Ok(*keys > 0),
        _ => Err(unexpected("EXISTS")),
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

/// Whether the script of [`replace`] replaced the value.
pub(super) fn replaced(reply: &Value) -> Result<bool> {
    match reply {
        Value::Int(keys) => Ok(*keys == 1),
        _ => Err(unexpected("EVAL")),
    }
}

/// Whether an UNLINK found the key.
pub(super) fn removed(reply: &Value) -> Result<bool> {
    match reply {
        Value::Int(keys) => Ok(*keys > 0),
        _ => Err(unexpected("UNLINK")),
    }
}

/// How many keys the database has.
pub(super) fn size() -> Request {
    Request::Again(cmd("DBSIZE"))
}

/// What the server says of itself. All of it, because servers before Redis 7 know one section at a time.
pub(super) fn info() -> Request {
    Request::Again(cmd("INFO"))
}

/// The replies of [`size`] and [`info`]. A server that leaves out a figure is no error; 0 bytes of memory is no limit.
pub(super) fn measure(size: &Value, info: &Value) -> Result<Measure> {
    let (Value::Int(keys), Value::BulkString(info)) = (size, info) else {
        return Err(unexpected("DBSIZE or INFO"));
    };
    let info = String::from_utf8_lossy(info);
    let field = |name| {
        let mut fields = info.lines().filter_map(|line| line.trim().split_once(':'));
        fields
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    };
    let figure = |name| field(name)?.parse::<u64>().ok();
    let policy = field("maxmemory_policy");
    Ok(Measure {
        entries: u64::try_from(*keys).ok(),
        bytes: figure("used_memory"),
        max_bytes: figure("maxmemory").filter(|limit| *limit > 0),
        evictions: figure("evicted_keys"),
        evicts: policy.and_then(evicts),
        clock_ms: figure("server_time_usec").map(|us| us / 1_000),
        notes: policy
            .map(|policy| format!("maxmemory-policy is {policy}"))
            .into_iter()
            .collect(),
        ..Measure::default()
    })
}

/// What a `maxmemory-policy` removes.
fn evicts(policy: &str) -> Option<Evicts> {
    match policy.split_once('-') {
        Some(("allkeys", _)) => Some(Evicts::Any),
        Some(("volatile", _)) => Some(Evicts::Expiring),
        None if policy == "noeviction" => Some(Evicts::Nothing),
        _ => None,
    }
}

pub(super) fn unexpected(command: &str) -> Error {
    let message = format!(
        "the Redis server sent an invalid reply to {command}: check that it is a Redis server"
    );
    Error::new(ErrorKind::Backend, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(info: &str) -> Measure {
        measure(&Value::Int(3), &Value::BulkString(info.into())).unwrap()
    }

    #[test]
    fn the_reply_to_many_has_a_value_for_each() {
        let text = |text: &str| Value::BulkString(text.into());
        let replies = vec![text("a"), text(""), Value::Nil];
        let read = values(Value::Array(replies), 3).unwrap();
        assert_eq!(read, [Some(b"a".into()), Some(Vec::new()), None]);
        for count in [2, 4] {
            assert!(values(Value::Array(vec![text("a"); count]), 3).is_err());
        }
        assert!(values(Value::Okay, 3).is_err());
    }

    #[test]
    fn figures_that_a_server_leaves_out_or_makes_up_are_not_known() {
        let honest = "# Memory\r\nused_memory:1402432\r\nused_memory_human:1.34M\r\nmaxmemory:67108864\r\n\
                      maxmemory_policy:allkeys-lru\r\n\r\n# Stats\r\nevicted_keys:7\r\n\r\n# Server\r\nserver_time_usec:1700000000123456\r\n";
        let full = measured(honest);
        assert_eq!((full.entries, full.bytes), (Some(3), Some(1_402_432)));
        assert_eq!((full.max_bytes, full.evictions), (Some(64 << 20), Some(7)));
        assert_eq!(full.notes, ["maxmemory-policy is allkeys-lru"]);
        assert_eq!(full.evicts, Some(Evicts::Any));
        assert_eq!(full.clock_ms, Some(1_700_000_000_123));
        for odd in [
            "",
            "used_memory:-1\r\nmaxmemory:0\r\n",
            "used_memory\r\nevicted_keys:many\r\n",
            "used_memory:18446744073709551616\r\n",
        ] {
            let measure = measured(odd);
            assert_eq!((measure.bytes, measure.max_bytes), (None, None), "{odd:?}");
            assert_eq!((measure.evictions, measure.notes.len()), (None, 0));
        }
        for (size, info) in [
            (Value::Nil, Value::BulkString(Vec::new())),
            (Value::Int(3), Value::Okay),
        ] {
            assert!(measure(&size, &info).is_err());
        }
    }
}
