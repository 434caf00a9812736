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
///
/// Over HTTP its status is 302, and 303 after a POST, so that the client reads the other address with GET. The other methods
/// choose another status:
///
/// ```
/// use giotto::Redirection;
///
/// let moved = Redirection::to("/articles/12").permanent();
/// assert_eq!(moved.location(), "/articles/12");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    location: String,
    way: Way,
}

/// The status of a redirection, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// See other after a POST, found otherwise.
    Usual,
    MovedPermanently,
    Found,
    SeeOther,
    Temporary,
    Permanent,
}

impl Redirection {
    /// To `location`, a path or an absolute URL: HTTP 302, and 303 after a POST.
    #[must_use]
    pub fn to(location: impl Into<String>) -> Self {
        Self {
            location: location.into(),
            way: Way::Usual,
        }
    }

    /// For good, and a POST may become a GET: HTTP 301. [`permanent`](Self::permanent) keeps the method.
    #[must_use]
    pub fn moved_permanently(self) -> Self {
        self.by(Way::MovedPermanently)
    }

    /// For now, and a POST may become a GET: HTTP 302, after a POST, too.
    #[must_use]
    pub fn found(self) -> Self {
        self.by(Way::Found)
    }

    /// To an address that is read with GET, whatever the method was: HTTP 303, after a GET, too.
    #[must_use]
    pub fn see_other(self) -> Self {
        self.by(Way::SeeOther)
    }

    /// For now, with the same method and body: HTTP 307.
    #[must_use]
    pub fn temporary(self) -> Self {
        self.by(Way::Temporary)
    }

    /// For good, with the same method and body: HTTP 308.
    #[must_use]
    pub fn permanent(self) -> Self {
        self.by(Way::Permanent)
    }

    fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// The address, as it was given.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    pub(crate) const fn way(&self) -> Way {
        self.way
    }
}
