//! Decoded values, kept beside the bytes that they were decoded from.
//!
//! Step 2 of a lookup of a function's result, after the entry was found: the engine has decided that these bytes may be served,
//! and the value that they are is at hand. Only where entries are in the memory of this process: there, each hit gets the same
//! bytes at the same address.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// How many bytes of decoded values are kept, by default.
pub(crate) const DEFAULT_MAX_BYTES: u64 = 16 << 20;

/// What is not in the bytes: the slot, the headers of allocations, the room that collections leave.
const OVERHEAD: u64 = 256;
/// How much larger a value is than its bytes, roughly: numbers and lengths are stored in one byte where they are small.
const FACTOR: u64 = 4;
/// A shard holds one entry of 1 MiB, the largest that is stored by default.
const SHARD_BYTES: u64 = 4 << 20;

/// Decoded values by the address of their bytes. The bytes are held with them, so that the address is not that of others.
pub(crate) struct Kept {
    /// Made by the first value: a cache without functions has none.
    values: OnceLock<Cache<usize, Value, ByWeight>>,
    max_bytes: u64,
}

struct Value {
    decoded: Arc<dyn Any + Send + Sync>,
    weight: u64,
    /// `None` in a clone, which is what a reader gets.
    _bytes: Option<Bytes>,
}

/// Without the bytes: a reader has them already.
impl Clone for Value {
    fn clone(&self) -> Self {
        Self {
            decoded: Arc::clone(&self.decoded),
            weight: self.weight,
            _bytes: None,
        }
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<usize, Value> for ByWeight {
    fn weight(&self, _: &usize, value: &Value) -> u64 {
        value.weight
    }
}

impl Kept {
    pub(crate) const fn new(max_bytes: u64) -> Self {
        Self {
            values: OnceLock::new(),
            max_bytes,
        }
    }

    /// Whether there is no room for any value.
    pub(crate) const fn is_off(&self) -> bool {
        self.max_bytes == 0
    }

    /// The value that was decoded from `bytes`, if it is kept and is a `T`.
    #[inline]
    pub(crate) fn get<T: Send + Sync + 'static>(&self, bytes: &[u8]) -> Option<Arc<T>> {
        let value = self.values.get()?.get(&address(bytes))?;
        value.decoded.downcast().ok()
    }

    /// Keeps `decoded`, the value that `bytes` are.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, bytes: &Bytes, decoded: Arc<T>) {
        let values = self.values.get_or_init(|| self.room());
        let value = Value {
            decoded,
            weight: bytes.len() as u64 * FACTOR + size_of::<T>() as u64 + OVERHEAD,
            _bytes: Some(bytes.clone()),
        };
        values.insert(address(bytes), value);
    }

    fn room(&self) -> Cache<usize, Value, ByWeight> {
        let shards = (self.max_bytes / SHARD_BYTES).clamp(1, 64);
        let options = OptionsBuilder::new()
            .shards(1 << shards.ilog2())
            .weight_capacity(self.max_bytes)
            .estimated_items_capacity(usize::try_from(self.max_bytes / 4096).unwrap_or(usize::MAX))
            .build()
            .expect("both capacities are set");
        let (hash, lifecycle) = (DefaultHashBuilder::default(), Default::default());
        Cache::with_options(options, ByWeight, hash, lifecycle)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.get();
        f.debug_struct("Kept")
            .field("values", &values.map_or(0, Cache::len))
            .field("max_bytes", &self.max_bytes)
            .finish()
    }
}

/// No encoded value is empty, so that no two have one address.
fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_its_bytes_and_of_its_type() {
        let kept = Kept::new(DEFAULT_MAX_BYTES);
        let (bytes, equal) = (Bytes::from(vec![7]), Bytes::from(vec![7]));
        assert_eq!(kept.get::<u8>(&bytes), None);
        kept.keep(&bytes, Arc::new(7_u8));
        assert_eq!(kept.get::<u8>(&bytes.slice(..)), Some(Arc::new(7)));
        assert_eq!(kept.get::<u8>(&equal), None);
        assert_eq!(kept.get::<i8>(&bytes), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let kept = Kept::new(1 << 20);
        let all: Vec<_> = (0..1_000_u32)
            .map(|number| (number, Bytes::from(vec![1; 4096])))
            .collect();
        for (number, bytes) in &all {
            kept.keep(bytes, Arc::new(*number));
        }
        let left = all.iter().filter(|(number, bytes)| {
            let value = kept.get::<u32>(bytes);
            assert!(value.as_deref().is_none_or(|value| value == number));
            value.is_some()
        });
        assert!((1..=(1 << 20) / (4096 * FACTOR as usize)).contains(&left.count()));
        // What has left is not held any more.
        let is_free = all.into_iter().map(|(_, bytes)| bytes.is_unique());
        assert!(is_free.filter(|is_free| *is_free).count() > 900);
        let off = Kept::new(0);
        let bytes = Bytes::from(vec![7]);
        off.keep(&bytes, Arc::new(7_u8));
        assert_eq!(off.get::<u8>(&bytes), None);
        assert!(off.is_off());
    }
}
