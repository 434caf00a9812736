//! The errors of layers: the layer has counted and logged the cause.
//!
//! The last step of a lookup that fails.

use crate::error::{Error, ErrorKind};

pub(super) fn refused(is_too_large: bool) -> Error {
    Error::new(
        match is_too_large {
            true => ErrorKind::TooLarge,
            false => ErrorKind::Rejected,
        },
        "the last layer of the cache does not accept this key or value",
    )
}

pub(super) fn unanswered() -> Error {
    Error::new(
        ErrorKind::Backend,
        "a layer of the cache did not answer; the log says which and why",
    )
}
