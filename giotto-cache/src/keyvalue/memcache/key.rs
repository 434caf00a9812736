//! Keys of any text as keys that Memcached takes: at most 250 bytes, no space and no control character.
//!
//! Before the last step of a lookup. A key that Memcached refuses is worse than an error: it then runs the
//! value as commands, and the value is a page that a visitor had a say in.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use xxhash_rust::xxh3::xxh3_128;

use crate::keyvalue::longest::is_record;
use crate::keyvalue::namespace::Namespace;
use crate::keyvalue::percent::decoded;

/// Memcached's limit.
pub(super) const MAX_LENGTH: usize = 250;

/// What Memcached does not take in a key, and the sign of what is written out.
const WRITTEN_OUT: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Stands in front of a digest. No key that is written out has it: a `%` there has two digits after it.
const DIGEST: &str = "%%";

/// `key` as it is stored: written out with `%20` for what Memcached does not take, or as a digest of 128
/// bits if that is too long. Two keys with one digest are told apart by the [entry](crate::Entry), which
/// holds the key: a miss. The digest of a record ends in a brace, as the key of a record does.
pub(super) fn stored(namespace: &Namespace, key: &str) -> String {
    let mut stored = String::with_capacity(MAX_LENGTH);
    for piece in utf8_percent_encode(&namespace.stored(key), WRITTEN_OUT) {
        stored.push_str(piece);
        if stored.len() > MAX_LENGTH {
            let digest = xxh3_128(key.as_bytes());
            let end = if is_record(key) { "}" } else { "" };
            return format!("{}{DIGEST}{digest:032x}{end}", namespace.prefix());
        }
    }
    stored
}

/// `part` as it is written in every stored key that contains it, except in digests.
pub(super) fn stored_part(part: &str) -> String {
    utf8_percent_encode(part, WRITTEN_OUT).to_string()
}

/// Whether `stored` is a digest, which does not show what the key contains.
pub(super) fn is_digest(namespace: &Namespace, stored: &str) -> bool {
    let key = stored.strip_prefix(namespace.prefix());
    key.is_some_and(|key| key.starts_with(DIGEST))
}

/// The key that is stored like this; `None` if it is not one of this namespace.
pub(super) fn read(namespace: &Namespace, stored: &str) -> Option<String> {
    decoded(stored.strip_prefix(namespace.prefix())?.as_bytes())
}

/// Whether `key` can be sent to a server, wherever it comes from.
pub(super) fn is_sound(key: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_stays_readable() {
        let namespace = Namespace::new("prod").unwrap();
        for (key, expected) in [
            (
                "{'x': 12}(squared)(text/html)",
                "prod:{'x':%2012}(squared)(text/html)",
            ),
            ("", "prod:"),
            ("100%", "prod:100%25"),
            ("caf\u{e9}\r\n\0", "prod:caf%C3%A9%0D%0A%00"),
        ] {
            assert_eq!(stored(&namespace, key), expected);
        }
        let [fits, too_long] = [245, 246].map(|length| stored(&namespace, &"k".repeat(length)));
        assert_eq!(fits.len(), MAX_LENGTH);
        assert_eq!(too_long.len(), "prod:%%".len() + 32);
        let record = stored(&namespace, &format!("{{tag:{}}}", "k".repeat(245)));
        assert!(
            is_record(&record) && is_digest(&namespace, &record),
            "{record}"
        );
    }

    proptest! {
        #[test]
        fn a_part_of_a_key_is_found_in_it_as_it_is_stored(
            before in "(?s).{0,9}", part in "(?s).{0,9}", after in "(?s).{0,300}"
        ) {
            let namespace = Namespace::new("prod").unwrap();
            let stored = stored(&namespace, &format!("{before}{part}{after}"));
            let is_found = stored.contains(&stored_part(&part));
            prop_assert!(is_found || is_digest(&namespace, &stored));
        }

        #[test]
        fn every_key_is_sound_and_no_two_are_stored_as_one(
            keys in proptest::collection::vec("(?s)[ -~%]{0,3}.{0,300}", 1..20)
        ) {
            let namespace = Namespace::new("prod").unwrap();
            let mut seen = HashMap::new();
            for key in &keys {
                let stored = stored(&namespace, key);
                prop_assert!(is_sound(stored.as_bytes()) && stored.starts_with("prod:"));
                if !is_digest(&namespace, &stored) {
                    prop_assert_eq!(read(&namespace, &stored), Some(key.clone()));
                }
                let other = seen.insert(stored, key);
                prop_assert!(other.is_none_or(|other| other == key));
            }
        }
    }
}
