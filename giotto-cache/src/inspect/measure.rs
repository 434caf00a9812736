//! How much the store holds.
//!
//! No step of a lookup: an operator asks when something is wrong.

use std::time::Duration;

use tokio::time::timeout;

use crate::engine::state::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::KeyValue;

/// An operator waits longer than a lookup does: to measure a full table from a cold disk takes most of a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a store holds at one moment, as far as it can tell; see [`KeyValue::measure`](crate::KeyValue::measure).
///
/// A figure that is `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measure {
    /// What the figures are of, for example `the whole server`: seldom of one namespace, which has to be searched for.
    pub of: String,
    /// How many values: entries of the cache, and the small records beside them.
    pub entries: Option<u64>,
    /// How many bytes they take as the store counts them, with what it needs around them.
    pub bytes: Option<u64>,
    /// Whether entries and bytes are estimated from a part, and not counted.
    pub is_estimate: bool,
    /// How many values the store keeps at most; `None` also if there is no limit.
    pub max_entries: Option<u64>,
    /// How many bytes the store keeps at most; `None` also if there is no limit.
    pub max_bytes: Option<u64>,
    /// How many values were evicted since the server started.
    pub evictions: Option<u64>,
    /// What else there is to know of the figures.
    pub notes: Vec<String>,
}

/// What one layer of a store holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerMeasure {
    /// The store.
    pub store: String,
    /// What it holds, or why it did not say.
    pub measure: Result<Measure>,
}

impl Measure {
    /// Nothing known yet `of` this, for example `the whole server`.
    #[must_use]
    pub fn new(of: impl Into<String>) -> Self {
        Self {
            of: of.into(),
            ..Self::default()
        }
    }
}

/// What each layer of the store holds now.
pub(crate) async fn measure(engine: &Engine) -> Vec<LayerMeasure> {
    let deadline = engine.store.deadline().max(PATIENCE);
    let mut layers = Vec::new();
    for store in layers_of(engine.store.store()) {
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

/// The layers of `store`, the fastest first; the store itself if it has none.
pub(crate) fn layers_of(store: &dyn KeyValue) -> Vec<&dyn KeyValue> {
    let layers = store.layers();
    match layers.is_empty() {
        true => vec![store],
        false => layers,
    }
}
