//! Validators of a response (RFC 9110, 8.8), and conditional requests that ask whether it is still valid (RFC 9111, 4.3.1).
//!
//! Serves the revalidation of a stored response, and `conditional.rs`.

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, HeaderName};

use super::date;

/// An entity tag (RFC 9110, 8.8.3), with its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntityTag<'h> {
    is_weak: bool,
    opaque: &'h [u8],
}

impl<'h> EntityTag<'h> {
    /// The entity tag of a response. `None` if there is none, or none that is well-formed.
    pub(super) fn of(headers: &'h HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(ETAG).into_iter();
        let (line, None) = (lines.next()?, lines.next()) else {
            return None;
        };
        let (tag, rest) = Self::take(line.as_bytes())?;
        rest.is_empty().then_some(tag)
    }

    /// The entity tags of a list such as `If-None-Match`. The list ends where it is not well-formed.
    pub(super) fn all(
        headers: &'h HeaderMap,
        name: &HeaderName,
    ) -> impl Iterator<Item = Self> + use<'h> {
        let lines = headers.get_all(name).into_iter();
        lines.flat_map(|line| {
            let mut rest = line.as_bytes();
            std::iter::from_fn(move || {
                while let [b' ' | b'\t' | b',', others @ ..] = rest {
                    rest = others;
                }
                let (tag, behind) = Self::take(rest)?;
                let ends = matches!(behind.trim_ascii_start(), [] | [b',', ..]);
                rest = if ends { behind } else { &[] };
                ends.then_some(tag)
            })
        })
    }

    /// The entity tag at the beginning of `text`, and what is behind it.
    fn take(text: &'h [u8]) -> Option<(Self, &'h [u8])> {
        let (is_weak, text) = match text.strip_prefix(b"W/") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let inside = text.strip_prefix(b"\"")?;
        let end = inside.iter().position(|&byte| byte == b'"')? + 2;
        let is_etagc = |byte: &u8| *byte > b' ' && *byte != 0x7f;
        let (opaque, rest) = text.split_at(end);
        let tag = Self { is_weak, opaque };
        opaque.iter().all(is_etagc).then_some((tag, rest))
    }

    /// The weak comparison (RFC 9110, 8.8.3.2).
    pub(super) fn matches_weakly(self, other: Self) -> bool {
        self.opaque == other.opaque
    }

    /// The strong comparison (RFC 9110, 8.8.3.2).
    pub(super) fn matches_strongly(self, other: Self) -> bool {
        self == other && !self.is_weak
    }

    pub(super) const fn is_weak(self) -> bool {
        self.is_weak
    }
}

/// Whether the service can be asked if this response is still valid.
pub(super) fn has_validator(headers: &HeaderMap) -> bool {
    EntityTag::of(headers).is_some() || date::field(headers, &LAST_MODIFIED).is_some()
}

/// Makes a request one that asks whether the stored response with these fields is still valid (RFC 9111, 4.3.1), in place of
/// the conditions that it has of its own client.
pub(crate) fn add_validators(request: &mut HeaderMap, stored: &HeaderMap) {
    without_conditions(request);
    if let (Some(_), Some(tag)) = (EntityTag::of(stored), stored.get(ETAG)) {
        request.insert(IF_NONE_MATCH, tag.clone());
    }
    if let (Some(_), Some(date)) = (
        date::field(stored, &LAST_MODIFIED),
        stored.get(LAST_MODIFIED),
    ) {
        request.insert(IF_MODIFIED_SINCE, date.clone());
    }
}

/// Removes what makes a response one for this client only: its conditions and its range. They are applied to the response
/// afterwards, by [`select`](super::select).
pub(crate) fn without_conditions(request: &mut HeaderMap) {
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        request.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_validators_of_the_stored_response_replace_the_clients_conditions() {
        let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        let tag = HeaderValue::from_static("W/\"a\"");
        let other = HeaderValue::from_static("\"b\"");
        let mut stored = HeaderMap::new();
        let conditional = |stored: &HeaderMap| {
            let mut request = HeaderMap::new();
            for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
                request.insert(name, other.clone());
            }
            add_validators(&mut request, stored);
            let value = |name: HeaderName| request.get(name).cloned();
            (
                request.len(),
                value(IF_NONE_MATCH),
                value(IF_MODIFIED_SINCE),
            )
        };
        assert!(!has_validator(&stored));
        assert_eq!(conditional(&stored), (0, None, None));
        stored.insert(LAST_MODIFIED, date.clone());
        assert!(has_validator(&stored));
        assert_eq!(conditional(&stored), (1, None, Some(date.clone())));
        stored.insert(ETAG, tag.clone());
        assert_eq!(conditional(&stored), (2, Some(tag), Some(date)));
        stored.insert(ETAG, HeaderValue::from_static("unquoted"));
        stored.insert(LAST_MODIFIED, HeaderValue::from_static("yesterday"));
        assert!(!has_validator(&stored));
        assert_eq!(conditional(&stored), (0, None, None));
    }
}
