//! One body under one coding, and out of one.
//!
//! After the last step of an invocation, at the first request for a page under a coding; and in the first step over HTTP, where
//! the body of a request has one.
//!
//! The levels are the usual trade: a level more costs more time than it saves bytes. In microseconds and percent of
//! the size, measured on tables and JSON of 2, 20 and 200 KiB:
//!
//! | | 2 KiB | 20 KiB | 200 KiB |
//! |---|---|---|---|
//! | brotli 5 | 70 to 140, 32 % | 900 to 1,050, 25 % | 5,400 to 8,800, 22 % |
//! | zstd 3 | 12, 37 % | 65 to 95, 28 % | 1,050, 24 % |
//! | gzip 6 | 30, 35 % | 210 to 350, 26 % | 3,700 to 4,600, 23 % |

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::Coding;

const BROTLI_QUALITY: i32 = 5;
/// A smaller window makes the library choose a method that takes ten times as long.
const BROTLI_WINDOW: i32 = 22;
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: u32 = 6;
/// The logarithm of the most memory that a client may have zstd use (RFC 9659).
const ZSTD_WINDOW: u32 = 23;

/// `body` under `coding`; `None` if that is not at least a tenth smaller.
pub(super) fn compress(coding: Coding, body: &[u8]) -> Option<Bytes> {
    // A compressor that writes to memory fails for lack of memory only: then the page is sent as it is.
    let coded = encode(coding, body).ok()?;
    (coded.len() <= body.len() / 10 * 9).then(|| coded.into_boxed_slice().into())
}

/// `body` without its `coding`, and no more than `most` bytes of that and one more.
///
/// # Errors
///
/// If it does not have the coding.
pub(crate) fn decode(coding: Coding, body: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let reader: Box<dyn Read + '_> = match coding {
        Coding::Brotli => Box::new(brotli::Decompressor::new(body, 4 << 10)),
        Coding::Gzip => Box::new(MultiGzDecoder::new(body)),
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
    };
    let mut decoded = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut decoded)?;
    Ok(decoded)
}

fn encode(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Brotli => brotli(body),
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        Coding::Gzip => gzip(body),
    }
}

fn brotli(mut body: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        size_hint: body.len(),
        ..Default::default()
    };
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut body, &mut coded, &parameters)?;
    Ok(coded)
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::new(GZIP_LEVEL));
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    fn encoded(coding: Coding, body: &[u8]) -> Vec<u8> {
        encode(coding, body).unwrap()
    }

    #[test]
    fn a_body_is_what_was_encoded() {
        for coding in Coding::ALL {
            for body in [&b""[..], b"x=12", &[b'a'; MOST]] {
                let coded = encoded(coding, body);
                let decoded = decode(coding, &coded, MOST).unwrap();
                assert_eq!(decoded, body, "{coding:?}");
            }
        }
        let members = [encoded(Coding::Gzip, b"x="), encoded(Coding::Gzip, b"12")].concat();
        let decoded = decode(Coding::Gzip, &members, MOST).unwrap();
        assert_eq!(decoded, &b"x=12"[..]);
    }

    #[test]
    fn of_a_bomb_one_byte_more_than_allowed_is_decoded() {
        for coding in Coding::ALL {
            let bomb = encoded(coding, &vec![0; 4 << 20]);
            assert!(bomb.len() < MOST, "{coding:?}");
            let decoded = decode(coding, &bomb, MOST).unwrap();
            assert_eq!(decoded.len(), MOST + 1, "{coding:?}");
        }
    }

    #[test]
    fn a_body_that_is_not_encoded_so_is_refused() {
        for coding in Coding::ALL {
            let whole = encoded(coding, b"x=12&text=a long text, a long text, a long text");
            for length in 0..whole.len() {
                assert!(
                    decode(coding, &whole[..length], MOST).is_err(),
                    "{coding:?} {length}"
                );
            }
            for garbage in [&b"x=12"[..], &[0xff; 64]] {
                assert!(decode(coding, garbage, MOST).is_err(), "{coding:?}");
            }
        }
    }

    #[test]
    fn a_client_does_not_choose_how_much_memory_zstd_uses() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(ZSTD_WINDOW + 1).unwrap();
        encoder.write_all(&vec![b'a'; 32 << 20]).unwrap();
        let coded = encoder.finish().unwrap();
        assert!(decode(Coding::Zstd, &coded, MOST).is_err());
    }
}
