//! Why a store gave no answer.
//!
//! Steps 1, 4 and 6 of a lookup. To a lookup each is a miss, with a reason of its own.

use crate::error::{Error, ErrorKind};
use crate::reason::Reason;

/// Why a store gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It failed.
    Failed,
    /// It is well, and does not accept this key or value.
    Rejected,
    /// It is well, and does not accept a value of this length.
    TooLarge,
    /// It did not answer within the deadline.
    Late,
    /// It was not asked: it failed a few times in a row.
    Skipped,
}

impl Unanswered {
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Rejected => Self::Rejected,
            _ => Self::Failed,
        }
    }
}

impl From<Unanswered> for Reason {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Failed | Unanswered::Rejected | Unanswered::TooLarge => Self::BackendError,
            Unanswered::Late => Self::BackendTimeout,
            Unanswered::Skipped => Self::BackendSkipped,
        }
    }
}
