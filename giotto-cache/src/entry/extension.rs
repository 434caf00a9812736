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
//! | 32.. | tags: for each the length of its name (2 bytes), the name, its generation, soft and hard |

use bytes::{Buf, BufMut, BytesMut};

use crate::invalidation::generation::Generation;
use crate::scope::MAX_TAGS;

/// The length of an extension without tags.
pub(crate) const SHORTEST: usize = 32;

/// What only some entries have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) version: u32,
    /// No new attempt to compute before; 0 = none has failed.
    pub(crate) retry_at: u64,
    pub(crate) program: Generation,
    pub(crate) tags: Vec<Stamp>,
}

/// A tag, and its generation before the result was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) tag: String,
    pub(crate) generation: Generation,
}

impl Extension {
    pub(crate) fn encode(&self) -> BytesMut {
        let mut raw = BytesMut::with_capacity(SHORTEST);
        raw.put_u32_le(0);
        raw.put_u32_le(self.version);
        raw.put_u64_le(self.retry_at);
        self.program.put(&mut raw);
        for Stamp { tag, generation } in &self.tags {
            raw.put_u16_le(u16::try_from(tag.len()).unwrap_or(u16::MAX));
            raw.put_slice(tag.as_bytes());
            generation.put(&mut raw);
        }
        let length = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        raw[..4].copy_from_slice(&length.to_le_bytes());
        raw
    }

    /// `None` if `raw`, which follows the length of the extension, is not one.
    pub(crate) fn decode(mut raw: &[u8]) -> Option<Self> {
        let mut extension = Self {
            version: raw.try_get_u32_le().ok()?,
            retry_at: raw.try_get_u64_le().ok()?,
            program: Generation::take(&mut raw)?,
            tags: Vec::new(),
        };
        while !raw.is_empty() {
            if extension.tags.len() == MAX_TAGS {
                return None;
            }
            let length = usize::from(raw.try_get_u16_le().ok()?);
            let (tag, rest) = raw.split_at_checked(length)?;
            raw = rest;
            extension.tags.push(Stamp {
                tag: std::str::from_utf8(tag).ok()?.to_owned(),
                generation: Generation::take(&mut raw)?,
            });
        }
        Some(extension)
    }
}
