//! Stored values that are no entries: a miss, of which the log tells.
//!
//! Part of step 2 of a lookup.

use crate::engine::state::Engine;
use crate::entry::codec::Undecodable;
use crate::key::Key;
use crate::log::Cut;
use crate::reason::Reason;

/// How often the log tells of values that are no entries.
const IGNORED_EVERY_MS: u64 = 60_000;

/// Why a stored value is a miss. The log tells once a minute of a value that another program must have stored.
pub(crate) fn ignored(engine: &Engine, key: &Key, error: Undecodable) -> Reason {
    tracing::debug!(%error, key = %Cut(key), "a stored value was ignored");
    let now_ms = engine.clock.now_ms();
    if !matches!(error, Undecodable::Version)
        && engine.paces.ignored.allows(now_ms, IGNORED_EVERY_MS)
    {
        tracing::warn!(
            %error,
            key = %Cut(key),
            "a stored value is not an entry of its key: it is a miss and will be overwritten; mgt/cache/stats counts \
             them"
        );
    }
    match error {
        Undecodable::Forged => Reason::Forged,
        _ => Reason::Undecodable,
    }
}
