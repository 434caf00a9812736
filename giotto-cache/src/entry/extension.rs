//! The extension of an entry: what only some entries have, so that the others cost nothing for it.
//!
//! Part of the envelope (`codec.rs`), all numbers little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | length of the extension |
//! | 4..8 | version of the program |
//! | 8..16 | no new attempt to compute before, after one has failed; 0 = none has |
//! | 16..32 | the generation of its program and of everything in one, soft and hard |
//! | 32.. | tags: for each the length of its name (2 bytes), the name, its generation, soft and hard; behind them what is inherited besides (`inherited.rs`), of an entry that was made of others |
//!
//! In an envelope of version 3 and 4 this stands in front of the tags:
//!
//! | bytes | field |
//! |---|---|
//! | 32 | content coding of the body: 0 = none, 1 = zstd (RFC 8878) |
//! | 33..41 | length of the body without the coding; 0 without one |
//! | 41..43 | length of the metadata |
//! | 43.. | metadata (`metadata.rs`): a status and fields |
//!
//! And behind that in an envelope of version 4, of an entry that is kept for longer than it may be served:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | until when the entry is served in place of a computation that fails, in milliseconds since 1970 |

use std::ops::Range;

use bytes::{Buf, BufMut, BytesMut};

use super::inherited::{Inherited, Link, MARK, put_text, take_text};
use super::stamps::Stamps;
use super::zstd;
use crate::invalidation::generation::Generation;
use crate::metadata::{Metadata, is_sound};
use crate::scope::MAX_TAGS;

/// The length of an extension without tags, in an envelope of version 2.
pub(crate) const SHORTEST: usize = 32;
/// Where the metadata begins, in an envelope of version 3 or 4.
const METADATA: usize = SHORTEST + 11;

/// The length of the moment behind the metadata, in an envelope of version 4.
const ERROR_UNTIL: usize = 8;

/// The body is stored as it is.
const IDENTITY: u8 = 0;
const ZSTD: u8 = 1;

/// What only some entries have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) version: u32,
    /// No new attempt to compute before; 0 = none has failed.
    pub(crate) retry_at: u64,
    pub(crate) program: Generation,
    pub(crate) metadata: Metadata,
    /// The length of the body without its content coding, zstd; `None` if it has no coding.
    pub(crate) decoded_length: Option<u64>,
    pub(crate) tags: Vec<Stamp>,
    pub(crate) inherited: Inherited,
}

/// A tag, and its generation before the result was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) tag: String,
    pub(crate) generation: Generation,
}

/// Why the beginning of an extension cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Malformed,
    /// A later build has written it.
    UnknownCoding,
}

impl Extension {
    /// `error_until` is until when the entry is served after a failure, if it is kept for longer than that.
    pub(crate) fn encode(&self, error_until: Option<u64>) -> BytesMut {
        let length = METADATA + self.metadata.encoded().len() + ERROR_UNTIL;
        let mut raw = BytesMut::with_capacity(length);
        raw.put_u32_le(0);
        raw.put_u32_le(self.version);
        raw.put_u64_le(self.retry_at);
        self.program.put(&mut raw);
        if self.is_described() || error_until.is_some() {
            let metadata = self.metadata.encoded();
            raw.put_u8(self.decoded_length.map_or(IDENTITY, |_| ZSTD));
            raw.put_u64_le(self.decoded_length.unwrap_or(0));
            raw.put_u16_le(u16::try_from(metadata.len()).unwrap_or(u16::MAX));
            raw.put_slice(metadata);
        }
        if let Some(moment) = error_until {
            raw.put_u64_le(moment);
        }
        for Stamp { tag, generation } in &self.tags {
            put_text(&mut raw, tag);
            generation.put(&mut raw);
        }
        if !self.inherited.is_empty() {
            self.inherited.put(&mut raw);
        }
        let length = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        raw[..4].copy_from_slice(&length.to_le_bytes());
        raw
    }

    /// Whether it takes an envelope of version 3 at least.
    pub(crate) fn is_described(&self) -> bool {
        !self.metadata.is_empty() || self.decoded_length.is_some()
    }

    /// `None` if `raw`, a whole extension, is not one. `metadata` is what [`metadata`] has read from it, if it has some;
    /// `is_kept` says that it is one of version 4.
    pub(crate) fn decode(raw: &[u8], metadata: Option<Metadata>, is_kept: bool) -> Option<Self> {
        Self::decode_some(raw, metadata, is_kept, false)
    }

    /// The same of an extension whose last tags are not there if `is_cut`.
    pub(crate) fn decode_some(
        raw: &[u8],
        metadata: Option<Metadata>,
        is_kept: bool,
        is_cut: bool,
    ) -> Option<Self> {
        let mut head = raw.get(4..SHORTEST)?;
        let mut tags = match &metadata {
            None => raw.get(SHORTEST..)?,
            Some(_) => match raw.get(end_of_metadata(raw)? + moment_length(is_kept)..) {
                Some(tags) => tags,
                None if is_cut => &[],
                None => return None,
            },
        };
        let mut extension = Self {
            version: head.get_u32_le(),
            retry_at: head.get_u64_le(),
            program: Generation::take(&mut head)?,
            decoded_length: metadata.as_ref().and_then(|_| decoded_length(raw)),
            metadata: metadata.unwrap_or_default(),
            tags: Vec::new(),
            inherited: Inherited::default(),
        };
        while !tags.is_empty() {
            if let Some(rest) = tags.strip_prefix(&MARK.to_le_bytes()) {
                extension.inherited = Inherited::take_some(rest, is_cut)?;
                break;
            }
            if extension.tags.len() == MAX_TAGS {
                return None;
            }
            match Stamp::take(&mut tags) {
                Some(stamp) => extension.tags.push(stamp),
                None if is_cut => break,
                None => return None,
            }
        }
        Some(extension)
    }
}

impl Link {
    /// The names of its tags among the `stamps` of its entry.
    pub(crate) fn tags_of<'s>(&self, stamps: &'s [Stamp]) -> impl Iterator<Item = &'s str> {
        let mask = self.tags;
        let own = stamps.iter().enumerate();
        let own = own.filter(move |(at, _)| mask.checked_shr(*at as u32).unwrap_or(0) & 1 == 1);
        own.map(|(_, stamp)| stamp.tag.as_str())
    }
}

impl Stamp {
    fn take(tags: &mut &[u8]) -> Option<Self> {
        Some(Self {
            tag: take_text(tags)?.to_owned(),
            generation: Generation::take(tags)?,
        })
    }
}

/// The length of the extension that `raw` begins with; `None` if it is shorter than any.
pub(crate) fn length(mut raw: &[u8]) -> Option<usize> {
    let length = raw.try_get_u32_le().ok()? as usize;
    (length >= SHORTEST).then_some(length)
}

/// What decides besides the time, by `raw`, a whole extension; `None` if that cannot be read. `is_described` says that it is one
/// of an envelope of version 3 or 4.
pub(crate) fn stamps(raw: &[u8], is_described: bool, is_kept: bool) -> Option<Stamps<'_>> {
    let mut head = raw.get(4..SHORTEST)?;
    let version = head.get_u32_le();
    head.advance(8);
    let tags = match is_described {
        true => end_of_metadata(raw)? + moment_length(is_kept),
        false => SHORTEST,
    };
    Some(Stamps {
        version,
        program: Generation::take(&mut head)?,
        rest: raw.get(tags..)?,
    })
}

/// Whether `raw`, a whole extension in an envelope of version 3 or 4, has metadata that may be served and a coding that can be
/// decoded. Of what is `trusted`, the fields are not looked at.
pub(crate) fn check(raw: &[u8], trusted: bool) -> Result<(), Unreadable> {
    match raw.get(SHORTEST) {
        Some(&IDENTITY) => {}
        Some(&ZSTD) if zstd::IS_BUILT_IN => {}
        Some(_) => return Err(Unreadable::UnknownCoding),
        None => return Err(Unreadable::Malformed),
    }
    match metadata(raw) {
        Some(metadata) if trusted || is_sound(&raw[metadata.clone()]) => Ok(()),
        _ => Err(Unreadable::Malformed),
    }
}

/// Where the metadata is in `raw`, a whole extension that was [checked](check).
pub(crate) fn metadata(raw: &[u8]) -> Option<Range<usize>> {
    let end = end_of_metadata(raw).filter(|end| *end <= raw.len())?;
    Some(METADATA..end)
}

/// The length of the body without its coding by `raw`, a whole extension in an envelope of version 3 or 4; `None` if it has no
/// coding.
pub(crate) fn decoded_length(raw: &[u8]) -> Option<u64> {
    let mut coding = raw.get(SHORTEST..METADATA)?;
    (coding.get_u8() == ZSTD).then(|| coding.get_u64_le())
}

/// Until when the entry is served after a failure, by `raw`, a whole extension in an envelope of version 4.
pub(crate) fn error_until(raw: &[u8]) -> Option<u64> {
    let mut moment = raw.get(end_of_metadata(raw)?..)?;
    moment.try_get_u64_le().ok()
}

/// Where the metadata ends by what `raw` says, an extension in an envelope of version 3 or 4.
fn end_of_metadata(raw: &[u8]) -> Option<usize> {
    let mut length = raw.get(METADATA - 2..METADATA)?;
    Some(METADATA + usize::from(length.get_u16_le()))
}

/// The length of what stands between metadata and tags.
const fn moment_length(is_kept: bool) -> usize {
    if is_kept { ERROR_UNTIL } else { 0 }
}

/// Whether `raw`, a whole extension in an envelope of version 3 or, if `is_kept`, of version 4, has nothing but metadata.
pub(crate) fn only_describes(raw: &[u8], is_kept: bool) -> bool {
    let has_tags = end_of_metadata(raw).is_none_or(|end| raw.len() > end + moment_length(is_kept));
    !has_tags && raw[4..SHORTEST] == [0; SHORTEST - 4]
}
