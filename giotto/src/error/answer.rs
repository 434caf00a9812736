//! Answers of a model that are no value: another address, or the old page.
//!
//! A model returns them in step 6 of an invocation.

/// The old page is still right: returned as an error by a model that has looked at
/// [`CacheControl::old_value`](giotto_cache::CacheControl::old_value). The page is fresh again as if it had been
/// computed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotModified;

/// Sends the caller to another address: returned by a model instead of a value.
///
/// A model that sometimes returns a value returns `Err(Redirection::to("/login").into())` the other times. A model may
/// also return a `Result<Redirection, Error>`; its view is never asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    pub(super) location: String,
}

impl Redirection {
    /// To `location`, a path or an absolute URL: HTTP 302.
    #[must_use]
    pub fn to(location: impl Into<String>) -> Self {
        Self {
            location: location.into(),
        }
    }
}
