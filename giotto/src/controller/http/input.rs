//! What a request of HTTP says: its path, arguments, body and wishes, within limits.
//!
//! The first step of an invocation over HTTP.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{StatusCode, Uri, Version};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::problem::Problem;
use crate::request::{Pairs, Segments, Value};

const MAX_URI: usize = 16 << 10;
const MAX_HEAD: usize = 32 << 10;
const MAX_BODY: usize = 1 << 20;
const MAX_PAIRS: usize = 1_000;

/// A body has this long to begin, and then so many bytes a second to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
const BODY_BYTES_PER_SECOND: usize = 1 << 10;

/// What the fields of a request's head say that matters here, read in one pass.
#[derive(Debug, Default)]
pub(super) struct Fields<'r> {
    /// What the client accepts; `*/*` if it does not say.
    pub(super) accept: Cow<'r, str>,
    /// The values of `If-None-Match`.
    pub(super) known: Vec<&'r [u8]>,
    hosts: usize,
    bytes: usize,
}

impl<'r> Fields<'r> {
    pub(super) fn read(headers: &'r HeaderMap) -> Self {
        let mut fields = Self::default();
        let mut is_script = false;
        for (name, value) in headers {
            let name = name.as_str();
            fields.bytes += name.len() + value.len() + 4;
            match name {
                "accept" => fields.also_accept(value.to_str().unwrap_or_default()),
                "host" => fields.hosts += 1,
                "if-none-match" => fields.known.push(value.as_bytes()),
                "x-requested-with" => is_script = value == "XMLHttpRequest",
                _ => {}
            }
        }
        if matches!(&*fields.accept, "" | "*/*") {
            // A script that says nothing but what it is gets JSON.
            fields.accept = if is_script {
                "application/json, */*;q=0.1"
            } else {
                "*/*"
            }
            .into();
        }
        fields
    }

    fn also_accept(&mut self, accept: &'r str) {
        match self.accept.is_empty() {
            true => self.accept = accept.into(),
            false => self.accept.to_mut().extend([",", accept]),
        }
    }

    /// Whether there is the one `Host` that a request of HTTP/1.1 has (RFC 9112, 3.2).
    pub(super) fn check_host(&self, version: Version) -> Result<(), Problem> {
        match self.hosts {
            1 => Ok(()),
            0 if version < Version::HTTP_11 => Ok(()),
            _ => Err(Problem::bad("a request has exactly one Host field")),
        }
    }

    /// Whether the address and the fields are within limits.
    pub(super) fn check_size(&self, uri: &Uri) -> Result<(), Problem> {
        let uri = uri.path().len() + uri.query().map_or(0, str::len);
        if uri > MAX_URI {
            let message = "the address is too long: 16 KiB at most";
            return Err(Problem::new(StatusCode::URI_TOO_LONG, message));
        }
        if uri + self.bytes > MAX_HEAD {
            let message = "the header fields are too large: 32 KiB at most";
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Problem::new(status, message));
        }
        Ok(())
    }
}

/// The segments of a path, decoded after it was split: `%2F` is part of a segment.
pub(super) fn segments(path: &str) -> Result<Segments<'_>, Problem> {
    let path = match path.strip_prefix('/') {
        Some(path) => path,
        None if path == "*" => path, // of OPTIONS
        // `GET page` names a host (RFC 9112, 3.2.3), not the program at the root.
        None => return Err(Problem::bad("the target of a request begins with a slash")),
    };
    let mut rest = path.strip_suffix('/').unwrap_or(path);
    if rest.is_empty() {
        return Ok(Segments::new());
    }
    let mut segments = Segments::new();
    while let Some((segment, after)) = cut(rest, b'/') {
        segments.push(decode(segment.into())?);
        rest = after;
    }
    segments.push(decode(rest.into())?);
    Ok(segments)
}

/// Adds the pairs of a query or a form to `data`.
pub(super) fn pairs<'q>(query: &'q str, data: &mut Pairs<'q>) -> Result<(), Problem> {
    let mut rest = query;
    while !rest.is_empty() {
        let (pair, after) = cut(rest, b'&').unwrap_or((rest, ""));
        rest = after;
        if pair.is_empty() {
            continue;
        }
        if data.len() == MAX_PAIRS {
            return Err(Problem::bad("too many arguments: 1,000 at most"));
        }
        let (name, value) = cut(pair, b'=').unwrap_or((pair, ""));
        data.push((decode_form(name)?, Value::Text(decode_form(value)?)));
    }
    Ok(())
}

/// `text` before and after the first `separator`, which is ASCII. Most texts here are a few bytes long, and
/// there a plain loop is several times faster than a search made for long ones.
fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

fn decode_form(text: &str) -> Result<Cow<'_, str>, Problem> {
    match text.bytes().any(|byte| byte == b'+') {
        true => decode(Cow::Owned(text.replace('+', " "))),
        false => decode(Cow::Borrowed(text)),
    }
}

fn decode(text: Cow<'_, str>) -> Result<Cow<'_, str>, Problem> {
    if !text.bytes().any(|byte| byte == b'%') {
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
    data: &mut Pairs<'b>,
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
                    .map(|(name, value)| (name.into(), Value::Json(Box::new(value)))),
            );
            Ok(())
        }
        _ => {
            let message = "post a form (application/x-www-form-urlencoded) or a JSON object (application/json)";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}
