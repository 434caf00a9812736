//! The stored envelope: the only code that writes it, reads it and judges what is fresh.
//!
//! Step 3 of a lookup. Layout, all numbers little-endian, moments in milliseconds since 1970
//! (`u64::MAX` = never):
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | magic `GIOT` |
//! | 4 | version, 1 |
//! | 5 | reserved, 0 |
//! | 6..8 | length of the media type |
//! | 8..16 | checksum: XXH3-64 of bytes 16.., seeded with bytes 0..8 |
//! | 16..24 | created |
//! | 24..32 | fresh until |
//! | 32..40 | stale until |
//! | 40..48 | keep until |
//! | 48..56 | time it took to compute, in microseconds |
//! | 56..60 | length of the key |
//! | 60..64 | length of the ETag |
//! | 64.. | key, media type, ETag, body |
//!
//! XXH3: <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>. It finds damage, not malice:
//! what protects against a foreign value is the full key in the envelope, which must be the one asked for.

use std::ops::Range;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

use crate::{Key, Policy};

pub(crate) const MAGIC: [u8; 4] = *b"GIOT";
const VERSION: u8 = 1;
const HEADER: usize = 64;

const CREATED: usize = 16;
const FRESH_UNTIL: usize = 24;
const KEEP_UNTIL: usize = 40;
const KEY_LENGTH: usize = 56;
const ETAG_LENGTH: usize = 60;

/// A stored result and what is known of it. Cloning it copies no bytes.
#[derive(Clone, Debug)]
pub struct Entry {
    raw: Bytes,
    /// Where the ETag begins.
    etag: usize,
}

/// Why stored bytes are not an entry of the key that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undecodable {
    /// Not an envelope at all, or one that was cut short.
    #[error("not an envelope")]
    Foreign,
    /// An envelope of a version that this build does not read.
    #[error("an envelope of another version")]
    Version,
    /// The bytes were changed after they had been written.
    #[error("the checksum does not match")]
    Damaged,
    /// A sound envelope that belongs to another key.
    #[error("the entry of another key")]
    OtherKey,
}

impl Entry {
    /// Seals `body`, the result of a computation that took `cost`, as the entry of `key` made at `now_ms`.
    #[must_use]
    pub fn seal(key: &Key, policy: Policy, now_ms: u64, cost: Duration, body: &[u8]) -> Self {
        let etag = etag(key.mimetype(), body);
        let fresh_until = policy.fresh_until(now_ms);
        let (key, mimetype) = (key.as_str().as_bytes(), key.mimetype().as_bytes());
        let mut raw =
            BytesMut::with_capacity(HEADER + key.len() + mimetype.len() + etag.len() + body.len());
        raw.put_slice(&MAGIC);
        raw.put_u8(VERSION);
        raw.put_u8(0);
        raw.put_u16_le(u16::try_from(mimetype.len()).unwrap_or(u16::MAX));
        raw.put_u64_le(0);
        for moment in [now_ms, fresh_until, fresh_until, fresh_until] {
            raw.put_u64_le(moment);
        }
        raw.put_u64_le(u64::try_from(cost.as_micros()).unwrap_or(u64::MAX));
        raw.put_u32_le(u32::try_from(key.len()).unwrap_or(u32::MAX));
        raw.put_u32_le(u32::try_from(etag.len()).unwrap_or(u32::MAX));
        for part in [key, mimetype, etag.as_bytes(), body] {
            raw.put_slice(part);
        }
        let sum = checksum(&raw);
        raw[8..16].copy_from_slice(&sum.to_le_bytes());
        Self {
            raw: raw.freeze(),
            etag: HEADER + key.len() + mimetype.len(),
        }
    }

    /// Opens stored bytes as the entry of `key`.
    ///
    /// The checksum is read over unless the bytes are `trusted`: those of a store in this process's own
    /// memory, which nobody else can have changed.
    pub fn open(raw: Bytes, key: &Key, trusted: bool) -> Result<Self, Undecodable> {
        let mut header = raw.get(..HEADER).ok_or(Undecodable::Foreign)?;
        if header.get_u32() != u32::from_be_bytes(MAGIC) {
            return Err(Undecodable::Foreign);
        }
        if header.get_u8() != VERSION {
            return Err(Undecodable::Version);
        }
        let _reserved = header.get_u8();
        let mimetype_len = usize::from(header.get_u16_le());
        let sum = header.get_u64_le();
        if !trusted && sum != checksum(&raw) {
            return Err(Undecodable::Damaged);
        }
        header.advance(KEY_LENGTH - CREATED);
        let (key_len, etag_len) = (header.get_u32_le() as usize, header.get_u32_le() as usize);

        let is_key = raw[HEADER..].get(..key_len) == Some(key.as_str().as_bytes());
        let is_mimetype = mimetype_len == key.mimetype().len();
        if !is_key || !is_mimetype {
            return Err(Undecodable::OtherKey);
        }
        let etag = HEADER + key_len + mimetype_len;
        if etag.saturating_add(etag_len) > raw.len() {
            return Err(Undecodable::Foreign);
        }
        Ok(Self { raw, etag })
    }

    /// Whether the entry may still be served at `now_ms` without a word of caution.
    #[must_use]
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.moment(FRESH_UNTIL)
    }

    /// How long the entry stays fresh from `now_ms` on; `None` = it never expires.
    #[must_use]
    pub fn fresh_for(&self, now_ms: u64) -> Option<Duration> {
        remaining(self.moment(FRESH_UNTIL), now_ms)
    }

    /// How long a backend has to keep the entry from `now_ms` on; `None` = for ever.
    #[must_use]
    pub fn keep_for(&self, now_ms: u64) -> Option<Duration> {
        remaining(self.moment(KEEP_UNTIL), now_ms)
    }

    /// When the entry was made, in milliseconds since 1970.
    #[must_use]
    pub fn created_ms(&self) -> u64 {
        self.moment(CREATED)
    }

    /// The strong entity tag of the representation, quotes included (RFC 9110, 8.8.3).
    #[must_use]
    pub fn etag(&self) -> Bytes {
        self.raw.slice(self.etag_range())
    }

    /// The result itself.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.raw.slice(self.etag_range().end..)
    }

    /// The result itself, and nothing else of the entry.
    #[must_use]
    pub fn into_body(mut self) -> Bytes {
        self.raw.advance(self.etag_range().end);
        self.raw
    }

    /// The whole envelope, as a backend stores it.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.raw.clone()
    }

    fn moment(&self, at: usize) -> u64 {
        (&self.raw[at..HEADER]).get_u64_le()
    }

    fn etag_range(&self) -> Range<usize> {
        let length = (&self.raw[ETAG_LENGTH..HEADER]).get_u32_le() as usize;
        self.etag..self.etag + length
    }
}

/// Until when a backend has to keep the stored bytes `raw`, if they look like an entry.
pub(crate) fn keep_until(raw: &[u8]) -> Option<u64> {
    let is_entry = raw.len() >= HEADER && raw[..4] == MAGIC && raw[4] == VERSION;
    is_entry.then(|| (&raw[KEEP_UNTIL..]).get_u64_le())
}

const fn remaining(until: u64, now_ms: u64) -> Option<Duration> {
    match until {
        u64::MAX => None,
        _ => Some(Duration::from_millis(until.saturating_sub(now_ms))),
    }
}

/// A digest of what is sent: equal bytes of one media type have equal tags in every process and release.
fn etag(mimetype: &str, body: &[u8]) -> String {
    format!(
        "\"{:032x}\"",
        xxh3_128_with_seed(body, xxh3_64(mimetype.as_bytes()))
    )
}

/// `raw` is at least a header long.
fn checksum(raw: &[u8]) -> u64 {
    let (mut seed, covered) = (&raw[..8], &raw[16..]);
    xxh3_64_with_seed(covered, seed.get_u64_le())
}
