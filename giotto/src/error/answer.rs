//! Answers of a model other than a value: a redirection, or the old page.
//!
//! A model returns them in step 6 of an invocation.

/// The old page is still correct. A model that has compared its data with
/// [`CacheControl::old_value`](giotto_cache::CacheControl::old_value) returns this as an error. The old page then counts as
/// computed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotModified;

/// Sends the caller to another address. A model returns it instead of a value.
///
/// A model that returns a value in other cases returns `Err(Redirection::to("/login").into())`. A model may also return a
/// `Result<Redirection, Error>`. A redirection is not rendered.
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
