//! The fields that caches downstream of this server read: the tags of a page (`Cache-Tag`, `Surrogate-Key`, `Cache-Groups`),
//! and `No-Vary-Search`.
//!
//! The last step of an invocation over HTTP; `crate::downstream` has their values.

use http::header::{HeaderMap, HeaderName};

use crate::page::Page;

const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

/// Adds the fields of a page that is sent or not modified.
pub(super) fn tell(page: &mut Page, fields: &mut HeaderMap) {
    if let Some(value) = page.take_no_vary_search() {
        fields.append(NO_VARY_SEARCH, value);
    }
    for (name, value) in page.downstream() {
        fields.append(name, value.clone());
    }
}
