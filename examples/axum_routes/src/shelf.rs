//! The data that programs and routes share.

use std::sync::{Arc, Mutex, PoisonError};

/// In place of the pool of a database: a clone shares the books, as a clone of a pool shares its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<Vec<String>>>);

impl Shelf {
    pub(crate) fn books(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn add(&self, title: String) {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        books.push(title);
    }
}
