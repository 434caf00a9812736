//! Values and keys that a store might change or confuse.
//!
//! No step of a request.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

use crate::entry::Entry;
use crate::key::Key;
use crate::metadata::Metadata;
use crate::policy::Policy;

/// Values that a protocol, a text column or a C string would change.
pub(super) fn values() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("an empty value", Vec::new()),
        ("all bytes", (0..=u8::MAX).collect()),
        ("all bytes backwards", (0..=u8::MAX).rev().collect()),
        ("the end of a Memcached answer", b"END\r\n".to_vec()),
        ("a Redis answer", b"$-1\r\n".to_vec()),
        ("a NUL at either end", b"\0value\0".to_vec()),
        ("spaces at either end", b" value ".to_vec()),
        ("a number", b"12".to_vec()),
        (
            "compressed bytes",
            b"\x78\x9c\x03\x00\x00\x00\x00\x01".to_vec(),
        ),
        ("an entry with metadata", described_entry().to_vec()),
        // A little less than Memcached's limit and the engine's, which are for the whole item.
        (
            "almost a mebibyte",
            (0..(1_usize << 20) - 4096)
                .map(|at| at.to_le_bytes()[at % 3])
                .collect(),
        ),
    ]
}

/// A stored result whose fields have every byte that a value may have.
fn described_entry() -> Bytes {
    let text = (b' '..=u8::MAX).filter(|byte| *byte != 0x7f);
    let value: Vec<u8> = text.chain([b'\t']).collect();
    let metadata = Metadata::new(
        Some(201),
        [("content-language", &b"de"[..]), ("x-all", &value)],
    );
    let metadata = metadata.expect("names and values that may be stored");
    let key = Key::new("squared", "{'x': 12}", "text/html");
    let (policy, body) = (Policy::forever(), b"<p>144</p>\0");
    Entry::seal_described(&key, policy, 0, Duration::ZERO, body, &metadata).to_bytes()
}

/// Keys that a protocol, a collation, a normalisation or a limit would take for one another.
pub(super) fn keys(prefix: &str) -> Vec<String> {
    let long = |length: usize, last: char| {
        let padding = "k".repeat(length.saturating_sub(prefix.len() + 1));
        format!("{padding}{last}")
    };
    let mut keys: Vec<_> = [
        "",
        "key",
        "KEY",
        "Key",
        "key ",
        "key  ",
        " key",
        "key\t",
        "key\0",
        "key\0\0",
        "key\r\n",
        "key\n",
        "key\r\nset key 0 0 1",
        "key:",
        "key*",
        "key%",
        "key_",
        "k%65y",
        "'key'",
        "\"key\"",
        "key\\",
        "key'; DROP TABLE cache; --",
        "{'x': 12}(squared)(text/html)",
        "caf\u{e9}",
        "cafe\u{301}",
        "cafe",
        "stra\u{df}e",
        "strasse",
        "\u{130}",
        "i",
        "\u{ff4b}ey",
        "\u{1f980}",
        "\u{1f981}",
        "\u{fffd}",
        "\u{202e}key",
        "\u{7f}",
        "\u{80}",
    ]
    .map(String::from)
    .into();
    for length in [249, 250, 251, 255, 256, 1024, 2048, 100_000] {
        keys.extend([long(length, 'a'), long(length, 'b')]);
    }
    keys
}

/// The beginning of `bytes`, readable, and how many they are.
pub(super) fn show(bytes: &[u8]) -> String {
    let mut text = format!("\"{}\"", bytes[..bytes.len().min(72)].escape_ascii());
    if bytes.len() > 72 {
        write!(text, "… ({} bytes)", bytes.len()).expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::DummyKeyValue;
    use crate::conformance::Subject;

    #[test]
    fn every_key_of_the_suite_is_another_one_and_the_limits_are_met() {
        let prefix = Subject::new(Arc::new(DummyKeyValue)).prefix;
        let keys = keys(&prefix);
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        for length in [250, 251, 100_000] {
            assert!(
                keys.iter().any(|key| prefix.len() + key.len() == length),
                "{length}"
            );
        }
    }
}
