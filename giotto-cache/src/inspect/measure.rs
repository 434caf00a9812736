//! How much the store holds.
//!
//! No step of a lookup: an operator asks when something is wrong.

use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::timeout;

use crate::engine::state::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::KeyValue;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::names::names_of;

/// An operator waits longer than a lookup does: to measure a full table from a cold disk takes most of a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one layer of a store holds. It serialises as one map: the figures, `null` = not known, and the error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerMeasure {
    /// The name of the layer, as in [`LayerCounts`](crate::LayerCounts).
    pub name: String,
    /// The store.
    pub store: String,
    /// What it holds, or why it did not say.
    pub measure: Result<Measure>,
}

impl Serialize for LayerMeasure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'m> {
            name: &'m str,
            store: &'m str,
            #[serde(flatten)]
            measure: &'m Measure,
            error: Option<String>,
        }
        let unknown = Measure::default();
        let (measure, error) = match &self.measure {
            Ok(measure) => (measure, None),
            Err(error) => (&unknown, Some(error.to_string())),
        };
        let Self { name, store, .. } = self;
        Shown {
            name,
            store,
            measure,
            error,
        }
        .serialize(serializer)
    }
}

/// What each layer of the store holds now.
pub(crate) async fn measure(engine: &Engine) -> Vec<LayerMeasure> {
    let deadline = engine.store.deadline().max(PATIENCE);
    let mut layers = Vec::new();
    let stores = layers_of(engine.store.store());
    for (store, name) in stores.iter().zip(names_of(&stores)) {
        let late = |_| {
            let message = format!("no reply within {deadline:?}");
            Err(Error::new(ErrorKind::Backend, message))
        };
        let measure = timeout(deadline, store.measure()).await;
        layers.push(LayerMeasure {
            name,
            store: format!("{store:?}"),
            measure: measure.unwrap_or_else(late),
        });
    }
    layers
}

/// The layers of `store`, the fastest first; the store itself if it has none.
pub(crate) fn layers_of(store: &dyn KeyValue) -> Vec<&dyn KeyValue> {
    let layers = store.layers();
    match layers.is_empty() {
        true => vec![store],
        false => layers,
    }
}
