//! How much the store holds.
//!
//! No step of a request: for people, who ask when something is wrong.

use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::timeout;

use crate::cache::Cache;
use crate::{Error, ErrorKind, Result};

/// An operator waits longer than a lookup does: to measure a full table from a cold disk takes most of a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a store holds at one moment, as far as it can tell; see [`KeyValue::measure`](crate::KeyValue::measure).
///
/// A figure that is `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// How many values had to leave for others since the server started.
    pub evictions: Option<u64>,
    /// What else there is to know of the figures.
    pub notes: Vec<String>,
}

/// What one layer of a store holds. It serialises as one map: the figures, `null` = not known, and the error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerMeasure {
    /// The store.
    pub store: String,
    /// What it holds, or why it did not say.
    pub measure: Result<Measure>,
}

impl Serialize for LayerMeasure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'m> {
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
        let store = &self.store;
        Shown {
            store,
            measure,
            error,
        }
        .serialize(serializer)
    }
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
