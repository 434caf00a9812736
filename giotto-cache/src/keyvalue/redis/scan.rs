//! One page of the keys of a namespace, with the beginning of each value: SCAN, then GETRANGE and STRLEN in one batch.
//!
//! No step of a lookup; for management. A page is small, because the replies of lookups wait behind it on the same
//! connection.

use std::sync::Arc;

use redis::{Cmd, Pipeline, Value, cmd};

use super::clear::{ask, page, pattern};
use super::client::link::Link;
use super::client::request::Request;
use super::command::{beginning, unexpected};
use crate::entry::codec::MAGIC;
use crate::error::Result;
use crate::keyvalue::namespace::Namespace;
use crate::keyvalue::scan::{
    LONGEST_KEY, Scan, Scanned, StoredValue, foreign_cursor, head_of, number,
};

/// The keys that the server visits for a page: of all, whose values are read, or of those that contain a part.
const STEP: usize = 250;
const STEP_OF_PART: usize = 1_000;

/// The page of the keys of `namespace` on the `links`, which are all servers of the store, that `scan` asks for.
pub(super) async fn scan(
    links: Vec<Arc<Link>>,
    namespace: &Namespace,
    scan: &Scan,
) -> Result<Scanned> {
    let mut links: Vec<_> = links.into_iter().map(|link| (link.name(), link)).collect();
    links.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (at, cursor) = position(&links, scan)?;
    let Some((_, link)) = links.get(at) else {
        return Ok(Scanned::default());
    };
    let (next, keys) = keys(link, namespace, scan, cursor).await?;
    let looked_at = step(scan) as u64;
    let values = values(link, namespace, keys).await?;
    let next = match next {
        0 => links.get(at + 1).map(|(name, _)| format!("0@{name}")),
        next if links.len() == 1 => Some(next.to_string()),
        next => Some(format!("{next}@{}", links[at].0)),
    };
    Ok(Scanned::new(values, looked_at, next))
}

/// Which of the servers is next, and its own cursor: `17`, or of several servers `17@10.0.0.1:6379`.
fn position(links: &[(String, Arc<Link>)], scan: &Scan) -> Result<(usize, u64)> {
    let Some(text) = scan.cursor.as_deref() else {
        return Ok((0, 0));
    };
    let (cursor, server) = match text.split_once('@') {
        Some((cursor, server)) => (cursor, Some(server)),
        None => (text, None),
    };
    let at = match server {
        None if links.len() == 1 => Some(0),
        None => None,
        Some(server) => links.iter().position(|(name, _)| name == server),
    };
    Ok((
        at.ok_or_else(|| foreign_cursor(text))?,
        number(cursor, text)?,
    ))
}

fn step(scan: &Scan) -> usize {
    let most = if scan.part.is_empty() {
        STEP
    } else {
        STEP_OF_PART
    };
    scan.limit.clamp(1, most)
}

/// A page of keys, and the cursor of the next one, 0 at the end.
async fn keys(
    link: &Link,
    namespace: &Namespace,
    scan: &Scan,
    cursor: u64,
) -> Result<(u64, Vec<String>)> {
    let pattern = pattern(namespace, &scan.part);
    let mut question = cmd("SCAN");
    question.arg(cursor).arg("MATCH").arg(&pattern);
    question.arg("COUNT").arg(step(scan));
    let reply = ask(link, &Request::Again(question)).await?;
    let (next, keys) = page(reply).ok_or_else(|| unexpected("SCAN"))?;
    let next = std::str::from_utf8(&next)
        .ok()
        .and_then(|next| next.parse().ok());
    // Every key of ours is text.
    let keys = keys.into_iter().filter(|key| key.len() <= LONGEST_KEY);
    let keys = keys.filter_map(|key| String::from_utf8(key).ok());
    let keys = keys.filter(|key| namespace.has(key));
    Ok((next.ok_or_else(|| unexpected("SCAN"))?, keys.collect()))
}

/// What is known of the values of `keys`; a key that is gone, or whose value is no string, is left out.
async fn values(link: &Link, namespace: &Namespace, keys: Vec<String>) -> Result<Vec<StoredValue>> {
    let own = namespace.stored("").len();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = Pipeline::with_capacity(2 * keys.len());
    batch.ignore_errors();
    for key in &keys {
        batch.add_command(length(key));
        batch.add_command(beginning(key.as_bytes(), Some(head_of(key.len()) - 1)));
    }
    let Value::Array(replies) = ask(link, &Request::BatchAgain(batch)).await? else {
        return Err(unexpected("STRLEN"));
    };
    let mut replies = replies.into_iter();
    let mut values = Vec::with_capacity(keys.len());
    for stored_key in keys {
        let (Some(length), Some(head)) = (replies.next(), replies.next()) else {
            return Err(unexpected("STRLEN"));
        };
        // A key that is gone is answered like an empty value.
        let (Value::Int(length @ 1..), Value::BulkString(head)) = (length, head) else {
            continue;
        };
        // Of another program, as far as can be told.
        if !stored_key.starts_with(namespace.prefix()) && !head.starts_with(&MAGIC) {
            continue;
        }
        values.push(StoredValue {
            key: Some(stored_key[own..].to_owned()),
            bytes: u64::try_from(length).ok(),
            head: Some(head.into()),
            expires_in: None,
            stored_key,
        });
    }
    Ok(values)
}

fn length(key: &str) -> Cmd {
    cmd("STRLEN").arg(key).take()
}
