//! The document of the live page: one file, which asks for nothing from elsewhere.
//!
//! The answer to GET at the root of the admin listener.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use super::secret::secret;
use crate::controller::http::{Body, data};
use crate::error::Result;

const DOCUMENT: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = concat!(
    include_str!("page/dom.js"),
    include_str!("page/figures.js"),
    include_str!("page/charts.js"),
    include_str!("page/sections.js"),
    include_str!("page/dialogs.js"),
    include_str!("page/live.js"),
);

/// The page, whose forms send `token`. It runs its own script alone: one with the nonce of this response.
pub(super) fn page(token: &str) -> Result<Response<Body>> {
    let nonce = secret()?;
    let document = DOCUMENT
        .replace("{token}", token)
        .replace("{nonce}", &nonce);
    let document = document
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    );
    let mut response = data(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Bytes::from(document),
    );
    let fields = response.headers_mut();
    fields.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy)?,
    );
    fields.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    fields.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    Ok(response)
}
