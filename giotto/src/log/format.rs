//! The form of log lines.
//!
//! Beside every step.

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people: `client=192.0.2.7 status=200`.
    #[default]
    Text,
    /// For programs: one object of JSON a line.
    Json,
}
