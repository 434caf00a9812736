//! Requests with credentials: their responses may be for one user.
//!
//! Where a response to one must not be stored, the next of them are sent on at once for a while, and do not wait for each
//! other: hit-for-miss, but for such requests alone. What is stored for other requests stays.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use giotto_cache::Key;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

/// How long it is remembered.
const REFUSED_MS: u64 = 5_000;
/// How many keys are remembered at most.
const MOST: usize = 10_000;

/// Whether the request says who its user is.
pub(crate) fn has_any(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(COOKIE)
}

/// The keys whose last response to a request with credentials must not be stored, and until when.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    hasher: RandomState,
    until_ms: Mutex<HashMap<u64, u64>>,
}

impl Refused {
    pub(crate) fn note(&self, key: &Key, now_ms: u64) {
        let digest = self.hasher.hash_one(key.as_str());
        let mut until_ms = self.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if until_ms.len() >= MOST {
            until_ms.retain(|_, until_ms| now_ms < *until_ms);
        }
        if until_ms.len() < MOST {
            until_ms.insert(digest, now_ms.saturating_add(REFUSED_MS));
        }
    }

    /// Whether `key` is one of them. Another key with the same digest may be: then its request is sent on as well.
    pub(crate) fn has(&self, key: &Key, now_ms: u64) -> bool {
        let digest = self.hasher.hash_one(key.as_str());
        let until_ms = self.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
        until_ms
            .get(&digest)
            .is_some_and(|until_ms| now_ms < *until_ms)
    }
}
