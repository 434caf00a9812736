//! One page of the keys of a namespace, as the dumps of the servers list them. A part of a value cannot be read.
//!
//! No step of a lookup; for management.

use std::sync::Arc;
use std::time::Duration;

use super::dump::{self, Item};
use super::expiry::EARLY;
use super::server::Server;
use super::{MemcacheKeyValue, key};
use crate::error::Result;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue, foreign_cursor, number};

/// A dump always begins at the first item, so that a page is large: of this number of items at least, and at most.
const STEP: usize = 10_000;
const LARGEST_STEP: usize = 100_000;

/// What is taken of one dump.
struct Taken {
    /// The items that belong to earlier pages.
    passed: u64,
    looked_at: u64,
    values: Vec<StoredValue>,
    is_full: bool,
}

impl MemcacheKeyValue {
    /// A cursor is the number of items that were passed, and the server: `10000@10.0.0.1:11211`.
    pub(super) async fn page(&self, scan: &Scan) -> Result<Scanned> {
        let servers = self.servers.all();
        let (at, passed) = position(servers, scan.cursor.as_deref())?;
        let Some(server) = servers.get(at) else {
            return Ok(Scanned::default());
        };
        let limit = scan.limit.clamp(STEP, LARGEST_STEP) as u64;
        let now_ms = self.clock.now_ms();
        let mut taken = Taken::new();
        let begin = |taken: &mut Taken| *taken = Taken::new();
        let take = |taken: &mut Taken, item: Item| {
            if taken.passed < passed {
                taken.passed += 1;
                return true;
            }
            if taken.looked_at == limit {
                taken.is_full = true;
                return false;
            }
            taken.looked_at += 1;
            taken.values.extend(self.value(item, &scan.part, now_ms));
            true
        };
        let walked = dump::walk(server.address(), &mut taken, begin, take).await;
        walked.map_err(|error| server.address().failed(&error))?;
        let next = match taken.is_full {
            true => Some(format!("{}@{}", passed + taken.looked_at, server.address())),
            false => servers
                .get(at + 1)
                .map(|next| format!("0@{}", next.address())),
        };
        Ok(Scanned::new(taken.values, taken.looked_at, next))
    }

    /// What is known of `item`, if it is of this namespace and its key contains `part`. A digest may be of any key.
    fn value(&self, item: Item, part: &str, now_ms: u64) -> Option<StoredValue> {
        let key = match key::is_digest(&self.namespace, &item.key) {
            true => None,
            false => Some(key::read(&self.namespace, &item.key).filter(|key| key.contains(part))?),
        };
        let expires_in = |expires: u64| {
            let until_ms = expires.saturating_sub(EARLY).saturating_mul(1_000);
            Duration::from_millis(until_ms.saturating_sub(now_ms))
        };
        Some(StoredValue {
            key,
            stored_key: item.key,
            bytes: item.size,
            head: None,
            expires_in: item.expires.map(expires_in),
        })
    }
}

/// Which of the `servers` is next, and how many of its items were passed.
fn position(servers: &[Arc<Server>], cursor: Option<&str>) -> Result<(usize, u64)> {
    let Some(cursor) = cursor else {
        return Ok((0, 0));
    };
    let foreign = || foreign_cursor(cursor);
    let (passed, name) = cursor.split_once('@').ok_or_else(foreign)?;
    let mut names = servers.iter().map(|server| server.address().to_string());
    let at = names.position(|address| address == name);
    Ok((at.ok_or_else(foreign)?, number(passed, cursor)?))
}

impl Taken {
    const fn new() -> Self {
        Self {
            passed: 0,
            looked_at: 0,
            values: Vec::new(),
            is_full: false,
        }
    }
}
