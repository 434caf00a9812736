//! What most calls of a function come to: a fresh result in a store that answers at once.
//!
//! Steps 1 and 2 of its lookup. The thread may have been served it a moment ago (`recent.rs`); otherwise the key is written, and
//! the store is asked.

use std::sync::Arc;

use super::arguments::Arguments;
use super::call::Function;
use super::value::{Found, Value, value_of};
use crate::engine::hit::{self, Terms};
use crate::engine::recent::{Call, Served};
use crate::entry::Entry;
use crate::key::Key;
use crate::lookup::Mode;
use crate::trace;

impl Function<'_> {
    /// What `give` makes of a fresh result that is found at once; the key of the call if there is none.
    #[inline]
    pub(super) fn hit<T: Value, R>(
        &self,
        arguments: &Arguments,
        give: impl Fn(Found<'_, T>) -> R,
    ) -> Result<R, Key> {
        // A subscriber that asks for spans gets one for each lookup.
        let is_plain = self.mode == Mode::Prefer && !self.policy.refreshes_early();
        if !is_plain || trace::is_on() {
            return Err(self.key_of::<T>(arguments));
        }
        let call = Call::of(self.cache.engine(), self.name, arguments.as_str());
        let again = |served: &Served| self.value_again(served).map(&give);
        let served = |call: Call<'_>| call.served::<T, _>(self.terms(), again);
        match call.and_then(served) {
            Some(given) => Ok(given),
            None => self.hit_stored(call, self.key_of::<T>(arguments), give),
        }
    }

    #[inline]
    fn terms(&self) -> Terms<'_> {
        Terms {
            policy: &self.policy,
            tags: &self.tags,
            accepts_coded: false,
            is_independent: self.is_independent,
        }
    }

    #[inline]
    fn value_again<'s, T: Value>(&self, served: &'s Served) -> Option<Found<'s, T>> {
        match served.value() {
            Some(value) => Some(Found::Lent(value)),
            None => value_of(self.cache.engine(), &served.entry).ok(),
        }
    }

    fn hit_stored<T: Value, R>(
        &self,
        call: Option<Call<'_>>,
        key: Key,
        give: impl Fn(Found<'_, T>) -> R,
    ) -> Result<R, Key> {
        let engine = self.cache.engine();
        // Its caller is not told the time.
        let now = |fresh_until| engine.functions.ticks.now_before(fresh_until);
        let take = |entry, _| {
            let found = value_of(engine, &entry).ok()?;
            Some(give(match call.filter(Call::is_again) {
                Some(call) => self.remembered(call, &key, &entry, found),
                None => found,
            }))
        };
        let found = hit::at_once(engine, &key, self.terms(), now, take);
        found.flatten().ok_or(key)
    }

    /// What was found, which this thread can be served again.
    #[cold]
    fn remembered<'f, T: Value>(
        &self,
        call: Call<'_>,
        key: &Key,
        entry: &Entry,
        found: Found<'f, T>,
    ) -> Found<'f, T> {
        if self.cache.engine().functions.kept.is_off() {
            call.remember::<T>(key, entry, None);
            return found;
        }
        let value = found.shared();
        call.remember(key, entry, Some(Arc::clone(&value)));
        Found::Shared(value)
    }
}
