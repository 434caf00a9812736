//! The copies that the layers above the last one have of its values.
//!
//! The last step of a lookup.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::LayeredKeyValue;
use crate::clock::milliseconds;
use crate::entry::codec;
use crate::keyvalue::Place;

impl LayeredKeyValue {
    /// How long a copy of `value` may live above the last layer; `None` if it is not an entry, which alone says
    /// how long it has left.
    fn copy_for(&self, value: &[u8]) -> Option<Duration> {
        let left = codec::keep_until(value)?.saturating_sub(self.settings.clock.now_ms());
        let longest = milliseconds(self.settings.refill);
        Some(Duration::from_millis(left.min(longest))).filter(|left| !left.is_zero())
    }

    /// How often copies were forgotten until now.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    /// Copies a value of the last layer to all layers above. A copy is not copied again: it would live for the time of each.
    /// Before the value was read, copies had been `forgotten` so often. Race: they are forgotten again before the value is
    /// copied; then the copy of it is, too.
    pub(super) async fn refill_all(&self, key: &str, value: &Bytes, forgotten: u64) {
        let Some(expire) = self.copy_for(value) else {
            return;
        };
        // The bytes are copied, because a client may return a slice of a larger buffer.
        let copy = Bytes::copy_from_slice(value);
        for (number, above) in self.layers.iter().enumerate().take(self.layers.len() - 1) {
            if above.place() == Place::InProcess {
                above.set_for(key, copy.clone(), expire).await;
                if self.forgotten() != forgotten {
                    let _ = above.delete(key).await;
                }
            } else {
                let (layers, copy, key) = (Arc::clone(&self.layers), copy.clone(), key.to_owned());
                tokio::spawn(async move { layers[number].set_for(&key, copy, expire).await });
            }
        }
    }

    /// Removes the copies of the values of `keys`, or of all, from this process's memory.
    pub(super) async fn forget_in_memory(&self, keys: Option<&[&str]>) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        for above in self.layers.iter().take(self.layers.len() - 1) {
            if above.place() != Place::InProcess {
                continue;
            }
            match keys {
                Some(keys) => {
                    for key in keys {
                        let _ = above.delete(key).await;
                    }
                }
                None => {
                    let _ = above.store().clear().await;
                }
            }
        }
    }

    /// Removes the copies of a value that the last layer contradicts. In a layer that does not answer, the copy soon
    /// expires.
    pub(super) async fn forget_above(&self, key: &str) {
        for above in self.layers.iter().take(self.layers.len() - 1) {
            // It is looked for first: a store may not implement `delete`, and mostly has no copy.
            if above.get(key).await != Ok(None) {
                let _ = above.delete(key).await;
            }
        }
    }
}
