//! The values of functions: what may be one, and how it is read from an entry.
//!
//! After step 7 of a lookup, and in every hit.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::encoding::{self, Unusable};
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::keyvalue::Place;

/// Up to so many bytes are decoded in the time in which a kept value is found.
const SHORT: usize = 16;

/// An error of a function, of any type that converts into this one.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a function may return to be stored: serde writes and reads it, and it can be shared among callers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as the result of a function",
    label = "it has to implement serde's `Serialize` and `Deserialize`, and to own what it has",
    note = "derive both, with `#[derive(serde::Serialize, serde::Deserialize)]`; of a `Result<T, E>`, only `T` is stored"
)]
pub trait Value: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Value for T {}

/// A value that was found.
pub(crate) enum Found<'f, T> {
    /// Of its caller alone.
    Own(T),
    Shared(Arc<T>),
    Lent(&'f Arc<T>),
}

impl<T> Found<'_, T> {
    pub(crate) fn shared(self) -> Arc<T> {
        match self {
            Self::Own(value) => Arc::new(value),
            Self::Shared(value) => value,
            Self::Lent(value) => Arc::clone(value),
        }
    }

    pub(crate) fn own(self) -> T
    where
        T: Clone,
    {
        match self {
            Self::Own(value) => value,
            Self::Shared(value) => Arc::unwrap_or_clone(value),
            Self::Lent(value) => T::clone(value),
        }
    }
}

/// The value of `entry`.
#[inline]
pub(super) fn value_of<T: Value>(
    engine: &Engine,
    entry: &Entry,
) -> Result<Found<'static, T>, Unusable> {
    let bytes = entry.lend_body();
    if !keeps(engine, bytes) {
        return encoding::decode(bytes).map(Found::Own);
    }
    if let Some(value) = engine.functions.kept.get(bytes) {
        return Ok(Found::Shared(value));
    }
    let value = Arc::new(encoding::decode::<T>(bytes)?);
    keep(engine, entry, &value);
    Ok(Found::Shared(value))
}

/// Keeps `value` beside the bytes of `entry`, as which it is stored.
pub(super) fn keep<T: Value>(engine: &Engine, entry: &Entry, value: &Arc<T>) {
    if keeps(engine, entry.lend_body()) {
        engine.functions.kept.keep(&entry.body(), Arc::clone(value));
    }
}

/// Whether the next hit gets the same bytes, and decoding them takes longer than finding the value.
fn keeps(engine: &Engine, bytes: &[u8]) -> bool {
    let is_at_hand = matches!(engine.store.place(), Place::InProcess | Place::Layered);
    is_at_hand && bytes.len() > SHORT && !engine.functions.kept.is_off()
}

/// Whether `bytes` are a value of type `T`.
pub(super) fn is_value<T: Value>(bytes: &[u8]) -> bool {
    encoding::decode::<T>(bytes).is_ok()
}
