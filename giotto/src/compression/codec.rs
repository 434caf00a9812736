//! One body under one coding.
//!
//! After the last step of an invocation, at the first request for a page under a coding.
//!
//! The levels are the usual trade: a level more costs more time than it saves bytes. In microseconds and percent of
//! the size, measured on tables and JSON of 2, 20 and 200 KiB:
//!
//! | | 2 KiB | 20 KiB | 200 KiB |
//! |---|---|---|---|
//! | brotli 5 | 70 to 140, 32 % | 900 to 1,050, 25 % | 5,400 to 8,800, 22 % |
//! | zstd 3 | 12, 37 % | 65 to 95, 28 % | 1,050, 24 % |
//! | gzip 6 | 30, 35 % | 210 to 350, 26 % | 3,700 to 4,600, 23 % |

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;

use super::Coding;

const BROTLI_QUALITY: i32 = 5;
/// A smaller window makes the library choose a method that takes ten times as long.
const BROTLI_WINDOW: i32 = 22;
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: u32 = 6;

/// `body` under `coding`; `None` if that is not at least a tenth smaller.
pub(super) fn compress(coding: Coding, body: &[u8]) -> Option<Bytes> {
    let coded = match coding {
        Coding::Brotli => brotli(body),
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        Coding::Gzip => gzip(body),
    };
    // A compressor that writes to memory fails for lack of memory only: then the page is sent as it is.
    let coded = coded.ok()?;
    (coded.len() <= body.len() / 10 * 9).then(|| coded.into_boxed_slice().into())
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
