//! What a request of HTTP says: its path, arguments, body and wishes, within limits.
//!
//! The first step of an invocation over HTTP.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::problem::Problem;
use crate::request::Value;

const MAX_URI: usize = 16 << 10;
const MAX_HEAD: usize = 32 << 10;
const MAX_BODY: usize = 1 << 20;
const MAX_PAIRS: usize = 1_000;

/// A body has this long to begin, and then so many bytes a second to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
const BODY_BYTES_PER_SECOND: usize = 1 << 10;

const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

pub(super) fn check_size(head: &Parts) -> Result<(), Problem> {
    let uri = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    if uri > MAX_URI {
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "the address is too long: 16 KiB at most",
        ));
    }
    let fields: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if uri + fields > MAX_HEAD {
        let message = "the header fields are too large: 32 KiB at most";
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            message,
        ));
    }
    Ok(())
}

/// The segments of a path, decoded after it was split: `%2F` is part of a segment.
pub(super) fn segments(path: &str) -> Result<Vec<Cow<'_, str>>, Problem> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/')
        .map(|segment| decode(Cow::Borrowed(segment)))
        .collect()
}

/// Adds the pairs of a query or a form to `data`.
pub(super) fn pairs<'q>(
    query: &'q str,
    data: &mut Vec<(Cow<'q, str>, Value<'q>)>,
) -> Result<(), Problem> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if data.len() == MAX_PAIRS {
            return Err(Problem::bad("too many arguments: 1,000 at most"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        data.push((decode_form(name)?, Value::Text(decode_form(value)?)));
    }
    Ok(())
}

fn decode_form(text: &str) -> Result<Cow<'_, str>, Problem> {
    match text.contains('+') {
        true => decode(Cow::Owned(text.replace('+', " "))),
        false => decode(Cow::Borrowed(text)),
    }
}

fn decode(text: Cow<'_, str>) -> Result<Cow<'_, str>, Problem> {
    if !text.contains('%') {
        return Ok(text);
    }
    let decoded = percent_decode_str(&text).decode_utf8().map(Cow::into_owned);
    decoded.map(Cow::Owned).map_err(|_| {
        Problem::bad(format!(
            "{text:?} is not UTF-8: percent-encode the bytes of UTF-8 text"
        ))
    })
}

/// Reads a body that is neither too large nor too slow.
pub(super) async fn read<B: http_body::Body>(body: B) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large: 1 MiB at most",
        )
    };
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    let started = Instant::now();
    loop {
        let patience =
            BODY_PATIENCE + Duration::from_secs((bytes.len() / BODY_BYTES_PER_SECOND) as u64);
        match tokio::time::timeout_at(started + patience, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    bytes.put(data);
                }
            }
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Err(_))) => return Err(Problem::bad("the body ended early")),
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "the body is too slow",
                ));
            }
        }
        if bytes.len() > MAX_BODY {
            return Err(too_large());
        }
    }
}

/// Adds what was posted, a form or a JSON object, to `data`.
pub(super) fn posted_data<'b>(
    headers: &HeaderMap,
    body: &'b [u8],
    data: &mut Vec<(Cow<'b, str>, Value<'b>)>,
) -> Result<(), Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    match essence.to_ascii_lowercase().as_slice() {
        b"application/x-www-form-urlencoded" | b"" => {
            let form =
                std::str::from_utf8(body).map_err(|_| Problem::bad("the form is not UTF-8"))?;
            pairs(form, data)
        }
        b"application/json" => {
            let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body)
                .map_err(|error| Problem::bad(format!("the body is not a JSON object: {error}")))?;
            if members.len() + data.len() > MAX_PAIRS {
                return Err(Problem::bad("too many arguments: 1,000 at most"));
            }
            data.extend(
                members
                    .into_iter()
                    .map(|(name, value)| (name.into(), Value::Json(value))),
            );
            Ok(())
        }
        _ => {
            let message = "post a form (application/x-www-form-urlencoded) or a JSON object (application/json)";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}

/// What the client accepts. A script that says nothing but what it is gets JSON.
pub(super) fn accept(headers: &HeaderMap) -> Cow<'_, str> {
    let mut fields = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|field| field.to_str().ok());
    let first = fields.next().unwrap_or("*/*");
    if let Some(second) = fields.next() {
        return [first, second]
            .into_iter()
            .chain(fields)
            .collect::<Vec<_>>()
            .join(",")
            .into();
    }
    let is_script = || {
        headers
            .get(X_REQUESTED_WITH)
            .is_some_and(|by| by == "XMLHttpRequest")
    };
    match first {
        "*/*" | "" if is_script() => "application/json, */*;q=0.1".into(),
        first => first.into(),
    }
}
