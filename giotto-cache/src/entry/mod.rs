//! A stored result and what is known of it.
//!
//! Step 2 of a lookup: what a store returns becomes an [`Entry`] (`codec.rs` reads the bytes), and `freshness.rs` says what
//! may be done with it.

pub(crate) mod codec;
mod coded;
pub(crate) mod extension;
pub(crate) mod freshness;
pub(crate) mod head;
pub(crate) mod hit;
pub(crate) mod inherited;
#[cfg(not(feature = "zstd"))]
pub(crate) mod no_zstd;
pub(crate) mod stamps;
#[cfg(feature = "zstd")]
pub(crate) mod zstd;

#[cfg(not(feature = "zstd"))]
pub(crate) use no_zstd as zstd;

use std::time::Duration;

use bytes::Bytes;

use crate::clock::remaining;
use crate::entry::codec::{Draft, Envelope, Parts, Undecodable};
use crate::entry::coded::Coded;
use crate::entry::extension::Extension;
use crate::entry::inherited::Unstored;
use crate::key::{Key, unescape};
use crate::metadata::Metadata;
use crate::policy::Policy;
use crate::policy::clocks::Clocks;
use crate::signature::Signer;

/// A stored result and what is known of it. Cloning it copies no bytes.
#[derive(Clone, Debug)]
pub struct Entry {
    envelope: Envelope,
    /// Boxed, so that a plain hit, which has nothing of it, moves few bytes.
    beside: Option<Box<Beside>>,
}

/// What only some entries have.
#[derive(Clone, Debug, Default)]
struct Beside {
    /// Where its reader's policy allows less than what is written.
    limited: Option<Clocks>,
    /// What becomes of a body under a content coding.
    coded: Option<Coded>,
    /// Of a result that is not stored: what a computation inherits that is made of it.
    unstored: Option<Unstored>,
}

impl Entry {
    /// Seals `body`, the result of a computation that took `cost`, as the entry of `key` made at `now_ms`.
    #[doc(hidden)]
    #[must_use]
    pub fn seal(key: &Key, policy: Policy, now_ms: u64, cost: Duration, body: &[u8]) -> Self {
        Self::seal_described(key, policy, now_ms, cost, body, &Metadata::default())
    }

    /// The same with `metadata`.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_described(
        key: &Key,
        policy: Policy,
        now_ms: u64,
        cost: Duration,
        body: &[u8],
        metadata: &Metadata,
    ) -> Self {
        let draft = Draft {
            key,
            clocks: policy.clocks(now_ms, 0.0),
            cost,
            is_negative: false,
            has_own_time: false,
            extension: Extension {
                metadata: metadata.clone(),
                ..Extension::default()
            },
            body,
            etag: None,
        };
        Self::sealed(&draft, &Signer::default())
    }

    /// Opens stored bytes as the entry of `key`. The checksum is computed unless the bytes are `trusted`.
    #[doc(hidden)]
    pub fn open(raw: Bytes, key: &Key, trusted: bool) -> Result<Self, Undecodable> {
        Self::opened(raw, key, trusted, &Signer::default())
    }

    pub(crate) fn sealed(draft: &Draft<'_>, signer: &Signer) -> Self {
        Self {
            envelope: Envelope::seal(draft, signer),
            beside: None,
        }
    }

    pub(crate) fn opened(
        raw: Bytes,
        key: &Key,
        trusted: bool,
        signer: &Signer,
    ) -> Result<Self, Undecodable> {
        Ok(Self {
            envelope: Envelope::open(raw, key, trusted, signer)?,
            beside: None,
        })
    }

    /// The entry whose envelope is `raw`, with these `parts`.
    #[inline]
    pub(crate) const fn of(raw: Bytes, parts: Parts) -> Self {
        Self {
            envelope: Envelope::of(raw, parts),
            beside: None,
        }
    }

    /// The length of its envelope, in bytes.
    #[cfg(feature = "functions")]
    pub(crate) fn len(&self) -> usize {
        self.envelope.raw().len()
    }

    /// Its bytes, and where its parts are in them.
    #[cfg(feature = "functions")]
    #[inline]
    pub(crate) const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Limits the life of the entry to what `policy` allows, from when it was computed and from `now_ms`. Its clocks may have
    /// been written under another policy, by a machine whose clock is wrong, or by a hostile client of the store.
    /// `allows_own_time` says whether a time that the computation has set may be longer.
    pub(crate) fn limit(&mut self, policy: &Policy, allows_own_time: bool, now_ms: u64) {
        let written = self.envelope.clocks();
        let has_own_time = allows_own_time && self.envelope.has_own_time();
        let limited = written.limited(policy, self.is_negative(), has_own_time, now_ms);
        if limited != written {
            self.beside.get_or_insert_default().limited = Some(limited);
        } else if let Some(beside) = &mut self.beside {
            beside.limited = None;
        }
    }

    /// Whether the time to live of the entry has not passed at `now_ms`.
    #[must_use]
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.fresh_until()
    }

    /// How long the entry stays fresh from `now_ms` on; `None` = it never expires.
    #[must_use]
    pub fn fresh_for(&self, now_ms: u64) -> Option<Duration> {
        remaining(self.fresh_until(), now_ms)
    }

    /// How long ago the entry stopped being fresh at `now_ms`; zero while it is fresh.
    #[must_use]
    pub fn stale_for(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.fresh_until()))
    }

    /// How long a backend has to keep the entry from `now_ms` on; `None` = for ever.
    #[must_use]
    pub fn keep_for(&self, now_ms: u64) -> Option<Duration> {
        remaining(self.clocks().keep_until, now_ms)
    }

    /// When the entry was made, in milliseconds since 1970.
    #[must_use]
    pub fn created_ms(&self) -> u64 {
        self.envelope.created()
    }

    /// How long the result took to compute.
    #[must_use]
    pub fn cost(&self) -> Duration {
        Duration::from_micros(self.cost_us())
    }

    /// The same in microseconds.
    #[inline]
    pub(crate) fn cost_us(&self) -> u64 {
        self.envelope.cost_us()
    }

    /// Whether nothing but its time to live decides if it is served.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.envelope.is_plain()
    }

    /// Whether the result says "there is no such thing".
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.envelope.is_negative()
    }

    /// The names of its tags, as far as it was stored with them.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let extension = self.extension().unwrap_or_default();
        let stamps = extension.tags.into_iter();
        stamps.map(|stamp| stamp.tag).collect()
    }

    /// The names of its tags, and those of the programs of the results that it was made of.
    #[doc(hidden)]
    #[must_use]
    pub fn dependencies(&self) -> (Vec<String>, Vec<String>) {
        let extension = self.extension().unwrap_or_default();
        let programs = extension.inherited.programs.into_iter();
        let programs = programs.map(|(program, _)| unescape(&program));
        let tags = extension.tags.into_iter().map(|stamp| stamp.tag);
        (tags.collect(), programs.collect())
    }

    /// What belongs to the result besides its body; `None` if there is nothing.
    #[must_use]
    #[inline]
    pub fn metadata(&self) -> Option<Metadata> {
        let metadata = self.envelope.metadata()?;
        (!metadata.is_empty()).then_some(metadata)
    }

    /// Whether its metadata is this, and its body so many bytes long. Nothing is copied, or counted.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn is_described(&self, metadata: &Metadata, length: usize) -> bool {
        let own = match self.of_coded() {
            None => self.envelope.body_range().len(),
            Some(_) => self.body().len(),
        };
        own == length && self.envelope.raw_metadata() == Some(&metadata.encoded()[..])
    }

    /// The strong entity tag of the representation, quotes included (RFC 9110, 8.8.3). It changes with the media type, the
    /// body and the metadata.
    #[must_use]
    pub fn etag(&self) -> Bytes {
        self.envelope.etag()
    }

    /// The result itself.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let stored = self.envelope.body();
        match self.of_coded() {
            None => stored,
            Some(coded) => coded.body(&stored),
        }
    }

    /// The result itself, lent; empty if it is stored under a content coding that its caller accepts.
    #[cfg(feature = "functions")]
    #[inline]
    pub(crate) fn lend_body(&self) -> &[u8] {
        match self.of_coded() {
            None => &self.envelope.raw()[self.envelope.body_range()],
            Some(coded) => coded.decoded().unwrap_or_default(),
        }
    }

    /// The result itself, and nothing else of the entry.
    #[must_use]
    #[inline]
    pub fn into_body(mut self) -> Bytes {
        self.take_body()
    }

    /// The same, for a caller that does not read the entry any more.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn take_body(&mut self) -> Bytes {
        match self.of_coded() {
            None => self.envelope.take_body(),
            Some(_) => self.body(),
        }
    }

    #[inline]
    fn of_coded(&self) -> Option<&Coded> {
        self.beside.as_ref()?.coded.as_ref()
    }

    /// The result under the content coding zstd, if it is stored so and was looked up by a caller that
    /// [accepts](crate::Lookup::accept_coded) it. Its bytes are as unverified as all that a store returns; if they cannot be
    /// decoded, [`body`](Self::body) is empty.
    #[must_use]
    #[inline]
    pub fn coded(&self) -> Option<Bytes> {
        let is_decoded = self.of_coded()?.is_decoded();
        (!is_decoded).then(|| self.envelope.body())
    }

    /// Decodes the body, if it is stored under a coding and is not longer than `longest` without it. With `accepts_coded` it
    /// is left as it is.
    #[inline]
    pub(crate) fn decode(
        &mut self,
        longest: usize,
        accepts_coded: bool,
    ) -> Result<(), Undecodable> {
        match self.envelope.decoded_length() {
            None => Ok(()),
            Some(length) => self.decode_body(length, longest, accepts_coded),
        }
    }

    #[cold]
    fn decode_body(
        &mut self,
        length: u64,
        longest: usize,
        accepts_coded: bool,
    ) -> Result<(), Undecodable> {
        if self.of_coded().is_none_or(|coded| !coded.is_decoded()) {
            let stored = self.envelope.body();
            let coded = Coded::read(&stored, length, longest, accepts_coded)?;
            self.beside.get_or_insert_default().coded = Some(coded);
        }
        Ok(())
    }

    /// The envelope of the same entry of `key` with its body under the content coding zstd, which is `coded`.
    pub(crate) fn with_coded(&self, key: &Key, coded: &[u8], signer: &Signer) -> Option<Bytes> {
        let extension = Extension {
            decoded_length: Some(self.body().len() as u64),
            ..self.extension()?
        };
        let entry = self.sealed_again(key, self.clocks(), extension, coded, signer);
        Some(entry.to_bytes())
    }

    /// The whole envelope, as a backend stores it.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.envelope.raw().clone()
    }

    /// As they are written, but never later than its reader's policy allows.
    pub(crate) fn clocks(&self) -> Clocks {
        self.limited().unwrap_or_else(|| self.envelope.clocks())
    }

    fn fresh_until(&self) -> u64 {
        let limited = self.limited().map(|limited| limited.fresh_until);
        limited.unwrap_or_else(|| self.envelope.fresh_until())
    }

    #[inline]
    fn limited(&self) -> Option<Clocks> {
        self.beside.as_ref()?.limited
    }

    /// Says that it is not stored, and what a computation inherits that is made of it.
    pub(crate) fn set_unstored(&mut self, unstored: Unstored) {
        self.beside.get_or_insert_default().unstored = Some(unstored);
    }

    pub(crate) fn unstored(&self) -> Option<Unstored> {
        self.beside.as_ref()?.unstored
    }

    /// `None` if the entry has an extension that cannot be read.
    pub(crate) fn extension(&self) -> Option<Extension> {
        self.envelope.extension()
    }

    /// The same result with other clocks and another extension.
    pub(crate) fn resealed(
        &self,
        key: &Key,
        clocks: Clocks,
        extension: Extension,
        signer: &Signer,
    ) -> Self {
        let body = &self.envelope.raw()[self.envelope.body_range()];
        self.sealed_again(key, clocks, extension, body, signer)
    }

    fn sealed_again(
        &self,
        key: &Key,
        clocks: Clocks,
        extension: Extension,
        body: &[u8],
        signer: &Signer,
    ) -> Self {
        let draft = Draft {
            key,
            clocks,
            cost: self.cost(),
            is_negative: self.is_negative(),
            has_own_time: self.envelope.has_own_time(),
            extension,
            body,
            etag: Some(self.etag()),
        };
        let mut entry = Self::sealed(&draft, signer);
        if let Some(coded) = self.of_coded() {
            entry.beside.get_or_insert_default().coded = Some(coded.clone());
        }
        entry
    }
}
