//! Results that are too large to store.
//!
//! Part of step 6 of a lookup.

use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::key::Key;
use crate::log::Cut;

/// What an entry may have besides its result: key, tags and clocks.
pub(crate) const ENVELOPE: usize = 64 << 10;
/// How often the log tells of results that are too large to store.
const TOLD_EVERY_MS: u64 = 60_000;

/// Whether `entry` is too large for the cache or its store.
pub(crate) fn is_it(engine: &Engine, entry: &Entry) -> bool {
    let length = entry.to_bytes().len();
    let is_over =
        entry.body().len() > engine.max_entry || length > engine.max_entry.saturating_add(ENVELOPE);
    is_over || engine.store.refuses(length)
}

/// Notes a result that is too large to store, and logs it once a minute.
pub(crate) fn note(engine: &Engine, key: &Key, bytes: usize) {
    engine.history.note_too_large(key.as_str());
    let now_ms = engine.clock.now_ms();
    if engine.paces.too_large.allows(now_ms, TOLD_EVERY_MS) {
        tracing::warn!(
            key = %Cut(key),
            bytes,
            max_entry = engine.max_entry,
            "a result is too large to store: it is computed for every request"
        );
    }
}
