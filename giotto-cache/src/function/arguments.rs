//! The arguments of a call as they are written in its key, in room that each thread has for them.
//!
//! Before step 1 of a lookup of a function's result: a small hit needs them, and no key.

use std::cell::Cell;

use serde::Serialize;

use crate::error::Result;
use crate::literal;

/// More room than this, in bytes, is not kept.
const LONGEST: usize = 1_024;

thread_local! {
    static ROOM: Cell<String> = const { Cell::new(String::new()) };
}

/// Arguments as a literal.
#[derive(Debug)]
pub(crate) struct Arguments(String);

impl Arguments {
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) if they cannot be written.
    #[inline]
    pub(crate) fn of(arguments: &(impl Serialize + ?Sized)) -> Result<Self> {
        // Empty where the arguments of another call are being written, or have not been left yet.
        let mut text = ROOM.try_with(Cell::take).unwrap_or_default();
        text.clear();
        let mut own = Self(text);
        literal::write(&mut own.0, arguments)?;
        Ok(own)
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Arguments {
    #[inline]
    fn drop(&mut self) {
        if self.0.capacity() <= LONGEST {
            let text = std::mem::take(&mut self.0);
            // At the end of a thread there is no room any more.
            let _ = ROOM.try_with(|room| room.set(text));
        }
    }
}
