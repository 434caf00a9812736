//! The content coding of the body of a POST (RFC 9110, 8.4).
//!
//! Part of the first step of an invocation over HTTP. What is not decoded here is refused, and never taken for what it would
//! be without its coding.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::problem::Problem;
use crate::compression::{Coding, Compression, decode};

/// The codings that are accepted (RFC 9110, 12.5.3).
const ACCEPTED: HeaderValue = HeaderValue::from_static(match Compression::IS_BUILT_IN {
    true => "br, zstd, gzip",
    false => "identity",
});

/// The coding that the body of a request has; `None` if it has none.
///
/// # Errors
///
/// 415, if it has more than one or one that is not accepted.
pub(super) fn coding_of(headers: &HeaderMap) -> Result<Option<Coding>, Problem> {
    let fields = headers.get_all(header::CONTENT_ENCODING).into_iter();
    let names = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    let mut coding = None;
    for name in names.map(<[u8]>::trim_ascii) {
        if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        let named = Coding::named(name).filter(|_| Compression::IS_BUILT_IN);
        if coding.replace(named.ok_or_else(unsupported)?).is_some() {
            return Err(unsupported());
        }
    }
    Ok(coding)
}

/// `body` without its `coding`, as far as that has at most so many bytes. The result has one more if it has more than `most`.
///
/// # Errors
///
/// 400, if the body does not have the coding.
pub(super) fn decoded(coding: Option<Coding>, body: Bytes, most: usize) -> Result<Bytes, Problem> {
    let Some(coding) = coding else {
        return Ok(body);
    };
    decode(coding, &body, most)
        .map(Bytes::from)
        .map_err(|_| Problem::bad("the body is not encoded as its Content-Encoding says"))
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
