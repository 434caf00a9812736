//! The head of a request of HTTP, within limits.
//!
//! The first step of an invocation over HTTP. Every hit reads it, in one pass.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode, Uri, Version};

use super::conditional::Conditions;
use super::host::is_host;
use super::problem::Problem;
use crate::request::{Controller, HTTP_GET, HTTP_POST, Metadata};

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

const MAX_URI: usize = 16 << 10;
const MAX_HEAD: usize = 32 << 10;

/// What the fields of a request's head say that matters here, read in one pass.
#[derive(Debug, Default)]
pub(super) struct Fields<'r> {
    /// What the client accepts; `*/*` if it does not say.
    pub(super) accept: Cow<'r, str>,
    /// `None` if it has none, as most requests.
    pub(super) conditions: Option<Box<Conditions<'r>>>,
    hosts: usize,
    is_host_sound: bool,
    bytes: usize,
}

impl<'r> Fields<'r> {
    pub(super) fn read(headers: &'r HeaderMap) -> Self {
        let mut fields = Self::default();
        let mut is_script = false;
        for (name, value) in headers {
            fields.bytes += name.as_str().len() + value.len() + 4;
            if *name == header::HOST {
                fields.hosts += 1;
                fields.is_host_sound = is_host(value.as_bytes());
            } else if *name == header::ACCEPT {
                fields.also_accept(value.to_str().unwrap_or_default());
            } else if *name == REQUESTED_WITH {
                is_script = value == "XMLHttpRequest";
            } else if *name == header::RANGE || name.as_str().starts_with("if-") {
                let conditions = fields.conditions.get_or_insert_default();
                conditions.take(name, value.as_bytes());
            }
        }
        if matches!(&*fields.accept, "" | "*/*") {
            // A script that says nothing but what it is gets JSON.
            fields.accept = if is_script {
                "application/json, */*;q=0.1"
            } else {
                "*/*"
            }
            .into();
        }
        fields
    }

    /// The entity tags of the pages that the client has.
    pub(super) fn known(&self) -> Option<&[u8]> {
        self.conditions.as_ref()?.known()
    }

    fn also_accept(&mut self, accept: &'r str) {
        match self.accept.is_empty() {
            true => self.accept = accept.into(),
            false => self.accept.to_mut().extend([",", accept]),
        }
    }

    /// Whether there is the one `Host` that a request of HTTP/1.1 has (RFC 9112, 3.2), and whether the target of a request to
    /// a proxy names a host, too.
    #[inline]
    pub(super) fn check_host(&self, version: Version, uri: &Uri) -> Result<(), Problem> {
        if let Some(authority) = uri.authority()
            && !is_host(authority.as_str().as_bytes())
        {
            return Err(Problem::bad("the target does not name a host"));
        }
        match self.hosts {
            1 if self.is_host_sound => Ok(()),
            1 => Err(Problem::bad("the Host field is not the name of a host")),
            0 if version < Version::HTTP_11 => Ok(()),
            _ => Err(Problem::bad("a request has exactly one Host field")),
        }
    }

    /// Whether the address and the fields are within limits.
    #[inline]
    pub(super) fn check_size(&self, uri: &Uri) -> Result<(), Problem> {
        let uri = uri.path().len() + uri.query().map_or(0, str::len);
        if uri > MAX_URI {
            let message = "the address is too long: 16 KiB at most";
            return Err(Problem::new(StatusCode::URI_TOO_LONG, message));
        }
        if uri + self.bytes > MAX_HEAD {
            let message = "the header fields are too large: 32 KiB at most";
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Problem::new(status, message));
        }
        Ok(())
    }
}

/// The controller that answers `method`.
pub(super) const fn controller(method: &Method) -> Option<Controller> {
    match *method {
        Method::GET | Method::HEAD => Some(HTTP_GET),
        Method::POST => Some(HTTP_POST),
        _ => None,
    }
}

impl Metadata for HeaderMap {
    fn get(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(Self::get(self, name)?.as_bytes()).ok()
    }

    fn get_all<'m>(&'m self, name: &str) -> Vec<&'m str> {
        let values = Self::get_all(self, name).into_iter();
        let values = values.map(|value| std::str::from_utf8(value.as_bytes()));
        values.flatten().collect()
    }
}
