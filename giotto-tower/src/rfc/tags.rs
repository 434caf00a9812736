//! Tags by which responses are invalidated together.
//!
//! Serves the storing of a response.

use http::{HeaderMap, HeaderName};

use super::dictionary::{self, Item};
use super::list;

/// The most bytes of a tag, which is what the engine takes.
const MAX_BYTES: usize = 200;

/// The tags that a response has: the members of `Cache-Tag` (between commas), the keys of `Surrogate-Key` (between spaces),
/// and the groups of `Cache-Groups` (RFC 9875, 2: a list of strings), each once. What is no tag is left out.
pub(crate) fn tags(response: &HeaderMap) -> Vec<String> {
    const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
    const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
    const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");

    let surrogate_keys = response.get_all(SURROGATE_KEY).into_iter();
    let surrogate_keys = surrogate_keys.flat_map(|line| {
        let keys = line.as_bytes().split(u8::is_ascii_whitespace);
        keys.filter(|key| !key.is_empty())
    });
    let texts = list::members(response, &CACHE_TAG).chain(surrogate_keys);
    let texts = texts.filter_map(|text| std::str::from_utf8(text).ok());
    let texts = texts.map(str::to_owned);
    let mut tags = Vec::new();
    for tag in texts.chain(groups(response, &CACHE_GROUPS)) {
        if is_tag(&tag) && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// The strings of a list of groups. Other members are left out (RFC 9875, 2).
pub(super) fn groups(response: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let members = dictionary::list(response, name).unwrap_or_default();
    let strings = members.into_iter().filter_map(|member| match member {
        Item::String(group) => Some(group),
        _ => None,
    });
    strings.filter(|group| is_tag(group)).collect()
}

fn is_tag(tag: &str) -> bool {
    (1..=MAX_BYTES).contains(&tag.len()) && !tag.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn all_fields_with_tags_are_read() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("cache-tag", "a, b,,a"),
            ("cache-tag", "c d"),
            ("surrogate-key", "e  f\tb"),
            ("cache-groups", "\"g\", \"h i\";x, token, 7, \"\""),
        ] {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(tags(&headers), ["a", "b", "c d", "e", "f", "g", "h i"]);
        let long = HeaderValue::from_str(&"x".repeat(201)).unwrap();
        headers.clear();
        headers.insert("cache-tag", long);
        assert!(tags(&headers).is_empty());
    }
}
