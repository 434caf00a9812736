//! An entry that is named by its key, or by a part of it: of a cache that no manifest is around.
//!
//! The layer of `giotto-tower`, functions and code that uses the cache itself make keys of their own. An operator sees them in
//! `cache/list`.

use giotto_cache::{Key, Policy};

use super::words::wrong;
use crate::app::App;
use crate::error::Result;

const CENTURY: u64 = 100 * 365 * 24 * 3_600;

/// The key that `words` are; `None` if the programs of a manifest are named otherwise.
pub(in crate::management) fn key_of(words: &[String], app: &App) -> Option<Result<Key>> {
    app.is_of_cache().then(|| {
        let text = words.join(" ");
        Key::read(&*text).ok_or_else(|| {
            let message = "this is not a key, and the cache has no manifest whose programs have other names: give the whole \
                           key in quotation marks, as `mgt/cache/list` shows it";
            wrong(&text, message)
        })
    })
}

/// The policy of lookups of such a cache, as far as an operator can know: an entry says itself for how long it may be served.
pub(in crate::management) fn any_policy() -> Policy {
    Policy::seconds(CENTURY)
        .stale_while_revalidate(CENTURY)
        .stale_if_error(CENTURY)
        .negative(CENTURY)
}
