//! What is counted of a store, and of each of its layers.
//!
//! Beside every call to a store: steps 1, 4 and 6 of a lookup.

use super::store::GuardedStore;
use crate::keyvalue::Place;
use crate::stats::Counts;
use crate::stats::layer::LayerCounts;

impl GuardedStore {
    /// The failures that were counted here and in the store.
    pub(crate) fn counts(&self) -> Counts {
        self.meter.failures.counts() + self.store.counts()
    }

    /// What was counted of this store as the layer `name`.
    pub(crate) fn counts_as(&self, name: &str) -> LayerCounts {
        let counted = self.store.counts();
        self.meter.snapshot(name, counted, self.breakers.are_open())
    }

    /// What was counted of each layer, the fastest first; the store itself if it has none. The first has answered
    /// `hits_now` lookups more, at once.
    pub(crate) fn layer_counts(&self, hits_now: u64) -> Vec<LayerCounts> {
        let mut layers = self.store.layer_counts();
        if layers.is_empty() {
            layers.push(self.counts_as(self.store.name()));
        }
        if let Some(first) = layers.first_mut() {
            first.hits += hits_now;
            if self.place() == Place::Layered {
                first.hits += self.meter.hits.value();
            }
        }
        layers
    }
}
