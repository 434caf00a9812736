//! The target of a request of HTTP: the segments of its path, the pairs of its query, and the language that it asks for.
//!
//! The first step of an invocation over HTTP. Every hit reads them, and copies none that is not encoded.

use std::borrow::Cow;

use http::header::ACCEPT_LANGUAGE;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use super::problem::Problem;
use crate::arguments::LANGUAGE;
use crate::error::{InvalidInput, quoted};
use crate::request::{Pairs, Segments, Value};

pub(super) const MAX_PAIRS: usize = 1_000;

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
        let (segment, after, is_plain) = cut(part, b'/');
        rest = after;
        match is_plain {
            true => segments.push(segment.into()),
            false => match decode(segment.into()) {
                Ok(decoded) => segments.push(decoded),
                Err(encoded) => return Err(not_utf8(parameter(segments), &encoded)),
            },
        }
    }
    Ok(())
}

/// Adds the pairs of a query or a form to `data`.
pub(super) fn pairs<'q>(query: &'q str, data: &mut Pairs<'q>) -> Result<(), Problem> {
    let mut rest = Some(query);
    while let Some(part) = rest {
        let (pair, after, is_plain) = cut(part, b'&');
        rest = after;
        if pair.is_empty() {
            continue;
        }
        if data.len() == MAX_PAIRS {
            return Err(Problem::bad("too many arguments: 1,000 at most"));
        }
        let (name, value, _) = cut(pair, b'=');
        let value = value.unwrap_or_default();
        if is_plain {
            data.push((name.into(), Value::text(value)));
            continue;
        }
        let name = decode_form(name).map_err(|encoded| not_utf8(None, &encoded))?;
        let value = decode_form(value).map_err(|encoded| not_utf8(Some(&name), &encoded))?;
        data.push((name, Value::text(value)));
    }
    Ok(())
}

/// `text` before and after the first `separator`, which is ASCII, and whether what is before stands for itself. Most texts here
/// are a few bytes long, and there a plain loop is several times faster than a search made for long ones.
#[inline(always)]
fn cut(text: &str, separator: u8) -> (&str, Option<&str>, bool) {
    let mut bytes = text.bytes().enumerate();
    let mut is_plain = true;
    while let Some((at, byte)) = bytes.find(|(_, byte)| *byte == separator || is_code(*byte)) {
        if byte == separator {
            return (&text[..at], Some(&text[at + 1..]), is_plain);
        }
        is_plain = false;
    }
    (text, None, is_plain)
}

/// The languages of the reader: the argument `lang` in the address, then those of `Accept-Language`.
pub(super) fn languages(head: &Parts) -> String {
    let mut data = Pairs::new();
    // What cannot be read is no language.
    let _ = pairs(head.uri.query().unwrap_or_default(), &mut data);
    let given = data.iter().find(|(name, _)| name == LANGUAGE);
    let given = given.and_then(|(_, value)| value.as_str());
    let accepted = head.headers.get_all(ACCEPT_LANGUAGE).iter();
    let accepted = accepted.filter_map(|field| field.to_str().ok());
    given
        .into_iter()
        .chain(accepted)
        .collect::<Vec<_>>()
        .join(",")
}

/// Whether `byte` stands for something else in a query or a form.
const fn is_code(byte: u8) -> bool {
    matches!(byte, b'+' | b'%')
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
    if !text.bytes().any(is_code) {
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
