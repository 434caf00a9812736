//! Lists of entity tags (RFC 9110, 8.8.3): the values of `If-Match` and `If-None-Match`.
//!
//! Part of the last step of an invocation over HTTP. What is malformed ends a list: where its quotes no longer match, nothing
//! behind it can be told from the inside of a tag.

/// How an entity tag of a list is compared with that of a representation, which is strong (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Weak,
    Strong,
}

/// Whether a list names the representation that has the entity tag `etag`, if it has one: `*` does.
pub(super) fn names(list: &[u8], etag: Option<&[u8]>, comparison: Comparison) -> bool {
    is_any(list, etag, comparison, |tag, etag| tag == etag)
}

/// Whether a list names a page, whose own entity tag is `etag`, under any coding: there its tag has a suffix behind a dash.
pub(super) fn names_page(list: &[u8], etag: Option<&[u8]>, comparison: Comparison) -> bool {
    is_any(list, etag, comparison, |tag, etag| {
        let own = etag.strip_suffix(b"\"").unwrap_or(etag);
        matches!(tag.strip_prefix(own), Some([b'"'] | [b'-', ..]))
    })
}

fn is_any(
    list: &[u8],
    etag: Option<&[u8]>,
    comparison: Comparison,
    is_same: impl Fn(&[u8], &[u8]) -> bool,
) -> bool {
    let is_named = |etag| {
        let mut tags = Tags { rest: list };
        tags.any(|tag| {
            is_same(tag.quoted, etag) && (comparison == Comparison::Weak || !tag.is_weak)
        })
    };
    list == b"*" || etag.is_some_and(is_named)
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::Comparison::{Strong, Weak};
    use super::*;

    #[test]
    fn a_list_names_a_tag_as_it_is_quoted() {
        // The list, and whether it names "a" for the weak and for the strong comparison.
        for (list, is_weak_match, is_strong_match) in [
            (r#""a""#, true, true),
            (r#"W/"a""#, true, false),
            (r#"w/"a""#, false, false),
            (r#"W /"a""#, false, false),
            (r#"W/ "a""#, false, false),
            (r#""b","a""#, true, true),
            (r#""b", W/"a" ,"c""#, true, false),
            (r#""b" , ,, "a","#, true, true),
            ("\t\"a\"\t", true, true),
            (r#""a,b""#, false, false),
            (r#""b,"a",c""#, false, false),
            (r#""b, "a"#, false, false),
            (r#""b"a""#, false, false),
            (r#""b" "a""#, false, false),
            (r#"b, "a""#, false, false),
            (r#""a" b"#, false, false),
            (r#""a", b"#, true, true),
            (r#""a"#, false, false),
            (r#"a""#, false, false),
            ("a", false, false),
            (r#""A""#, false, false),
            ("*", true, true),
            (r#""*""#, false, false),
            (r#""a,*,b""#, false, false),
            (r#"*, "a""#, false, false),
            (r#"*, "b""#, false, false),
            (r#""b", *"#, false, false),
            ("W/*", false, false),
            ("", false, false),
            (",", false, false),
            ("W/", false, false),
            ("\"", false, false),
        ] {
            let names = |comparison| names(list.as_bytes(), Some(br#""a""#), comparison);
            assert_eq!(
                (names(Weak), names(Strong)),
                (is_weak_match, is_strong_match),
                "{list}"
            );
        }
        assert!(names(b"*", None, Strong) && !names(b"\"a\"", None, Weak));
        // What a tag consists of: anything but quotes, spaces and control characters.
        assert!(names(b"\"\\\"", Some(b"\"\\\""), Strong));
        assert!(names(b"\"\xe4\"", Some(b"\"\xe4\""), Strong));
        assert!(names(b"\"\"", Some(b"\"\""), Strong));
        assert!(!names(b"\"a b\"", Some(b"\"a b\""), Strong));
        assert!(!names(b"\"\x7f\"", Some(b"\"\x7f\""), Strong));
    }

    #[test]
    fn a_list_names_a_page_under_any_coding() {
        let of_page = |list: &str| {
            [Weak, Strong]
                .map(|comparison| names_page(list.as_bytes(), Some(br#""a1""#), comparison))
        };
        for list in [
            r#""a1""#,
            r#""a1-br""#,
            r#""b", "a1-zstd""#,
            r#""a1-""#,
            "*",
        ] {
            assert_eq!(of_page(list), [true, true], "{list}");
        }
        assert_eq!(of_page(r#"W/"a1-gz""#), [true, false]);
        for list in [
            r#""a1br""#,
            r#""a""#,
            r#""a2-br""#,
            r#""A1-br""#,
            r#""-a1""#,
            r#""b-a1""#,
            "",
        ] {
            assert_eq!(of_page(list), [false, false], "{list}");
        }
        assert!(!names_page(br#""a1""#, None, Weak));
    }

    #[test]
    fn a_list_is_made_of_tags_only() {
        for list in ["", ",", "\"a\"", "\"a\",W/\"b\" , ", " , \"*\""] {
            assert!(is_list(list.as_bytes()), "{list}");
        }
        for list in ["*", "a", "\"a\" b", "\"a\",*", "\"a\",w/\"b\"", "\"", "W/"] {
            assert!(!is_list(list.as_bytes()), "{list}");
        }
    }

    /// The same, slowly: splits the list at the commas outside quotes, and takes the members to the first malformed one.
    fn reference(list: &[u8]) -> (Vec<(bool, Vec<u8>)>, bool) {
        let mut members = vec![Vec::new()];
        let mut is_quoted = false;
        for byte in list {
            is_quoted ^= *byte == b'"';
            match byte {
                b',' if !is_quoted => members.push(Vec::new()),
                byte => members.last_mut().unwrap().push(*byte),
            }
        }
        let mut tags = Vec::new();
        for member in members {
            let text: String = member.iter().map(|byte| char::from(*byte)).collect();
            let text = text.trim_matches([' ', '\t']);
            if text.is_empty() {
                continue;
            }
            let (is_weak, quoted) = match text.strip_prefix("W/") {
                Some(quoted) => (true, quoted),
                None => (false, text),
            };
            let inside = quoted
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            let is_sound = inside
                .is_some_and(|inside| inside.chars().all(|c| c > ' ' && c != '"' && c != '\u{7f}'));
            if !is_sound {
                return (tags, false);
            }
            tags.push((is_weak, quoted.chars().map(|c| c as u8).collect()));
        }
        (tags, true)
    }

    fn agrees(list: &[u8]) -> Result<(), TestCaseError> {
        let (expected, is_sound) = reference(list);
        let tags = Tags { rest: list }.map(|tag| (tag.is_weak, tag.quoted.to_vec()));
        prop_assert_eq!(tags.collect::<Vec<_>>(), expected);
        prop_assert_eq!(is_list(list), is_sound);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_the_list_that_a_slow_parser_finds(
            list in vec(proptest::sample::select(&b"\"\"\"Ww/,, \t*ab\\\x80\x7f"[..]), 0..40)
        ) {
            agrees(&list)?;
        }

        #[test]
        fn any_list_of_tags_is_read_whole(
            tags in vec((any::<bool>(), "[!#-~]{0,6}", "[ \t]{0,2},[ ,\t]{0,2}"), 0..12)
        ) {
            let list: String = tags
                .iter()
                .map(|(is_weak, tag, comma)| format!("{}\"{tag}\"{comma}", if *is_weak { "W/" } else { "" }))
                .collect();
            agrees(list.as_bytes())?;
            prop_assert!(is_list(list.as_bytes()));
            for (is_weak, tag, _) in tags {
                let tag = format!("\"{tag}\"");
                prop_assert!(names(list.as_bytes(), Some(tag.as_bytes()), Weak));
                prop_assert!(is_weak || names(list.as_bytes(), Some(tag.as_bytes()), Strong));
            }
        }
    }
}
