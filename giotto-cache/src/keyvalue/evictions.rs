//! What the memory of this process evicts, told to the budgets of programs.
//!
//! Part of the last step of a lookup, for [`LocMemKeyValue`](super::locmem::LocMemKeyValue).

use std::sync::{Arc, OnceLock};

use quick_cache::Lifecycle;

/// Who is told of what is evicted or removed.
#[derive(Clone, Default)]
pub(super) struct Evictions(Arc<OnceLock<Arc<dyn Fn(&str) + Send + Sync>>>);

impl Evictions {
    /// Tells `told` from now on; `false` if another is told already.
    pub(super) fn tell_to(&self, told: Arc<dyn Fn(&str) + Send + Sync>) -> bool {
        self.0.set(told).is_ok()
    }

    pub(super) fn tell(&self, key: &str) {
        if let Some(told) = self.0.get() {
            told(key);
        }
    }
}

impl<V> Lifecycle<Box<str>, V> for Evictions {
    /// What was evicted, to be dropped after the lock of the shard: mostly one value for one that is set.
    type RequestState = [Option<(Box<str>, V)>; 2];

    fn before_evict(&self, _: &mut Self::RequestState, key: &Box<str>, _: &mut V) {
        self.tell(key);
    }

    /// Also called for a value that is replaced by one of the same key.
    fn on_evict(&self, state: &mut Self::RequestState, key: Box<str>, value: V) {
        if let Some(free) = state.iter_mut().find(|evicted| evicted.is_none()) {
            *free = Some((key, value));
        }
    }
}
