//! A media type that a view renders.
//!
//! Chosen in step 4 of an invocation, part of the key, and the `Content-Type` of the response.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use mediatype::MediaType;

use crate::error::{Error, Result};

/// A media type such as `text/html`, without parameters and in lower case. Cloning it copies no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mime(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    essence: String,
    /// Checked and shared here, once, because every response has one.
    content_type: HeaderValue,
}

impl Mime {
    /// `text` as a media type.
    ///
    /// # Errors
    ///
    /// If it is not `type/subtype`.
    pub fn new(text: &str) -> Result<Self> {
        match MediaType::parse(text) {
            Ok(parsed) if parsed.params.is_empty() => {
                let essence = text.to_ascii_lowercase();
                // The usual ones from constants, which are cloned for nothing.
                let content_type = match essence.as_str() {
                    "text/html" => HeaderValue::from_static("text/html; charset=utf-8"),
                    "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
                    "application/json" => HeaderValue::from_static("application/json"),
                    text if text.starts_with("text/") => field(&format!("{text}; charset=utf-8"))?,
                    other => field(other)?,
                };
                Ok(Self(Arc::new(Inner {
                    essence,
                    content_type,
                })))
            }
            _ => Err(no_media_type(text)),
        }
    }

    /// `text/html`
    #[must_use]
    pub fn essence(&self) -> &str {
        &self.0.essence
    }

    /// `text/html; charset=utf-8`: what HTTP calls the `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> &HeaderValue {
        &self.0.content_type
    }
}

fn field(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|_| no_media_type(text))
}

fn no_media_type(text: &str) -> Error {
    let message = format!("{text:?} is not a media type: write it like \"text/csv\"");
    Error::configuration(message)
}

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
