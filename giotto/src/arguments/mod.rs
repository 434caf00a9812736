//! Arguments of a program: from what was given to typed values and the text that stands for them in a key.
//!
//! Step 3 of an invocation.

mod key;
mod order;
mod plain;
mod reading;

pub(crate) use key::{Read, is_plain, text};
pub(crate) use reading::Reading;
