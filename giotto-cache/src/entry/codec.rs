//! The bytes of an entry: the only code that writes and reads the stored envelope.
//!
//! Step 2 of a lookup reads them, step 6 writes them. Layout, all numbers little-endian, moments in milliseconds since 1970
//! (`u64::MAX` = never):
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | magic `GIOT` |
//! | 4 | version: 1, or 2 if there is an extension, or 3 if the extension has metadata or a content coding, or 4 if it says until when the entry is served |
//! | 5 | flags: 1 = the result says "there is no such thing", 2 = the computation has set its time to live |
//! | 6..8 | length of the media type |
//! | 8..16 | checksum: XXH3-64 of bytes 16.., seeded with bytes 0..8 |
//! | 16..24 | created |
//! | 24..32 | fresh until |
//! | 32..40 | stale until |
//! | 40..48 | keep until: also until when it is served in place of a computation that fails, before version 4 |
//! | 48..56 | time it took to compute, in microseconds |
//! | 56..60 | length of the key |
//! | 60..64 | length of the ETag |
//! | 64.. | key, media type, ETag, extension, body; behind it a keyed digest, where signing keys are set (`signature.rs`) |
//!
//! A plain page has no extension (`extension.rs`).
//!
//! XXH3: <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>. It finds damage, not malice:
//! what protects against a foreign value is the full key in the envelope, which must be the one asked for.

use std::borrow::Borrow;
use std::ops::Range;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

use crate::entry::extension::{self, Extension, Unreadable};
use crate::entry::stamps::Stamps;
use crate::key::Key;
use crate::metadata::Metadata;
use crate::policy::clocks::Clocks;
use crate::signature::{Forged, Signer};

#[cfg(test)]
mod tests;

pub(crate) const MAGIC: [u8; 4] = *b"GIOT";
pub(super) const PLAIN: u8 = 1;
const EXTENDED: u8 = 2;
pub(super) const DESCRIBED: u8 = 3;
pub(super) const KEPT: u8 = 4;
/// Those that this build reads.
pub(super) const VERSIONS: [u8; 4] = [PLAIN, EXTENDED, DESCRIBED, KEPT];
pub(super) const NEGATIVE: u8 = 1;
pub(super) const OWN_TIME: u8 = 2;
pub(super) const HEADER: usize = 64;

const MIMETYPE_LENGTH: usize = 6;
const CHECKSUM: usize = 8;
pub(crate) const CREATED: usize = 16;
const FRESH_UNTIL: usize = 24;
const STALE_UNTIL: usize = 32;
const KEEP_UNTIL: usize = 40;
pub(super) const COST: usize = 48;
pub(super) const KEY_LENGTH: usize = 56;
const ETAG_LENGTH: usize = 60;

/// The stored bytes of one entry, its own or those that are lent to it, and where its parts begin. Cloning it copies no bytes.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<B = Bytes> {
    raw: B,
    parts: Parts,
}

/// Where the ETag of an envelope begins, where its body does, and how long the digest behind that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    etag: u32,
    body: u32,
    digest: u8,
}

/// What is sealed as an entry.
#[derive(Clone, Debug)]
pub(crate) struct Draft<'d> {
    pub(crate) key: &'d Key,
    pub(crate) clocks: Clocks,
    pub(crate) cost: Duration,
    pub(crate) is_negative: bool,
    /// Whether the computation has set its time to live.
    pub(crate) has_own_time: bool,
    pub(crate) extension: Extension,
    /// Under the content coding that the extension names.
    pub(crate) body: &'d [u8],
    /// The entity tag, if the body is coded or was sealed before; `None` = that of the body.
    pub(crate) etag: Option<Bytes>,
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
    /// The keyed digest is missing or was made with another signing key.
    #[error("not signed by one of the signing keys")]
    Forged,
    /// The body is not what its content coding and length say, or it is larger than a result may be.
    #[error("the content coding of the body cannot be decoded")]
    Coded,
    /// The body is no value of the type that the caller asks for.
    #[error("the body is no value of the type that was asked for")]
    NoValue,
}

impl Draft<'_> {
    /// The first version of the envelope that can say all of it.
    fn version(&self) -> u8 {
        match () {
            () if self.error_until().is_some() => KEPT,
            () if self.extension.is_described() => DESCRIBED,
            () if self.is_negative || self.has_own_time => EXTENDED,
            () if self.extension != Extension::default() => EXTENDED,
            () => PLAIN,
        }
    }

    /// Until when the entry is served after a failure, if it is kept for longer than that.
    fn error_until(&self) -> Option<u64> {
        let clocks = self.clocks;
        (clocks.error_until != clocks.keep_until).then_some(clocks.error_until)
    }
}

impl From<Unreadable> for Undecodable {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::Malformed => Self::Foreign,
            Unreadable::UnknownCoding => Self::Version,
        }
    }
}

impl From<Forged> for Undecodable {
    fn from(_: Forged) -> Self {
        Self::Forged
    }
}

impl Envelope {
    /// Writes `draft`, and signs it where signing keys are set.
    pub(crate) fn seal(draft: &Draft<'_>, signer: &Signer) -> Self {
        let etag = draft.etag.clone().unwrap_or_else(|| {
            etag(draft.key.mimetype(), &draft.extension.metadata, draft.body).into()
        });
        let (key, mimetype) = (
            draft.key.as_str().as_bytes(),
            draft.key.mimetype().as_bytes(),
        );
        let version = draft.version();
        let extension = match version {
            PLAIN => BytesMut::new(),
            _ => draft.extension.encode(draft.error_until()),
        };
        let start = HEADER + key.len() + mimetype.len();
        let body = start + etag.len() + extension.len();
        let end = body + draft.body.len();
        let mut raw = BytesMut::with_capacity(end + signer.room());
        raw.put_slice(&MAGIC);
        raw.put_u8(version);
        let negative = if draft.is_negative { NEGATIVE } else { 0 };
        let own_time = if draft.has_own_time { OWN_TIME } else { 0 };
        raw.put_u8(negative | own_time);
        raw.put_u16_le(u16::try_from(mimetype.len()).unwrap_or(u16::MAX));
        raw.put_u64_le(0);
        let clocks = draft.clocks;
        for moment in [
            clocks.created,
            clocks.fresh_until,
            clocks.stale_until,
            clocks.keep_until,
        ] {
            raw.put_u64_le(moment);
        }
        raw.put_u64_le(u64::try_from(draft.cost.as_micros()).unwrap_or(u64::MAX));
        raw.put_u32_le(u32::try_from(key.len()).unwrap_or(u32::MAX));
        raw.put_u32_le(u32::try_from(etag.len()).unwrap_or(u32::MAX));
        for part in [key, mimetype, &etag, &extension, draft.body] {
            raw.put_slice(part);
        }
        let sum = checksum(&raw);
        raw[CHECKSUM..CREATED].copy_from_slice(&sum.to_le_bytes());
        Self {
            raw: signer.sign(draft.key.as_str(), raw),
            parts: Parts {
                etag: position(start),
                body: position(body),
                digest: signer.room() as u8,
            },
        }
    }

    /// The envelope `raw`, whose `parts` were found by [`open`](Self::open).
    #[inline]
    pub(crate) const fn of(raw: Bytes, parts: Parts) -> Self {
        Self { raw, parts }
    }

    #[inline]
    pub(crate) fn take_body(&mut self) -> Bytes {
        if self.parts.digest > 0 {
            self.raw.truncate(self.body_range().end);
        }
        self.raw.advance(self.parts.body as usize);
        std::mem::take(&mut self.raw)
    }
}

impl<B: Borrow<Bytes>> Envelope<B> {
    /// Reads `bytes` as the entry of `key`. Nothing in it is believed: a store is shared, and its clients may be hostile.
    ///
    /// The checksum is computed, and the metadata is checked, unless the bytes are `trusted`: those of a store in this
    /// process's own memory, which no other process can have changed. Where signing keys are set, the digest takes the place
    /// of the checksum.
    #[inline]
    pub(crate) fn open(
        bytes: B,
        key: &Key,
        trusted: bool,
        signer: &Signer,
    ) -> Result<Self, Undecodable> {
        let raw: &Bytes = bytes.borrow();
        let header = raw.get(..HEADER).ok_or(Undecodable::Foreign)?;
        if header[..4] != MAGIC {
            return Err(Undecodable::Foreign);
        }
        let version = header[4];
        if !VERSIONS.contains(&version) {
            return Err(Undecodable::Version);
        }
        let mimetype_len = usize::from(u16::from_le_bytes(array(header, MIMETYPE_LENGTH)));
        let sum = u64::from_le_bytes(array(header, CHECKSUM));
        let end = match signer.is_off() {
            true if !trusted && sum != checksum(raw) => return Err(Undecodable::Damaged),
            true => raw.len(),
            false => signer.verify(key.as_str(), raw)?,
        };
        let (key_len, etag_len) = (length(header, KEY_LENGTH), length(header, ETAG_LENGTH));
        let is_key = raw[HEADER..].get(..key_len) == Some(key.as_str().as_bytes());
        let is_mimetype = mimetype_len == key.mimetype().len();
        if !is_key || !is_mimetype {
            return Err(Undecodable::OtherKey);
        }
        let etag = HEADER + key_len + mimetype_len;
        let mut body = etag.saturating_add(etag_len);
        let extension = body;
        if version != PLAIN {
            let length = raw.get(body..).and_then(extension::length);
            body = body.saturating_add(length.ok_or(Undecodable::Foreign)?);
        }
        if body > end {
            return Err(Undecodable::Foreign);
        }
        if version >= DESCRIBED {
            extension::check(&raw[extension..body], trusted)?;
            if version == KEPT && extension::error_until(&raw[extension..body]).is_none() {
                return Err(Undecodable::Foreign);
            }
        }
        let parts = Parts {
            etag: position(etag),
            body: position(body),
            digest: (raw.len() - end) as u8,
        };
        Ok(Self { raw: bytes, parts })
    }

    /// Whether nothing but its time to live decides if it is served.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.is_bare() || self.is_only_described()
    }

    // Here and in `read_metadata`: what a plain page does not have is no part of its path.
    #[inline(never)]
    fn is_only_described(&self) -> bool {
        let extension = &self.raw()[self.extension_range()];
        let is_described = self.raw()[4] >= DESCRIBED && !self.is_negative();
        is_described && extension::only_describes(extension, self.is_kept())
    }

    /// Whether it is kept for longer than it may be served.
    fn is_kept(&self) -> bool {
        self.raw()[4] == KEPT
    }

    /// Whether it has no extension.
    #[inline]
    pub(crate) fn is_bare(&self) -> bool {
        self.raw()[4] == PLAIN
    }

    /// What decides besides the time whether it is served; `None` if that takes more than to compare it.
    #[inline]
    pub(crate) fn stamps(&self) -> Option<Stamps<'_>> {
        match self.raw()[4] {
            PLAIN => Some(Stamps::default()),
            _ if self.is_negative() => None,
            version => {
                let extension = &self.raw()[self.extension_range()];
                extension::stamps(extension, version >= DESCRIBED, version == KEPT)
            }
        }
    }

    #[inline]
    pub(crate) fn is_negative(&self) -> bool {
        self.raw()[5] & NEGATIVE != 0
    }

    /// Whether the computation has set its time to live.
    pub(crate) fn has_own_time(&self) -> bool {
        self.raw()[5] & OWN_TIME != 0
    }

    /// The clocks as they are written.
    pub(crate) fn clocks(&self) -> Clocks {
        let keep_until = self.number(KEEP_UNTIL);
        let error_until = match self.is_kept() {
            true => extension::error_until(&self.raw()[self.extension_range()]),
            false => None,
        };
        Clocks {
            created: self.created(),
            fresh_until: self.fresh_until(),
            stale_until: self.number(STALE_UNTIL),
            error_until: error_until.unwrap_or(keep_until),
            keep_until,
        }
    }

    #[inline]
    pub(crate) fn created(&self) -> u64 {
        self.number(CREATED)
    }

    #[inline]
    pub(crate) fn fresh_until(&self) -> u64 {
        self.number(FRESH_UNTIL)
    }

    /// How long the computation took, in microseconds.
    #[inline]
    pub(crate) fn cost_us(&self) -> u64 {
        self.number(COST)
    }

    pub(crate) fn etag(&self) -> Bytes {
        self.raw().slice(self.etag_range())
    }

    /// `None` if the entry has an extension that cannot be read.
    pub(crate) fn extension(&self) -> Option<Extension> {
        let range = self.extension_range();
        match range.is_empty() {
            true => Some(Extension::default()),
            false => Extension::decode(&self.raw()[range], self.metadata(), self.is_kept()),
        }
    }

    /// `None` if the version of the envelope has none.
    #[inline]
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        match self.raw()[4] >= DESCRIBED {
            true => self.read_metadata(),
            false => None,
        }
    }

    #[inline(never)]
    fn read_metadata(&self) -> Option<Metadata> {
        Some(Metadata::checked(self.raw().slice(self.metadata_range()?)))
    }

    /// The bytes of the metadata.
    #[inline]
    pub(crate) fn raw_metadata(&self) -> Option<&[u8]> {
        match self.raw()[4] >= DESCRIBED {
            true => self.raw().get(self.metadata_range()?),
            false => None,
        }
    }

    #[inline]
    fn metadata_range(&self) -> Option<Range<usize>> {
        let extension = self.extension_range();
        let Range { start, end } = extension::metadata(&self.raw()[extension.clone()])?;
        Some(extension.start + start..extension.start + end)
    }

    /// The length of the body without its content coding; `None` if it has none.
    #[inline]
    pub(crate) fn decoded_length(&self) -> Option<u64> {
        match self.raw()[4] >= DESCRIBED {
            true => extension::decoded_length(&self.raw()[self.extension_range()]),
            false => None,
        }
    }

    /// The body as it is stored.
    pub(crate) fn body(&self) -> Bytes {
        self.raw().slice(self.body_range())
    }

    #[inline]
    pub(crate) fn body_range(&self) -> Range<usize> {
        self.parts.body as usize..self.raw().len() - usize::from(self.parts.digest)
    }

    /// All of it, as a store keeps it.
    #[inline]
    pub(crate) fn raw(&self) -> &Bytes {
        self.raw.borrow()
    }

    pub(crate) const fn parts(&self) -> Parts {
        self.parts
    }

    #[inline]
    fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(array(self.raw(), at))
    }

    #[inline]
    fn etag_range(&self) -> Range<usize> {
        let start = self.parts.etag as usize;
        start..start + length(self.raw(), ETAG_LENGTH)
    }

    #[inline]
    fn extension_range(&self) -> Range<usize> {
        self.etag_range().end..self.parts.body as usize
    }
}

/// The clocks in `header`, which begins where they do and is as long as they are. The extension may say that the entry is
/// kept for longer than it is served.
pub(super) fn clocks(mut header: &[u8]) -> Option<Clocks> {
    let [created, fresh_until, stale_until, keep_until] = [
        header.try_get_u64_le().ok()?,
        header.try_get_u64_le().ok()?,
        header.try_get_u64_le().ok()?,
        header.try_get_u64_le().ok()?,
    ];
    Some(Clocks {
        created,
        fresh_until,
        stale_until,
        error_until: keep_until,
        keep_until,
    })
}

/// Until when a backend has to keep the stored bytes `raw`, if they look like an entry.
pub(crate) fn keep_until(raw: &[u8]) -> Option<u64> {
    let is_entry = raw.len() >= HEADER && raw[..4] == MAGIC && VERSIONS.contains(&raw[4]);
    is_entry.then(|| u64::from_le_bytes(array(raw, KEEP_UNTIL)))
}

/// The bytes of a number in a header, at `at`; zeros of what is too short, which no header is that was looked at before. Not by
/// `Buf`: a hit reads several, and each would be a call.
#[inline]
fn array<const N: usize>(raw: &[u8], at: usize) -> [u8; N] {
    let rest = raw.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or([0; N])
}

/// A length in a header, at `at`.
#[inline]
fn length(raw: &[u8], at: usize) -> usize {
    u32::from_le_bytes(array(raw, at)) as usize
}

/// What stands before the body is shorter than a number of 32 bits says.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A digest of what is sent: equal bytes of one media type with equal metadata have equal tags in every process and release.
fn etag(mimetype: &str, metadata: &Metadata, body: &[u8]) -> String {
    let seed = xxh3_64(mimetype.as_bytes());
    let seed = match metadata.is_empty() {
        true => seed,
        false => xxh3_64_with_seed(metadata.encoded(), seed),
    };
    format!("\"{:032x}\"", xxh3_128_with_seed(body, seed))
}

/// `raw` is at least a header long.
fn checksum(raw: &[u8]) -> u64 {
    xxh3_64_with_seed(&raw[CREATED..], u64::from_le_bytes(array(raw, 0)))
}
