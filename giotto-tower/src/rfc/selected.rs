//! What is selected of a response, and the fields of that.
//!
//! A ground file of the rules: `conditional.rs` and `range.rs` select.

use std::ops::Range;

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What describes a response that was asked for. It does not describe a 416 in its place, neither does its lifetime.
const OF_THE_RESPONSE: [HeaderName; 8] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    ETAG,
    LAST_MODIFIED,
    CACHE_CONTROL,
    EXPIRES,
    HeaderName::from_static("cdn-cache-control"),
];
/// The fields that describe the bytes of a body. A 304 has none.
const OF_THE_BODY: [HeaderName; 5] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
];

/// What a client gets of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    Full,
    /// 304: the client has it already.
    NotModified,
    /// 206: these bytes of the body.
    Partial(Range<u64>),
    /// 416: the body does not have the bytes that the client asks for.
    Unsatisfiable,
}

impl Selected {
    /// Makes the fields of a full response those of what is selected, and returns its status, or `None` for that of the
    /// response.
    pub(crate) fn write(&self, headers: &mut HeaderMap, length: u64) -> Option<StatusCode> {
        let content_range = |value: String| HeaderValue::try_from(value).ok();
        let mut insert = |name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        };
        match self {
            Self::Full => None,
            Self::NotModified => {
                // RFC 9110, 15.4.5: besides these, the fields of a 304 guide the cache that gets it.
                for name in OF_THE_BODY {
                    headers.remove(name);
                }
                Some(StatusCode::NOT_MODIFIED)
            }
            Self::Partial(Range { start, end }) => {
                let last = end.saturating_sub(1);
                let part = format!("bytes {start}-{last}/{length}");
                insert(CONTENT_RANGE, content_range(part));
                insert(CONTENT_LENGTH, Some(end.saturating_sub(*start).into()));
                Some(StatusCode::PARTIAL_CONTENT)
            }
            Self::Unsatisfiable => {
                insert(CONTENT_RANGE, content_range(format!("bytes */{length}")));
                insert(CONTENT_LENGTH, Some(0.into()));
                for name in OF_THE_RESPONSE {
                    headers.remove(name);
                }
                Some(StatusCode::RANGE_NOT_SATISFIABLE)
            }
        }
    }
}
