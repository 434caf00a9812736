//! The names of the functions that have the attribute `#[cached]`, so that no two have one name.
//!
//! Before step 1 of the first lookup of each function. The results of two functions of one name would be taken for each other
//! where their arguments and types are the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The names in one cache, and where the functions are.
#[derive(Debug, Default)]
pub(crate) struct Names {
    places: Mutex<HashMap<String, &'static str>>,
}

impl Names {
    /// Gives `name` to the function at `place`; the place of another one that has it already.
    pub(crate) fn take(&self, name: &str, place: &'static str) -> Option<&'static str> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = *places.entry(name.to_owned()).or_insert(place);
        (owner != place).then_some(owner)
    }
}
