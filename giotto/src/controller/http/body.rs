//! The body of a POST: a form or a JSON object, within limits.
//!
//! Part of the first step of an invocation over HTTP.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use tokio::time::Instant;

use super::decoding::{coding_of, decoded};
use super::input::{MAX_PAIRS, pairs};
use super::problem::Problem;
use crate::request::{Pairs, Value};

const MAX_BODY: usize = 1 << 20;
const ACCEPTED: HeaderValue =
    HeaderValue::from_static("application/x-www-form-urlencoded, application/json");

/// Each so many bytes of a body, or the end of it, must arrive within this time.
pub(super) const BODY_PATIENCE: Duration = Duration::from_secs(10);
pub(super) const BODY_STEP: usize = 8 << 10;

/// Reads and decodes a body that is neither too large, encoded or not, nor too slow.
pub(super) async fn read<B: http_body::Body>(
    headers: &HeaderMap,
    body: B,
) -> Result<Bytes, Problem> {
    let coding = coding_of(headers)?;
    let received = receive(body).await?;
    let decoded = decoded(coding, received, MAX_BODY)?;
    match decoded.len() > MAX_BODY {
        true => Err(too_large()),
        false => Ok(decoded),
    }
}

/// Reads a body that is neither too large nor too slow.
pub(super) async fn receive<B: http_body::Body>(body: B) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    let (mut deadline, mut step) = (Instant::now() + BODY_PATIENCE, BODY_STEP);
    loop {
        match tokio::time::timeout_at(deadline, body.frame()).await {
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
        if bytes.len() >= step {
            (deadline, step) = (Instant::now() + BODY_PATIENCE, bytes.len() + BODY_STEP);
        }
    }
}

fn too_large() -> Problem {
    let message = "the body is too large: 1 MiB at most";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// Adds what was posted, a form or a JSON object, to `data`. Returns whether it is said to be a form.
pub(super) fn posted_data<'b>(
    headers: &HeaderMap,
    body: &'b [u8],
    data: &mut Pairs<'b>,
) -> Result<bool, Problem> {
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
            pairs(form, data)?;
            Ok(!essence.is_empty())
        }
        b"application/json" => {
            let Members(members) = serde_json::from_slice(body)
                .map_err(|error| Problem::bad(format!("the body is not a JSON object: {error}")))?;
            if members.len() + data.len() > MAX_PAIRS {
                return Err(Problem::bad("too many arguments: 1,000 at most"));
            }
            data.extend(members);
            Ok(false)
        }
        _ => {
            let message = "post a form (application/x-www-form-urlencoded) or a JSON object (application/json)";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
                .field(header::ACCEPT, ACCEPTED))
        }
    }
}

/// The members of a JSON object in their order. Duplicate names are kept, so that two values for one argument are an error,
/// as they are in a form.
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
            members.push((name.into(), Value::json(value)));
        }
        Ok(Members(members))
    }
}
