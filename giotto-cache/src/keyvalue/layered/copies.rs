//! The copies that the layers above the last one have of its values.
//!
//! The last step of a lookup.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::LayeredKeyValue;
use crate::clock::milliseconds;
use crate::entry;
use crate::keyvalue::Place;

impl LayeredKeyValue {
    /// How long a copy of `value` may live above the last layer; `None` if it is not an entry, which alone says
    /// how long it has left.
    fn copy_for(&self, value: &[u8]) -> Option<Duration> {
        let left = entry::keep_until(value)?.saturating_sub(self.settings.clock.now_ms());
        let longest = milliseconds(self.settings.refill);
        Some(Duration::from_millis(left.min(longest))).filter(|left| !left.is_zero())
    }

    /// Copies what the last layer has to all above it. A copy is not copied again: it would live on for the time
    /// of each.
    pub(super) async fn refill_all(&self, key: &str, value: &Bytes) {
        let Some(expire) = self.copy_for(value) else {
            return;
        };
        // A copy of the bytes, because what a client returned may be a slice of a larger buffer.
        let copy = Bytes::copy_from_slice(value);
        for (number, above) in self.layers.iter().enumerate().take(self.layers.len() - 1) {
            if above.place() == Place::InProcess {
                above.set_for(key, copy.clone(), expire).await;
            } else {
                let (layers, copy, key) = (Arc::clone(&self.layers), copy.clone(), key.to_owned());
                tokio::spawn(async move { layers[number].set_for(&key, copy, expire).await });
            }
        }
    }

    /// Removes from all layers but the last what the last one contradicts. One that does not answer forgets its
    /// copy by itself, soon.
    pub(super) async fn forget_above(&self, key: &str) {
        for above in self.layers.iter().take(self.layers.len() - 1) {
            // Looked for first: a store of one's own may have no `delete`, and mostly has no copy either.
            if above.get(key).await != Ok(None) {
                let _ = above.delete(key).await;
            }
        }
    }
}
