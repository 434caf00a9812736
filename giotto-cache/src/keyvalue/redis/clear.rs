//! Removes a namespace from one server, in small steps: the server may be shared, and must not be blocked.
//!
//! No step of a lookup; for management.

use redis::{Value, cmd};

use super::client::failure::Failure;
use super::client::link::Link;
use super::client::request::Request;
use super::command::{beginning, each, unexpected, unlink};
use crate::entry::codec::MAGIC;
use crate::error::Result;
use crate::keyvalue::namespace::Namespace;

/// Keys that one step visits: a fraction of a millisecond of the server's time.
const STEP: u32 = 1000;

/// Removes the keys of `namespace` that contain `part`, if there is one. Without a namespace, keys whose value is not an entry
/// stay: another program may have keys that look like ours.
///
/// UNLINK needs no memory, so a full server is cleared too.
pub(super) async fn clear(link: &Link, namespace: &Namespace, part: Option<&str>) -> Result<()> {
    let pattern = pattern(namespace, part.unwrap_or_default());
    let mut cursor = b"0".to_vec();
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(&cursor)
            .arg("MATCH")
            .arg(&pattern)
            .arg("COUNT")
            .arg(STEP);
        let reply = ask(link, &Request::Again(scan)).await?;
        let (next, mut keys) = page(reply).ok_or_else(|| unexpected("SCAN"))?;
        // Every key of ours is text.
        keys.retain(|key| std::str::from_utf8(key).is_ok_and(|key| namespace.has(key)));
        if namespace.is_none() {
            keys = entries(link, keys).await?;
        }
        if !keys.is_empty() {
            ask(link, &Request::Batch(each(&keys, unlink))).await?;
        }
        if next == b"0" {
            return Ok(());
        }
        cursor = next;
    }
}

/// Removes `keys`, all at once, and returns how many of them were there.
pub(super) async fn delete(link: &Link, keys: &[Vec<u8>]) -> Result<u64> {
    let Value::Array(replies) = ask(link, &Request::Batch(each(keys, unlink))).await? else {
        return Err(unexpected("UNLINK"));
    };
    let were_there = replies
        .iter()
        .filter(|reply| matches!(reply, Value::Int(1..)));
    Ok(were_there.count() as u64)
}

/// What all keys of `namespace` match that contain `part`, and perhaps others.
pub(super) fn pattern(namespace: &Namespace, part: &str) -> String {
    match part {
        // A namespace has none of the characters that have a meaning in a pattern.
        "" => format!("{}*", namespace.stored("")),
        // It may overlap the namespace.
        part => format!("*{}*", literal(part)),
    }
}

/// The pattern that `part` alone matches.
fn literal(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len());
    for character in part.chars() {
        if r"*?[]\^-".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// Those of `keys` whose value begins like an entry.
async fn entries(link: &Link, mut keys: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    if keys.is_empty() {
        return Ok(keys);
    }
    let mut question = each(&keys, |key| beginning(key, Some(MAGIC.len())));
    // A value that is no string is not ours either.
    question.ignore_errors();
    let Value::Array(replies) = ask(link, &Request::Batch(question)).await? else {
        return Err(unexpected("GETRANGE"));
    };
    let mut replies = replies.into_iter();
    let is_entry = |reply| matches!(reply, Value::BulkString(value) if value.starts_with(&MAGIC));
    keys.retain(|_| replies.next().is_some_and(is_entry));
    Ok(keys)
}

pub(super) async fn ask(link: &Link, request: &Request) -> Result<Value> {
    link.ask(request).await.map_err(Failure::into_error)
}

/// A reply of SCAN: the cursor of the next page, and the keys of this one.
pub(super) fn page(reply: Value) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Value::Array(parts) = reply else {
        return None;
    };
    let [Value::BulkString(next), Value::Array(keys)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let key = |key| match key {
        Value::BulkString(key) => Some(key),
        _ => None,
    };
    Some((next, keys.into_iter().map(key).collect::<Option<_>>()?))
}
