//! One page of the keys of a namespace, in the order of their digests, with the beginning of each value.
//!
//! No step of a lookup; for management.

use super::call::{Call, Chosen, Found};
use super::engine::Engine;
use crate::error::Result;
use crate::keyvalue::namespace::Namespace;
use crate::keyvalue::scan::{Scan, Scanned, StoredValue, foreign_cursor};

/// The rows that one statement reads.
const STEP: usize = 500;

/// A cursor is the digest of the last row, in hexadecimal digits.
pub(super) async fn scan(
    engine: &dyn Engine,
    namespace: &Namespace,
    scan: &Scan,
) -> Result<Scanned> {
    let after = match scan.cursor.as_deref() {
        None => Vec::new(),
        Some(cursor) => digest(cursor).ok_or_else(|| foreign_cursor(cursor))?,
    };
    let limit = scan.limit.clamp(1, STEP);
    let chosen = Chosen {
        prefix: namespace.prefix().to_owned(),
        part: scan.part.clone(),
    };
    let found = engine
        .run(Call::Scan(chosen, after, limit as u32))
        .await?
        .found;
    let looked_at = found.len();
    let next = found
        .last()
        .filter(|_| looked_at >= limit)
        .map(|last| hex(&last.digest));
    let own = namespace.stored("").len();
    let is_ours = |key: &str| key.starts_with(namespace.prefix()) && key.contains(&scan.part);
    let value = |found: Found| {
        let (stored_key, head) = found.chosen.filter(|(key, _)| is_ours(key))?;
        Some(StoredValue {
            key: Some(stored_key[own..].to_owned()),
            stored_key,
            bytes: Some(found.bytes),
            head: Some(head),
            expires_in: None,
        })
    };
    let values = found.into_iter().filter_map(value).collect();
    Ok(Scanned::new(values, looked_at as u64, next))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(cursor: &str) -> Option<Vec<u8>> {
    let is_digest = cursor.len() == 32 && cursor.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(cursor, 16)
        .ok()
        .filter(|_| is_digest)?;
    Some(number.to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_digest_and_nothing_else() {
        let bytes = [0xab; 16];
        assert_eq!(digest(&hex(&bytes)), Some(bytes.to_vec()));
        for odd in [
            "",
            "ab",
            "+bababababababababababababababab0",
            &"é".repeat(16),
            &"a".repeat(33),
        ] {
            assert_eq!(digest(odd), None, "{odd}");
        }
    }
}
