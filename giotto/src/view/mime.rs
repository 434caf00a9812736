//! A media type that a view renders.
//!
//! Chosen in step 4 of an invocation, part of the key, and the `Content-Type` of the response.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use mediatype::MediaType;

use crate::error::{Error, Result};

/// A media type such as `text/html`, without parameters and in lower case. Cloning it copies no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mime(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    essence: String,
    content_type: Bytes,
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
                    "text/html" => Bytes::from_static(b"text/html; charset=utf-8"),
                    "text/plain" => Bytes::from_static(b"text/plain; charset=utf-8"),
                    "application/json" => Bytes::from_static(b"application/json"),
                    text if text.starts_with("text/") => format!("{text}; charset=utf-8").into(),
                    other => other.to_owned().into(),
                };
                Ok(Self(Arc::new(Inner {
                    essence,
                    content_type,
                })))
            }
            _ => {
                let message = format!("{text:?} is not a media type: write it like \"text/csv\"");
                Err(Error::configuration(message))
            }
        }
    }

    /// `text/html`
    #[must_use]
    pub fn essence(&self) -> &str {
        &self.0.essence
    }

    /// `text/html; charset=utf-8`: what HTTP calls the `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> Bytes {
        self.0.content_type.clone()
    }
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
