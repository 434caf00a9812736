//! A result under the content coding zstd (RFC 8878).
//!
//! Step 2 of a lookup decodes what step 6 has coded. Any client of the store may have written the bytes: what is decoded is
//! bounded by a length that the caller has checked.

use bytes::Bytes;

/// The usual trade: 1.1 ms for 200 KiB of HTML, to a quarter of the size. Decoding takes a quarter of that.
const LEVEL: i32 = 3;

/// Whether this build reads and writes the coding.
pub(crate) const IS_BUILT_IN: bool = true;

/// `body` under the coding; `None` if that is not at least a tenth smaller.
pub(crate) fn encode(body: &[u8]) -> Option<Bytes> {
    let coded = zstd::bulk::compress(body, LEVEL).ok()?;
    (coded.len() <= body.len() / 10 * 9).then(|| coded.into())
}

/// What `coded` is under the coding; `None` unless that is exactly `length` bytes. No more memory is used.
pub(crate) fn decode(coded: &[u8], length: usize) -> Option<Bytes> {
    let mut body = Vec::new();
    body.try_reserve_exact(length).ok()?;
    // The library writes no further than the capacity, whatever the coded bytes say.
    let mut decoder = zstd::bulk::Decompressor::new().ok()?;
    let decoded = decoder.decompress_to_buffer(coded, &mut body).ok()?;
    (decoded == length).then(|| body.into())
}
