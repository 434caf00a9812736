//! Content codings (RFC 9110, 8.4.1), and the pages that are kept under them.
//!
//! After the last step of an invocation: a controller whose client accepts a coding asks for the coded page. And in the first
//! step over HTTP, where the body of a request has a coding.
//! `variants.rs` keeps what `codec.rs` compresses; without the feature `compression`, `off.rs` stands in for both.

#[cfg(feature = "compression")]
mod codec;
#[cfg(not(feature = "compression"))]
mod off;
#[cfg(feature = "compression")]
mod variants;

use bytes::Bytes;
use giotto_cache::Entry;

#[cfg(feature = "compression")]
pub(crate) use codec::decode;
#[cfg(not(feature = "compression"))]
pub(crate) use off::{Compression, decode};
#[cfg(feature = "compression")]
pub(crate) use variants::Compression;

/// A coding of a page, or of the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

/// Whether and how a page is coded when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentCoding {
    /// It may be coded: nothing has been decided yet.
    Open,
    /// As it is for every client.
    Never,
    /// As it is for this client; another one may get it coded.
    Identity,
    Coded(Coding),
}

/// A page under a coding.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    pub(crate) body: Bytes,
    /// The entity tag of this representation, with its quotes.
    pub(crate) etag: Bytes,
}

impl Coded {
    /// A page as it is stored, under zstd, for a caller that takes it so.
    #[inline]
    pub(crate) fn stored(entry: &Entry) -> Option<Self> {
        let body = entry.coded()?;
        let etag = Coding::Zstd.etag(&entry.etag())?.into();
        Some(Self { body, etag })
    }
}

impl Coding {
    /// All of them, those that the server prefers first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of this name, in any case; `x-gzip` is another name of gzip (RFC 9110, 8.4.1.3).
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let gzip = name.eq_ignore_ascii_case(b"x-gzip").then_some(Self::Gzip);
        let mut all = Self::ALL.into_iter();
        gzip.or_else(|| all.find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes())))
    }

    /// What the entity tag of a page ends in under this coding.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Zstd => "-zstd",
            Self::Gzip => "-gz",
        }
    }

    /// The entity tag, with its quotes, of the page whose own tag is `etag`; `None` if that is no strong tag.
    pub(crate) fn etag(self, etag: &[u8]) -> Option<Vec<u8>> {
        let opaque = etag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some([b"\"", opaque, self.suffix().as_bytes(), b"\""].concat())
    }
}
