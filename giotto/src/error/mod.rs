//! The errors of an invocation.
//!
//! Any step may return an [`Error`]; the controllers turn its kind into a status or an exit code.

mod answer;
mod boxed;
mod invalid_input;
mod not_unpin;
mod refusal;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::answer::Way;
pub use self::answer::{NotModified, Redirection};
pub use self::boxed::SendSyncError;
pub(crate) use self::invalid_input::Kept;
pub use self::invalid_input::{Field, InvalidInput};
use self::not_unpin::NotUnpin;
pub use self::refusal::Refusal;
use crate::cache_status::CacheStatus;
use crate::mime::Mime;
use crate::page::Told;

/// The result of a step of an invocation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an invocation has no page.
///
/// Every error that implements [`std::error::Error`], a `Box<dyn std::error::Error + Send + Sync>`, and a text convert into one of
/// kind [`ErrorKind::Other`], so that `?` works on them in a model. An `Error` converts into such a box, too, and back with its
/// kind. For these conversions, the type does not implement that trait itself.
///
/// ```
/// use std::error::Error as StdError;
///
/// fn read() -> Result<String, Box<dyn StdError + Send + Sync>> {
///     Err(giotto::Error::not_found("no such book"))?
/// }
///
/// fn show() -> giotto::Result<String> {
///     let text = read()?;
///     let year = text.parse::<u16>()?;
///     let title = text.lines().next().ok_or("the book has no title")?;
///     Ok(format!("{title} ({year})"))
/// }
///
/// assert_eq!(*show().unwrap_err().kind(), giotto::ErrorKind::NotFound);
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>, NotUnpin);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    invalid: InvalidInput,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    cache_status: Option<CacheStatus>,
    page: Option<(Mime, Bytes)>,
    downstream: Option<Told>,
    /// Of a redirection: the fields `Set-Cookie`.
    cookies: Vec<Told>,
}

impl Inner {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            invalid: InvalidInput::default(),
            source: None,
            cache_status: None,
            page: None,
            downstream: None,
            cookies: Vec::new(),
        }
    }
}

/// The kind of an [`Error`]. The HTTP status and the exit code follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is missing or is not what the model takes.
    InvalidInput,
    /// The manifest has no program at the path.
    NoProgram,
    /// The program does not answer this controller. These HTTP methods are allowed.
    WrongController(Vec<&'static str>),
    /// The program has no renderer for the media type or format of the request.
    NotAcceptable,
    /// The model found nothing under these arguments.
    NotFound,
    /// The caller is not authorized.
    NotAuthorized,
    /// Not an error: the answer is at this address.
    Redirection(Redirection),
    /// More models are running than the application allows.
    Overloaded,
    /// The model takes longer than its hard timeout allows.
    Timeout,
    /// The caller asked for a stored page only, and there is none.
    NotCached,
    /// Not an error: the old page is still correct.
    NotModified,
    /// The manifest or the configuration is wrong.
    Configuration,
    /// The model or the view failed.
    Other,
}

impl Error {
    fn of(inner: Inner) -> Self {
        Self(Arc::new(inner), NotUnpin::NEW)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::of(Inner::new(kind, message))
    }

    /// The model found nothing under these arguments: HTTP 404.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The caller is not authorized: HTTP 403.
    #[must_use]
    pub fn not_authorized(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotAuthorized, message)
    }

    /// Any other failure: HTTP 500. Clients see the message in debug mode only.
    #[must_use]
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What the cache did: it had a stored "not found", or there was no page to serve.
    #[must_use]
    pub fn cache_status(&self) -> Option<&CacheStatus> {
        self.0.cache_status.as_ref()
    }

    pub(crate) fn with_cache_status(mut self, cache_status: CacheStatus) -> Self {
        Arc::make_mut(&mut self.0).cache_status = Some(cache_status);
        self
    }

    /// A report that the caller sees with the error.
    pub(crate) fn page(&self) -> Option<(&Mime, &Bytes)> {
        self.0.page.as_ref().map(|(mime, page)| (mime, page))
    }

    pub(crate) fn with_page(mut self, mime: Mime, page: Bytes) -> Self {
        Arc::make_mut(&mut self.0).page = Some((mime, page));
        self
    }

    /// The same with `note` after the message.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        let message = &mut Arc::make_mut(&mut self.0).message;
        *message = format!("{message} ({note})");
        self
    }

    /// What caches downstream are told with it.
    pub(crate) fn downstream(&self) -> Option<&Told> {
        self.0.downstream.as_ref()
    }

    pub(crate) fn tell_downstream(mut self, field: Option<Told>) -> Self {
        if field.is_some() {
            Arc::make_mut(&mut self.0).downstream = field;
        }
        self
    }

    /// The cookies that a redirection sets.
    pub(crate) fn cookies(&self) -> &[Told] {
        &self.0.cookies
    }

    /// The same with the cookies of the response that it was in.
    pub(crate) fn with_cookies(mut self, cookies: impl IntoIterator<Item = Told>) -> Self {
        Arc::make_mut(&mut self.0).cookies.extend(cookies);
        self
    }

    /// Whether this is an answer of the model, and not a failure.
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(
            self.kind(),
            ErrorKind::Overloaded
                | ErrorKind::Timeout
                | ErrorKind::Configuration
                | ErrorKind::Other
        )
    }

    /// The same with these refused fields, which may have other words.
    pub(crate) fn with_invalid_input(mut self, invalid: InvalidInput) -> Self {
        Arc::make_mut(&mut self.0).invalid = invalid;
        self
    }

    /// The same with another message.
    pub(crate) fn with_message(mut self, message: String) -> Self {
        Arc::make_mut(&mut self.0).message = message;
        self
    }

    /// The fields that were refused, for [`ErrorKind::InvalidInput`].
    #[must_use]
    pub fn invalid_input(&self) -> &InvalidInput {
        &self.0.invalid
    }
}

/// The most characters of a refused value that an error shows.
const MAX_QUOTED: usize = 100;

/// `text` for a message: in quotes, escaped, and cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}

/// At `most` so many `names`, separated by commas, and how many there are besides: `a, b and 3 others`.
pub(crate) fn listed(names: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let others = names.len().saturating_sub(most);
    let shown = names.take(most).collect::<Vec<_>>().join(", ");
    match others {
        0 => shown,
        others => format!("{shown} and {others} others"),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl From<InvalidInput> for Error {
    fn from(invalid: InvalidInput) -> Self {
        let inner = Inner::new(ErrorKind::InvalidInput, invalid.to_string());
        Self::of(Inner { invalid, ..inner })
    }
}

impl From<Redirection> for Error {
    fn from(redirection: Redirection) -> Self {
        let message = format!("see {}", redirection.location());
        Self::new(ErrorKind::Redirection(redirection), message)
    }
}

impl From<NotModified> for Error {
    fn from(_: NotModified) -> Self {
        let message = "the model says that the old page is not modified, but there is none: ask \
                       CacheControl::old_value first";
        Self::new(ErrorKind::NotModified, message)
    }
}
