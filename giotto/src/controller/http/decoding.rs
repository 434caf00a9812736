//! The content coding of the body of a POST (RFC 9110, 8.4).
//!
//! Part of the first step of an invocation over HTTP. What is not decoded here is refused, and never taken for what it would
//! be without its coding.

#[cfg(feature = "compression")]
use std::io::{self, Read};

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::problem::Problem;

/// The codings that are accepted (RFC 9110, 12.5.3).
#[cfg(feature = "compression")]
const ACCEPTED: HeaderValue = HeaderValue::from_static("br, zstd, gzip");
#[cfg(not(feature = "compression"))]
const ACCEPTED: HeaderValue = HeaderValue::from_static("identity");

/// The logarithm of the most memory that a client may have zstd use (RFC 9659).
#[cfg(feature = "compression")]
const ZSTD_WINDOW: u32 = 23;

/// The coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    #[cfg(feature = "compression")]
    Brotli,
    #[cfg(feature = "compression")]
    Zstd,
    #[cfg(feature = "compression")]
    Gzip,
}

impl Coding {
    /// The coding that the body of a request has.
    ///
    /// # Errors
    ///
    /// 415, if it has more than one or one that is not accepted.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let fields = headers.get_all(header::CONTENT_ENCODING).into_iter();
        let names = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
        let names = names.map(<[u8]>::trim_ascii);
        let mut coding = Self::Identity;
        for name in names.filter(|name| !name.is_empty()) {
            let named = Self::named(name).ok_or_else(unsupported)?;
            if named != Self::Identity && coding != Self::Identity {
                return Err(unsupported());
            }
            if named != Self::Identity {
                coding = named;
            }
        }
        Ok(coding)
    }

    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"identity" => Some(Self::Identity),
            #[cfg(feature = "compression")]
            b"br" => Some(Self::Brotli),
            #[cfg(feature = "compression")]
            b"zstd" => Some(Self::Zstd),
            #[cfg(feature = "compression")]
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            _ => None,
        }
    }

    /// `body` without its coding, as far as that has at most so many bytes. The result has one more if it has more than `most`.
    ///
    /// # Errors
    ///
    /// 400, if the body does not have the coding.
    #[cfg(feature = "compression")]
    pub(super) fn decoded(self, body: Bytes, most: usize) -> Result<Bytes, Problem> {
        if self == Self::Identity {
            return Ok(body);
        }
        let mut decoded = Vec::new();
        let read = self
            .reader(&body)
            .and_then(|reader| reader.take(most as u64 + 1).read_to_end(&mut decoded));
        match read {
            Ok(_) => Ok(decoded.into()),
            Err(_) => Err(Problem::bad(
                "the body is not encoded as its Content-Encoding says",
            )),
        }
    }

    #[cfg(feature = "compression")]
    fn reader(self, body: &[u8]) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Identity => Box::new(body),
            Self::Brotli => Box::new(brotli::Decompressor::new(body, 4 << 10)),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
        })
    }

    /// `body`, which has no coding.
    #[cfg(not(feature = "compression"))]
    pub(super) fn decoded(self, body: Bytes, _: usize) -> Result<Bytes, Problem> {
        Ok(body)
    }
}

/// 415.
fn unsupported() -> Problem {
    let accepted = ACCEPTED;
    let message = format!(
        "a body with this Content-Encoding is not accepted, but {}",
        accepted.to_str().unwrap_or_default()
    );
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
        .field(header::ACCEPT_ENCODING, accepted)
}

#[cfg(feature = "compression")]
#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MOST: usize = 1 << 20;

    fn encoded(coding: Coding, body: &[u8]) -> Vec<u8> {
        let mut body = body;
        let mut coded = Vec::new();
        match coding {
            Coding::Identity => coded.extend(body),
            Coding::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: 1,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut body, &mut coded, &parameters).unwrap();
            }
            Coding::Zstd => coded = zstd::bulk::compress(body, 3).unwrap(),
            Coding::Gzip => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::GzEncoder::new(coded, level);
                encoder.write_all(body).unwrap();
                coded = encoder.finish().unwrap();
            }
        }
        coded
    }

    const CODED: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    #[test]
    fn a_body_is_what_was_encoded() {
        for coding in [&[Coding::Identity][..], &CODED].concat() {
            for body in [&b""[..], b"x=12", &[b'a'; MOST]] {
                let coded = encoded(coding, body);
                let decoded = coding.decoded(coded.into(), MOST).unwrap();
                assert_eq!(decoded, body, "{coding:?}");
            }
        }
        let members = [encoded(Coding::Gzip, b"x="), encoded(Coding::Gzip, b"12")].concat();
        let decoded = Coding::Gzip.decoded(members.into(), MOST).unwrap();
        assert_eq!(decoded, &b"x=12"[..]);
    }

    #[test]
    fn of_a_bomb_one_byte_more_than_allowed_is_decoded() {
        for coding in CODED {
            let bomb = encoded(coding, &vec![0; 4 << 20]);
            assert!(bomb.len() < MOST, "{coding:?}");
            let decoded = coding.decoded(bomb.into(), MOST).unwrap();
            assert_eq!(decoded.len(), MOST + 1, "{coding:?}");
        }
    }

    #[test]
    fn a_body_that_is_not_encoded_so_is_refused() {
        for coding in CODED {
            let whole = encoded(coding, b"x=12&text=a long text, a long text, a long text");
            for length in 0..whole.len() {
                let part = Bytes::copy_from_slice(&whole[..length]);
                assert!(coding.decoded(part, MOST).is_err(), "{coding:?} {length}");
            }
            for garbage in [&b"x=12"[..], &[0xff; 64]] {
                let garbage = Bytes::from_static(garbage);
                assert!(coding.decoded(garbage, MOST).is_err(), "{coding:?}");
            }
        }
    }

    #[test]
    fn a_client_does_not_choose_how_much_memory_zstd_uses() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(ZSTD_WINDOW + 1).unwrap();
        encoder.write_all(&vec![b'a'; 32 << 20]).unwrap();
        let coded = encoder.finish().unwrap();
        assert!(Coding::Zstd.decoded(coded.into(), MOST).is_err());
    }
}
