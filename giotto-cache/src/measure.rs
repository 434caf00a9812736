//! How much the store holds.
//!
//! No step of a request: for people, who ask when something is wrong.

use std::time::Duration;

use tokio::time::timeout;

use crate::cache::Cache;
use crate::keyvalue::measure::Measure;
use crate::{Error, ErrorKind, Result};

/// An operator waits longer than a lookup does: to measure a full table from a cold disk takes most of a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one layer of a store holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerMeasure {
    /// The store.
    pub store: String,
    /// What it holds, or why it did not say.
    pub measure: Result<Measure>,
}

impl Cache {
    /// What each layer of the store holds now, the fastest first; a store without layers is one. Each has two seconds,
    /// or the deadline of any call if that is longer.
    pub async fn measure(&self) -> Vec<LayerMeasure> {
        let deadline = self.inner.backend.deadline().max(PATIENCE);
        let mut layers = Vec::new();
        for store in self.stores() {
            let late = |_| {
                let message = format!("no reply within {deadline:?}");
                Err(Error::new(ErrorKind::Backend, message))
            };
            let measure = timeout(deadline, store.measure()).await;
            layers.push(LayerMeasure {
                store: format!("{store:?}"),
                measure: measure.unwrap_or_else(late),
            });
        }
        layers
    }
}
