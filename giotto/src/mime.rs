//! A media type that a view renders.
//!
//! Step 4 of an invocation chooses one. It is part of the key, and the `Content-Type` of the response.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use mediatype::MediaType;

/// A media type such as `text/html`, without parameters and in lower case. Cloning it copies no text.
#[derive(Clone)]
pub struct Mime(Kind);

#[derive(Clone)]
enum Kind {
    /// The most frequent ones: a count of its clones would be felt in every hit.
    Common(&'static Inner),
    Other(Arc<Inner>),
}

struct Inner {
    essence: Cow<'static, str>,
    /// Checked once and shared, because every response has one.
    content_type: HeaderValue,
    is_compressible: bool,
}

/// A text that is not a media type.
#[derive(Clone, Debug)]
pub struct InvalidMime(String);

/// The media type of the command line.
pub(crate) const TEXT_CMD: &str = "text/cmd";

static COMMON: [Inner; 3] = [
    Inner::common("text/html", "text/html; charset=utf-8"),
    Inner::common("text/plain", "text/plain; charset=utf-8"),
    Inner::common("application/json", "application/json"),
];

impl Inner {
    const fn common(essence: &'static str, content_type: &'static str) -> Self {
        Self {
            essence: Cow::Borrowed(essence),
            content_type: HeaderValue::from_static(content_type),
            is_compressible: true,
        }
    }
}

impl Mime {
    /// `text` as a media type.
    ///
    /// # Errors
    ///
    /// If `text` is not `type/subtype`.
    pub fn new(text: &str) -> Result<Self, InvalidMime> {
        match MediaType::parse(text) {
            Ok(parsed) if parsed.params.is_empty() => {
                let essence = text.to_ascii_lowercase();
                if let Some(common) = COMMON.iter().find(|common| common.essence == essence) {
                    return Ok(Self(Kind::Common(common)));
                }
                let content_type = match essence.starts_with("text/") {
                    true => field(&format!("{essence}; charset=utf-8"))?,
                    false => field(&essence)?,
                };
                Ok(Self(Kind::Other(Arc::new(Inner {
                    is_compressible: is_compressible(&essence),
                    essence: essence.into(),
                    content_type,
                }))))
            }
            _ => Err(InvalidMime(text.to_owned())),
        }
    }

    /// `text/html`
    #[must_use]
    pub fn essence(&self) -> &str {
        &self.inner().essence
    }

    /// Whether a page of it can become smaller under a content coding.
    pub(crate) fn is_compressible(&self) -> bool {
        self.inner().is_compressible
    }

    /// `text/html; charset=utf-8`: what HTTP calls the `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> &HeaderValue {
        &self.inner().content_type
    }

    fn inner(&self) -> &Inner {
        match &self.0 {
            Kind::Common(inner) => inner,
            Kind::Other(inner) => inner,
        }
    }
}

/// Whether pages of a media type become smaller, by its name: texts, and the formats that are not compressed already.
fn is_compressible(essence: &str) -> bool {
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    // The suffix of a structured syntax (RFC 6839), such as `svg+xml`.
    let suffix = subtype.rsplit_once('+').map(|(_, suffix)| suffix);
    match (kind, subtype) {
        _ if matches!(suffix, Some("json" | "xml" | "yaml")) => true,
        ("text", _) => true,
        ("application", "javascript" | "json" | "ndjson" | "rtf" | "sql" | "toml") => true,
        ("application", "wasm" | "xml" | "yaml") => true,
        ("font", "otf" | "ttf") | ("image", "bmp" | "x-icon") => true,
        _ => false,
    }
}

fn field(text: &str) -> Result<HeaderValue, InvalidMime> {
    HeaderValue::try_from(text).map_err(|_| InvalidMime(text.to_owned()))
}

impl fmt::Display for InvalidMime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "{text:?} is not a media type: write it like \"text/csv\""
        )
    }
}

impl std::error::Error for InvalidMime {}

impl PartialEq for Mime {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.inner(), other.inner()) || self.essence() == other.essence()
    }
}

impl Eq for Mime {}

impl fmt::Display for Mime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.essence())
    }
}

impl fmt::Debug for Mime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.essence())
    }
}
