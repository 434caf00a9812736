//! What the layers of the store hold.
//!
//! Shown by `cache/stats`.

use giotto_cache::LayerMeasure;
use serde::Serialize;

use crate::management::text::{grouped, size};

/// What one layer of the store holds; `null` = not known, or for the most that it keeps, no limit.
#[derive(Serialize)]
pub(super) struct Holdings {
    store: String,
    entries: Option<u64>,
    max_entries: Option<u64>,
    bytes: Option<u64>,
    max_bytes: Option<u64>,
    /// Whether entries and bytes are no count.
    is_estimate: bool,
    /// Values that had to leave for others since the server started.
    evictions: Option<u64>,
    /// What the figures are of.
    of: Option<String>,
    notes: Vec<String>,
    /// Why there are no figures.
    error: Option<String>,
}

impl From<LayerMeasure> for Holdings {
    fn from(layer: LayerMeasure) -> Self {
        let (measure, error) = match layer.measure {
            Ok(measure) => (measure, None),
            Err(error) => (Default::default(), Some(error.to_string())),
        };
        Self {
            store: layer.store,
            entries: measure.entries,
            max_entries: measure.max_entries,
            bytes: measure.bytes,
            max_bytes: measure.max_bytes,
            is_estimate: measure.is_estimate,
            evictions: measure.evictions,
            of: Some(measure.of).filter(|of| !of.is_empty()),
            notes: measure.notes,
            error,
        }
    }
}

impl Holdings {
    /// Names and texts, for people.
    pub(super) fn lines(&self) -> Vec<(&str, String)> {
        let about = if self.is_estimate { "about " } else { "" };
        let of = |most: Option<u64>, shown: fn(u64) -> String| {
            most.map_or_else(String::new, |most| format!(" of {}", shown(most)))
        };
        let mut lines = vec![("store", self.store.clone())];
        if let Some(entries) = self.entries {
            let most = of(self.max_entries, grouped);
            lines.push(("entries", format!("{about}{}{most}", grouped(entries))));
        }
        if let Some(bytes) = self.bytes {
            let most = of(self.max_bytes, size);
            let exact = match bytes {
                0..1024 => String::new(),
                bytes => format!(" ({} bytes)", grouped(bytes)),
            };
            lines.push(("bytes", format!("{about}{}{exact}{most}", size(bytes))));
        }
        if let Some(evictions) = self.evictions {
            lines.push(("evictions", grouped(evictions)));
        }
        lines.extend(self.of.clone().map(|of| ("figures of", of)));
        match &self.error {
            Some(error) => lines.push(("", format!("did not answer: {error}"))),
            None if lines.len() == 1 => lines.push(("", "cannot tell what it holds".to_owned())),
            None => lines.extend(self.notes.iter().map(|note| ("", note.clone()))),
        }
        lines
    }
}
