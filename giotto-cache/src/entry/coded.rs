//! A body that is stored under the content coding zstd.
//!
//! Step 2 of a lookup decodes it, unless the caller takes it as it is.

use bytes::Bytes;

use super::zstd;
use crate::entry::codec::Undecodable;

/// What becomes of a body that is stored under the coding.
#[derive(Clone, Debug)]
pub(crate) enum Coded {
    /// As it is stored; its length without the coding.
    Undecoded(usize),
    Decoded(Bytes),
}

impl Coded {
    /// Decodes `stored`, unless the caller accepts it `as_it_is`. The length without the coding is what the entry says, and
    /// must not be more than `longest`: any client of the store may have written it.
    pub(crate) fn read(
        stored: &[u8],
        length: u64,
        longest: usize,
        as_it_is: bool,
    ) -> Result<Self, Undecodable> {
        let length = usize::try_from(length).ok();
        let length = length.filter(|length| *length <= longest);
        let length = length.ok_or(Undecodable::Coded)?;
        match as_it_is {
            true => Ok(Self::Undecoded(length)),
            false => {
                let body = zstd::decode(stored, length).ok_or(Undecodable::Coded)?;
                Ok(Self::Decoded(body))
            }
        }
    }

    pub(crate) const fn is_decoded(&self) -> bool {
        matches!(self, Self::Decoded(_))
    }

    /// The body without the coding, if it was decoded.
    #[cfg(feature = "functions")]
    pub(crate) fn decoded(&self) -> Option<&[u8]> {
        match self {
            Self::Decoded(body) => Some(body),
            Self::Undecoded(_) => None,
        }
    }

    /// The body without the coding; empty if `stored` cannot be decoded.
    pub(crate) fn body(&self, stored: &[u8]) -> Bytes {
        match self {
            Self::Decoded(body) => body.clone(),
            Self::Undecoded(length) => zstd::decode(stored, *length).unwrap_or_default(),
        }
    }
}
