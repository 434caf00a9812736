//! The keys of stored responses.
//!
//! The first step of a request. The primary key (RFC 9111, 2) is the host, the path and the query of the request, or what the
//! layer's own function says. Where the response varies (RFC 9111, 4.1), the primary key has a marker that names the fields,
//! and each variant is under a key that has their values as well:
//!
//! ```text
//! {GET example.com/search?q=tea}(http)()
//! {GET example.com/search?q=tea}(http)(5f0c2a accept-language="de,en")
//! ```
//!
//! They begin with a brace, because a store without a namespace counts only such keys as its own.

use std::borrow::Cow;
use std::fmt::Write;

use giotto_cache::Key;
use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HOST};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri};
use sha2::{Digest, Sha256};

use crate::prepared::Address;
use crate::present::Present;
use crate::rfc;
use crate::settings::{KeyOf, Query, Settings};
use crate::stored::Marker;

/// The longest host, path and query that have an entry.
const LONGEST: usize = 8 << 10;
/// The bytes of a digest that stand in a key.
const DIGEST: usize = 16;

/// The primary key of a request with `parts`; `None` if the cache is not to be asked.
pub(crate) fn primary(settings: &Settings, parts: &Parts) -> Option<Key> {
    let resource = match &settings.key {
        Some(key) => format!("{{{}}}", own(&**key, parts)?),
        None => target(settings, parts)?,
    };
    (resource.len() <= LONGEST).then(|| settings.template.with_arguments(resource))
}

/// The address of a request whose response depends on nothing else than what is stored for it, if it is short.
pub(crate) fn address<'r>(
    settings: &Settings,
    parts: &'r Parts,
    present: Present,
) -> Option<Address<'r>> {
    let asks_for_parts = present.has(Present::CONDITIONS | Present::RANGE);
    if asks_for_parts || parts.method != Method::GET || settings.key.is_some() {
        return None;
    }
    let uri = uri(&parts.uri, &parts.extensions);
    let host = match settings.has_host {
        true => named_host(uri, &parts.headers),
        false => &[],
    };
    let target = uri.path_and_query()?.as_str();
    let address = Address { host, target };
    address.is_short().then_some(address)
}

/// What the layer's own function says of the request, as the client has sent it: an unsafe request asks for the key of what it
/// invalidates, and knows no other URI.
fn own(key: &KeyOf, parts: &Parts) -> Option<String> {
    let whole = uri(&parts.uri, &parts.extensions);
    if *whole == parts.uri {
        return key(parts);
    }
    let mut parts = parts.clone();
    parts.uri = whole.clone();
    key(&parts)
}

fn target(settings: &Settings, parts: &Parts) -> Option<String> {
    let uri = uri(&parts.uri, &parts.extensions);
    let host = match settings.has_host {
        true => host(uri, &parts.headers)?,
        false => "",
    };
    let (path, query) = (uri.path(), uri.query());
    let length = host.len() + path.len() + query.map_or(0, str::len);
    let mut text = String::with_capacity(length + 64);
    text.push_str("{GET ");
    push_lowercase(&mut text, host);
    text.push_str(path);
    if let Some(query) = query {
        push_query(&mut text, query, &settings.query);
    }
    text.push('}');
    Some(text)
}

/// The URI that the client has asked for: a nested router of axum removes its prefix from that of the request.
#[cfg(feature = "axum")]
pub(crate) fn uri<'r>(uri: &'r Uri, extensions: &'r Extensions) -> &'r Uri {
    let original = extensions.get::<axum::extract::OriginalUri>();
    original.map_or(uri, |original| &original.0)
}

#[cfg(not(feature = "axum"))]
pub(crate) const fn uri<'r>(uri: &'r Uri, _extensions: &'r Extensions) -> &'r Uri {
    uri
}

/// The host that the client has asked for; `None` if it is none. It is written in front of the path, so it must have no
/// character that could make it look like the beginning of one.
fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    let host = named_host(uri, headers);
    let is_host = host.iter().all(|byte| IN_HOST[usize::from(*byte)]);
    let host = is_host.then(|| std::str::from_utf8(host))?;
    host.ok()
}

/// What stands in the place of a host in the URI, or in the field `Host`.
fn named_host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> &'r [u8] {
    match uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => headers.get(HOST).map_or(&[], HeaderValue::as_bytes),
    }
}

/// Which bytes are in a host.
const IN_HOST: [bool; 256] = {
    let mut is_in = [false; 256];
    let mut byte = 0;
    while byte < is_in.len() {
        let own = byte as u8;
        is_in[byte] = own.is_ascii_alphanumeric()
            || matches!(own, b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']');
        byte += 1;
    }
    is_in
};

fn push_lowercase(text: &mut String, host: &str) {
    let start = text.len();
    text.push_str(host);
    text[start..].make_ascii_lowercase();
}

fn push_query(text: &mut String, query: &str, how: &Query) {
    let kept: Cow<'_, str> = match how {
        Query::AsItIs => query.into(),
        Query::Ordered if !query.as_bytes().contains(&b'&') => query.into(),
        Query::Ordered => ordered(query.split('&')).into(),
        Query::Filtered(names) => {
            let is_meant = |pair: &&str| names.iter().any(|name| name_of(pair) == *name);
            ordered(query.split('&').filter(is_meant)).into()
        }
    };
    // An empty query is not the same as none (RFC 9110, 4.2.3), unless it is filtered.
    if !kept.is_empty() || !matches!(how, Query::Filtered(_)) {
        text.push('?');
        text.push_str(&kept);
    }
}

/// The pairs in the order of their names. Pairs of one name stay in their order, which a program may see.
fn ordered<'q>(pairs: impl Iterator<Item = &'q str>) -> String {
    let mut pairs: Vec<_> = pairs.map(|pair| (name_of(pair), pair)).collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let pairs: Vec<_> = pairs.into_iter().map(|(_, pair)| pair).collect();
    pairs.join("&")
}

/// The name in a pair as a program reads it (`application/x-www-form-urlencoded`): with another spelling it would be another
/// name here and the same there.
fn name_of(pair: &str) -> Cow<'_, [u8]> {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    let name = name.as_bytes();
    if !name.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return name.into();
    }
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => hexadecimal(*high, *low).map(|byte| (byte, after)),
            _ => None,
        };
        match (first, escaped) {
            (_, Some((byte, after))) => {
                decoded.push(byte);
                rest = after;
            }
            (b'+', None) => decoded.push(b' '),
            (byte, None) => decoded.push(*byte),
        }
    }
    decoded.into()
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// The key of the variant that a request with `headers` selects under `marker`; `None` if the values are too long for a key.
pub(crate) fn variant(primary: &Key, marker: &Marker, headers: &HeaderMap) -> Option<Key> {
    let mut text = String::with_capacity(64);
    text.push_str(&marker.nonce);
    for name in &marker.fields {
        text.push(' ');
        text.push_str(name.as_str());
        let value = rfc::vary_value(name, headers);
        match value.strip_prefix('=') {
            // The request does not have the field.
            None => {}
            // Writing to a string does not fail. Quoted and escaped, no value looks like the next field.
            Some(value) if is_shown(name) => drop(write!(text, "={value:?}")),
            Some(value) => push_digest(&mut text, value.as_bytes()),
        }
    }
    (text.len() <= LONGEST).then(|| primary.with_mimetype(&text))
}

/// Whether the values of the field stand in the key as they are. Those of others may be secret: keys are logged and listed.
fn is_shown(name: &HeaderName) -> bool {
    [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE].contains(name)
}

fn push_digest(text: &mut String, value: &[u8]) {
    text.push('=');
    for byte in &Sha256::digest(value)[..DIGEST] {
        let _ = write!(text, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(query: &str, how: &Query) -> String {
        let mut text = String::new();
        push_query(&mut text, query, how);
        text
    }

    #[test]
    fn a_query_is_ordered_by_the_names_that_a_program_reads() {
        for (given, ordered) in [
            ("", "?"),
            ("a", "?a"),
            ("b=2&a=1", "?a=1&b=2"),
            ("a=2&a=1", "?a=2&a=1"),
            ("b=1&%61=2&a=1", "?%61=2&a=1&b=1"),
            ("b=1&a=1&%61=2", "?a=1&%61=2&b=1"),
            ("a+b=1&a%20b=2&a%2=3", "?a+b=1&a%20b=2&a%2=3"),
        ] {
            assert_eq!(query(given, &Query::Ordered), ordered, "{given}");
        }
    }

    #[test]
    fn a_filtered_query_has_what_is_meant_however_it_is_spelt() {
        let filter = Query::Filtered(vec![b"q".to_vec(), b"page".to_vec()]);
        for (given, filtered) in [
            ("utm_source=x", ""),
            ("q=tea&utm_source=x&page=2", "?page=2&q=tea"),
            ("%71=coffee", "?%71=coffee"),
            ("Q=tea", ""),
        ] {
            assert_eq!(query(given, &filter), filtered, "{given}");
        }
        assert_eq!(query("b&a", &Query::AsItIs), "?b&a");
    }

    /// So that a purge of the program finds it.
    #[test]
    fn a_variant_is_of_the_program_whatever_is_in_its_name() {
        let marker = Marker {
            nonce: "n".to_owned(),
            since_ms: 0,
            fields: Vec::new(),
        };
        let primary = Key::new("a(b)", "GET /", "");
        let variant = variant(&primary, &marker, &HeaderMap::new()).unwrap();
        assert_eq!(variant, Key::new("a(b)", "GET /", "n"));
    }

    #[test]
    fn a_host_is_no_beginning_of_a_path() {
        let uri = Uri::from_static("/x");
        for (value, host_of) in [
            ("example.com", Some("example.com")),
            ("[::1]:8080", Some("[::1]:8080")),
            ("example.com/a", None),
            ("a@example.com", None),
            ("a b", None),
            ("a?b", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, value.parse().unwrap());
            assert_eq!(host(&uri, &headers), host_of, "{value}");
        }
        assert_eq!(host(&uri, &HeaderMap::new()), Some(""));
    }
}
