//! The lines of `cache/stats` about what the store holds.
//!
//! Part of a report: runs no model.

use giotto_cache::LayerMeasure;

use crate::management::text::{grouped, size};

/// The figures of one layer, for people.
pub(super) fn lines(layer: &LayerMeasure) -> Vec<(&str, String)> {
    let mut lines = vec![("store", layer.store.clone())];
    let measure = match &layer.measure {
        Ok(measure) => measure,
        Err(error) => {
            lines.push(("", format!("did not answer: {error}")));
            return lines;
        }
    };
    let about = if measure.is_estimate { "about " } else { "" };
    let of = |most: Option<u64>, shown: fn(u64) -> String| {
        most.map_or_else(String::new, |most| format!(" of {}", shown(most)))
    };
    if let Some(entries) = measure.entries {
        let most = of(measure.max_entries, grouped);
        lines.push(("entries", format!("{about}{}{most}", grouped(entries))));
    }
    if let Some(bytes) = measure.bytes {
        let most = of(measure.max_bytes, size);
        let exact = match bytes {
            0..1024 => String::new(),
            bytes => format!(" ({} bytes)", grouped(bytes)),
        };
        lines.push(("bytes", format!("{about}{}{exact}{most}", size(bytes))));
    }
    if let Some(evictions) = measure.evictions {
        lines.push(("evictions", grouped(evictions)));
    }
    if !measure.of.is_empty() {
        lines.push(("figures of", measure.of.clone()));
    }
    match lines.len() {
        1 => lines.push(("", "cannot tell what it holds".to_owned())),
        _ => lines.extend(measure.notes.iter().map(|note| ("", note.clone()))),
    }
    lines
}
