//! What a [`Client`](super::Client) got.

use std::fmt;

use bytes::Bytes;
use giotto_cache::testing::Answered;
use giotto_cache::{Reason, Status};
use http::HeaderMap;
use http::response::Parts;
use serde::de::DeserializeOwned;

use super::form::Form;
use super::html;
use super::told::told;

/// The response to a request of a [`Client`](super::Client), with its whole body. The assertions of this module take it,
/// too: they read its `Cache-Status`.
#[derive(Clone)]
pub struct Reply {
    address: String,
    head: Parts,
    body: Bytes,
}

impl Reply {
    pub(super) const fn new(address: String, head: Parts, body: Bytes) -> Self {
        Self {
            address,
            head,
            body,
        }
    }

    /// The address that was asked: `/books?page=2`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The status, such as 200.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// The value of the header field `name`, if it has one that is text; the first of several.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// All header fields.
    #[must_use]
    pub const fn fields(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// What the cache did, as the field `Cache-Status` says: `giotto; hit; ttl=60`. Empty without the field.
    #[must_use]
    pub fn cache_status(&self) -> &str {
        self.field("cache-status").unwrap_or_default()
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body, as text.
    ///
    /// # Panics
    ///
    /// If it is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) => panic!("the body of {} is no text: {error}", self.address),
        }
    }

    /// The body, read as JSON: `reply.json::<serde_json::Value>()`.
    ///
    /// # Panics
    ///
    /// If it is none, or not that of a `V`.
    #[must_use]
    #[track_caller]
    pub fn json<V: DeserializeOwned>(&self) -> V {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error}, in {self:?}"),
        }
    }

    /// The forms of the page, in their order.
    ///
    /// # Panics
    ///
    /// If it is not UTF-8, or if a form leads to another host.
    #[must_use]
    #[track_caller]
    pub fn forms(&self) -> Vec<Form> {
        html::forms(self.text(), &self.address)
    }

    /// The form of the page that is sent to `address`, as it is shown: with what is filled in, chosen and hidden.
    ///
    /// # Panics
    ///
    /// If there is none, or if there are several.
    #[must_use]
    #[track_caller]
    pub fn form(&self, address: &str) -> Form {
        let (mut found, others): (Vec<_>, Vec<_>) = self
            .forms()
            .into_iter()
            .partition(|form| form.action() == address);
        let others: Vec<_> = others.iter().map(Form::action).collect();
        match (found.pop(), found.len()) {
            (Some(form), 0) => form,
            (None, _) => panic!("no form is sent to {address}, but to {others:?}, in {self:?}"),
            (Some(_), more) => panic!(
                "{} forms are sent to {address}: choose by forms()",
                more + 1
            ),
        }
    }
}

impl Answered for Reply {
    fn status(&self) -> Option<Status> {
        told(self.cache_status()).map(|(status, _)| status)
    }

    fn reason(&self) -> Option<Reason> {
        told(self.cache_status())?.1
    }
}

/// As HTTP writes it.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {}", self.head.status, self.address)?;
        for (name, value) in &self.head.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.body))
    }
}
