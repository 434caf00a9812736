//! What a request of HTTP says: its path, arguments, body and wishes, within limits.
//!
//! The first step of an invocation over HTTP.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri, Version};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use tokio::time::Instant;

use super::problem::Problem;
use crate::error::{InvalidInput, quoted};
use crate::request::{Pairs, Segments, Value};

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

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
    is_host_sound: bool,
    bytes: usize,
}

impl<'r> Fields<'r> {
    pub(super) fn read(headers: &'r HeaderMap) -> Self {
        let mut fields = Self::default();
        let mut is_script = false;
        for (name, value) in headers {
            fields.bytes += name.as_str().len() + value.len() + 4;
            if *name == header::HOST {
                fields.hosts += 1;
                fields.is_host_sound = is_host(value.as_bytes());
            } else if *name == header::ACCEPT {
                fields.also_accept(value.to_str().unwrap_or_default());
            } else if *name == header::IF_NONE_MATCH {
                fields.known.push(value.as_bytes());
            } else if *name == REQUESTED_WITH {
                is_script = value == "XMLHttpRequest";
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
            1 if self.is_host_sound => Ok(()),
            1 => Err(Problem::bad("the Host field is not the name of a host")),
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

/// The characters of a host and port (RFC 3986, 3.2.2), as a table, because each of them is looked up in every hit.
static IS_IN_HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
                | b'!' | b'$' | b'%'..=b'.' | b':' | b';' | b'=' | b'[' | b']' | b'_' | b'~'
        );
        byte += 1;
    }
    table
};

/// Whether `value` has the characters of a host and port only; it may be empty.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|byte| IS_IN_HOST[usize::from(*byte)])
}

/// Adds the parts of a path to `segments`, decoded after it was split: `%2F` is part of a segment. A problem
/// with an argument names what `parameter` says of the segments before it.
pub(super) fn segments<'p>(
    path: &'p str,
    segments: &mut Segments<'p>,
    parameter: impl Fn(&[Cow<'_, str>]) -> Option<&'static str>,
) -> Result<(), Problem> {
    let path = match path.strip_prefix('/') {
        Some(path) => path,
        None if path == "*" => path, // of OPTIONS
        // `GET page` names a host (RFC 9112, 3.2.3), not the program at the root.
        None => return Err(Problem::bad("the target of a request begins with a slash")),
    };
    let mut rest = Some(path.strip_suffix('/').unwrap_or(path)).filter(|_| !path.is_empty());
    while let Some(part) = rest {
        let (segment, after) = match cut(part, b'/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (part, None),
        };
        match decode(segment.into()) {
            Ok(decoded) => segments.push(decoded),
            Err(encoded) => return Err(not_utf8(parameter(segments), &encoded)),
        }
        rest = after;
    }
    Ok(())
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
        let name = decode_form(name).map_err(|encoded| not_utf8(None, &encoded))?;
        let value = decode_form(value).map_err(|encoded| not_utf8(Some(&name), &encoded))?;
        data.push((name, Value::Text(value)));
    }
    Ok(())
}

/// `text` before and after the first `separator`, which is ASCII. Most texts here are a few bytes long, and
/// there a plain loop is several times faster than a search made for long ones.
fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Bytes that are no text, where the argument `name`, or something that has no name, was expected.
fn not_utf8(name: Option<&str>, encoded: &str) -> Problem {
    let message = format!(
        "{} is not UTF-8: percent-encode the bytes of UTF-8 text",
        quoted(encoded)
    );
    match name {
        None => Problem::bad(message),
        Some(name) => {
            let refused = InvalidInput::new().field(name, encoded, message);
            Problem::Invocation(refused.into())
        }
    }
}

/// The text that stands encoded in a query or a form; an error is the text as it stands.
fn decode_form(text: &str) -> Result<Cow<'_, str>, Cow<'_, str>> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Ok(text.into());
    }
    decode(text.replace('+', " ").into())
}

fn decode(text: Cow<'_, str>) -> Result<Cow<'_, str>, Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%') {
        return Ok(text);
    }
    let decoded = percent_decode_str(&text).decode_utf8().map(Cow::into_owned);
    decoded.map(Cow::Owned).map_err(|_| text)
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
            let Members(members) = serde_json::from_slice(body)
                .map_err(|error| Problem::bad(format!("the body is not a JSON object: {error}")))?;
            if members.len() + data.len() > MAX_PAIRS {
                return Err(Problem::bad("too many arguments: 1,000 at most"));
            }
            data.extend(members);
            Ok(())
        }
        _ => {
            let message = "post a form (application/x-www-form-urlencoded) or a JSON object (application/json)";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }
}

/// The members of a JSON object in their order, those included that have the same name: a form with two
/// values for one argument is not silently taken for one of them either.
struct Members(Vec<(Cow<'static, str>, Value<'static>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
            members.push((name.into(), Value::Json(Box::new(value))));
        }
        Ok(Members(members))
    }
}
