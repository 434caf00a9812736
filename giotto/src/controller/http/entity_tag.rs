//! Lists of entity tags (RFC 9110, 8.8.3): the values of `If-Match` and `If-None-Match`.
//!
//! Part of the last step of an invocation over HTTP. What is malformed ends a list: where its quotes no longer match, nothing
//! behind it can be told from the inside of a tag.

/// Whether a list names the representation that has the strong entity tag `etag`, if it has one: `*` does. The comparison is
/// weak or strong (RFC 9110, 8.8.3.2).
pub(super) fn names(list: &[u8], etag: Option<&[u8]>, is_weak: bool) -> bool {
    let is_same = |etag| {
        let mut tags = Tags { rest: list };
        tags.any(|tag| tag.quoted == etag && (is_weak || !tag.is_weak))
    };
    list == b"*" || etag.is_some_and(is_same)
}

/// Whether the whole list is made of entity tags.
pub(super) fn is_list(list: &[u8]) -> bool {
    let mut tags = Tags { rest: list };
    tags.by_ref().for_each(drop);
    tags.rest.is_empty()
}

#[derive(Debug, PartialEq, Eq)]
struct Tag<'l> {
    is_weak: bool,
    quoted: &'l [u8],
}

/// The members of a list, and what is left of it: nothing, or what begins with a malformed member.
struct Tags<'l> {
    rest: &'l [u8],
}

impl<'l> Iterator for Tags<'l> {
    type Item = Tag<'l>;

    fn next(&mut self) -> Option<Tag<'l>> {
        // A list may have empty members (RFC 9110, 5.6.1.2).
        self.rest = after(self.rest, |byte| matches!(byte, b',' | b' ' | b'\t'));
        let (is_weak, tag) = match self.rest.strip_prefix(b"W/") {
            Some(tag) => (true, tag),
            None => (false, self.rest),
        };
        let end = after(tag.strip_prefix(b"\"")?, is_in_tag).strip_prefix(b"\"")?;
        let rest = after(end, |byte| matches!(byte, b' ' | b'\t'));
        if rest.first().is_some_and(|byte| *byte != b',') {
            return None;
        }
        self.rest = rest;
        let quoted = &tag[..tag.len() - end.len()];
        Some(Tag { is_weak, quoted })
    }
}

/// What follows the first bytes of `text` that are all `skipped`.
fn after(text: &[u8], skipped: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !skipped(*byte));
    &text[end.unwrap_or(text.len())..]
}

/// `etagc`: no quotes, spaces or control characters.
const fn is_in_tag(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'~' | 0x80..)
}
