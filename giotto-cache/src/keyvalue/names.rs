//! What the layers of a store are called.
//!
//! No step of a lookup; for counters and management.

use super::KeyValue;

/// The names of `layers`, with a number where several have the same: `redis`, `redis-2`.
pub(crate) fn names_of(layers: &[&dyn KeyValue]) -> Vec<String> {
    let names: Vec<_> = layers.iter().map(|layer| layer.name()).collect();
    let numbered = names.iter().enumerate().map(|(at, name)| {
        let before = names[..at].iter().filter(|other| *other == name);
        match before.count() {
            0 => (*name).to_owned(),
            before => format!("{name}-{}", before + 1),
        }
    });
    numbered.collect()
}
