//! What the memory of this process is made of: values, their weight, and who is told when they leave.
//!
//! Part of the last step of a lookup, for [`LocMemKeyValue`](super::locmem::LocMemKeyValue).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use quick_cache::{Lifecycle, Weighter};

/// What an entry costs besides its key and value: the slot of the table (about 90 bytes, twice because the
/// table doubles when it grows), the headers of three allocations, and the count that shares the bytes.
/// Measured by `cargo bench --bench memory`: 180 bytes for the smallest entries, 268 for 1 KiB.
const OVERHEAD: u64 = 256;

#[derive(Clone)]
pub(super) struct Cell {
    pub(super) value: Bytes,
    /// `u64::MAX` = never.
    pub(super) expires_ms: u64,
}

impl Cell {
    pub(super) fn weight(&self, key: &str) -> u64 {
        (key.len() + self.value.len()) as u64 + OVERHEAD
    }
}

#[derive(Clone)]
pub(super) struct CellWeighter;

impl Weighter<Box<str>, Cell> for CellWeighter {
    fn weight(&self, key: &Box<str>, cell: &Cell) -> u64 {
        cell.weight(key)
    }
}

/// Who is told of what is evicted or removed.
#[derive(Clone, Default)]
pub(super) struct Evictions(Arc<OnceLock<Told>>);

type Told = Arc<dyn Fn(&str) + Send + Sync>;

impl Evictions {
    /// Tells `told` from now on; `false` if another is told already.
    pub(super) fn tell_to(&self, told: Told) -> bool {
        self.0.set(told).is_ok()
    }

    pub(super) fn tell(&self, key: &str) {
        if let Some(told) = self.0.get() {
            told(key);
        }
    }
}

impl Lifecycle<Box<str>, Cell> for Evictions {
    /// What was evicted, to be dropped after the lock of the shard: mostly one value for one that is set.
    type RequestState = [Option<(Box<str>, Cell)>; 2];

    fn before_evict(&self, _: &mut Self::RequestState, key: &Box<str>, _: &mut Cell) {
        self.tell(key);
    }

    /// Also called for a value that is replaced by one of the same key.
    fn on_evict(&self, state: &mut Self::RequestState, key: Box<str>, value: Cell) {
        if let Some(free) = state.iter_mut().find(|evicted| evicted.is_none()) {
            *free = Some((key, value));
        }
    }
}
