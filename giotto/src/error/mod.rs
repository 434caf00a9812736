//! What can go wrong in an invocation, and how it is told.
//!
//! Any step may return an [`Error`]; the controllers turn its kind into a status or an exit code.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::mime::Mime;
use crate::rendered::Receipt;

/// The result of a step of an invocation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an invocation has no page.
///
/// Every error that implements [`std::error::Error`] turns into one of kind [`ErrorKind::Other`], so `?`
/// works in a model on whatever it calls. That is why this type does not implement that trait itself.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    invalid: InvalidInput,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    receipt: Option<Receipt>,
    page: Option<(Mime, Bytes)>,
}

/// What an [`Error`] is about. The HTTP status and the exit code follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is missing or is not what the model takes.
    InvalidInput,
    /// The manifest has no program at the path.
    NoProgram,
    /// The program is there, but not for this controller; these HTTP methods are allowed.
    WrongController(Vec<&'static str>),
    /// The program has no renderer for what was asked for.
    NotAcceptable,
    /// The model found nothing under these arguments.
    NotFound,
    /// The caller may not have this.
    NotAuthorized,
    /// Not an error: the answer is at this address.
    Redirection(String),
    /// More models are running than the application allows.
    Overloaded,
    /// The model takes longer than its hard timeout allows.
    Timeout,
    /// The caller wanted a stored page only, and there is none.
    NotCached,
    /// Not an error: the old page is still right.
    NotModified,
    /// The manifest or the configuration is wrong.
    Configuration,
    /// The model or the view failed.
    Other,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            invalid: InvalidInput::default(),
            source: None,
            receipt: None,
            page: None,
        }))
    }

    /// Nothing was found under these arguments: HTTP 404.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The caller may not have this: HTTP 403.
    #[must_use]
    pub fn not_authorized(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotAuthorized, message)
    }

    /// Anything else that went wrong: HTTP 500, its message shown only in debug mode.
    #[must_use]
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// What this error is about.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// How the cache came by this answer: a stored "not found", or why there was no page to serve.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        self.0.receipt.as_ref()
    }

    pub(crate) fn with_receipt(mut self, receipt: Receipt) -> Self {
        Arc::make_mut(&mut self.0).receipt = Some(receipt);
        self
    }

    /// What the caller is shown all the same: how far the program came.
    pub(crate) fn page(&self) -> Option<(&Mime, &Bytes)> {
        self.0.page.as_ref().map(|(mime, page)| (mime, page))
    }

    pub(crate) fn with_page(mut self, mime: Mime, page: Bytes) -> Self {
        Arc::make_mut(&mut self.0).page = Some((mime, page));
        self
    }

    /// Whether this is what the model has to say, and not a failure of it.
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(
            self.kind(),
            ErrorKind::Overloaded
                | ErrorKind::Timeout
                | ErrorKind::Configuration
                | ErrorKind::Other
        )
    }

    /// The fields that were refused, for [`ErrorKind::InvalidInput`].
    #[must_use]
    pub fn invalid_input(&self) -> &InvalidInput {
        &self.0.invalid
    }
}

/// More of a refused value than this many characters helps nobody to recognise it.
const MAX_QUOTED: usize = 100;

/// `text` as it stands in a message: in quotes, escaped, and cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
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

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        Self(Arc::new(Inner {
            kind: ErrorKind::Other,
            message: source.to_string(),
            invalid: InvalidInput::default(),
            source: Some(Arc::new(source)),
            receipt: None,
            page: None,
        }))
    }
}

impl From<InvalidInput> for Error {
    fn from(invalid: InvalidInput) -> Self {
        Self(Arc::new(Inner {
            kind: ErrorKind::InvalidInput,
            message: invalid.to_string(),
            invalid,
            source: None,
            receipt: None,
            page: None,
        }))
    }
}

impl From<Redirection> for Error {
    fn from(redirection: Redirection) -> Self {
        let message = format!("see {}", redirection.location);
        Self::new(ErrorKind::Redirection(redirection.location), message)
    }
}

/// The old page is still right: returned as an error by a model that has looked at
/// [`CacheControl::old_value`](giotto_cache::CacheControl::old_value). The page is fresh again as if it had been
/// computed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotModified;

impl From<NotModified> for Error {
    fn from(_: NotModified) -> Self {
        let message = "the model says that the old page is not modified, but there is none: ask \
                       CacheControl::old_value first";
        Self::new(ErrorKind::NotModified, message)
    }
}

/// Sends the caller to another address: returned by a model instead of a value.
///
/// A model that sometimes returns a value returns `Err(Redirection::to("/login").into())` the other times. A model may
/// also return a `Result<Redirection, Error>`; its view is never asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    location: String,
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

/// Input that a model refuses, field by field.
///
/// Returned for an HTTP POST, it is answered with the page that GET shows, these errors in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidInput {
    fields: Vec<Field>,
}

/// One refused field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    #[serde(skip)]
    name: String,
    value: String,
    message: String,
}

impl InvalidInput {
    /// No field refused yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses field `name`, which was given as `value`, because of `message`.
    #[must_use]
    pub fn field(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let field = Field {
            name: name.into(),
            value: value.into(),
            message: message.into(),
        };
        self.fields.push(field);
        self
    }

    /// Whether no field was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The refused fields in the order in which they were refused.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What serialises as `{"email": {"value": "x", "message": "has no @"}}`.
    // Not `Serialize` itself: a `Result<T, InvalidInput>` would be a value and an error of a model at once.
    pub fn by_name(&self) -> impl Serialize + '_ {
        ByName(self)
    }
}

impl Field {
    /// The name of the argument.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was given; empty if nothing was.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Why it was refused, and what would be accepted.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}argument '{}': {}", field.name, field.message)?;
        }
        Ok(())
    }
}

/// The refused fields of an [`InvalidInput`] by name.
struct ByName<'i>(&'i InvalidInput);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.fields();
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for field in fields {
            map.serialize_entry(&field.name, field)?;
        }
        map.end()
    }
}
