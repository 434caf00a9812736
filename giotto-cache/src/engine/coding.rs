//! A result under a content coding, as a store outside this process keeps it.
//!
//! Part of step 6 of a lookup.

use bytes::Bytes;

use crate::engine::state::Engine;
use crate::entry::{Entry, zstd};
use crate::key::Key;

/// A smaller result is stored as it is.
const MIN_CODED: usize = 1 << 10;
/// A larger result takes longer to code than other tasks should wait.
const MAX_INLINE: usize = 64 << 10;

/// The bytes of the entry as they are stored: coded, where that is worth it. The callers have their answer already.
pub(crate) async fn stored_bytes(engine: &Engine, key: &Key, entry: &Entry) -> Bytes {
    let body = entry.body();
    let coded = match body.len() {
        length if length < MIN_CODED || entry.is_negative() || !engine.is_coding() => None,
        ..=MAX_INLINE => zstd::encode(&body),
        _ => {
            let coded = tokio::task::spawn_blocking(move || zstd::encode(&body));
            coded.await.unwrap_or_default()
        }
    };
    let raw = coded.and_then(|coded| entry.with_coded(key, &coded, &engine.signer));
    raw.unwrap_or_else(|| entry.to_bytes())
}
