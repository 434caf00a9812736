//! Conditional requests (RFC 9110, 13).
//!
//! The last step of an invocation over HTTP: what the client has already is not sent again.

use crate::page::Page;

/// Whether one of the lists of `If-None-Match` names the page; the comparison is weak (RFC 9110, 13.1.2).
pub(super) fn is_known(page: &Page, lists: &[&[u8]]) -> bool {
    // A 304 stands for a 200 (RFC 9110, 15.4.5).
    if page.status() != 200 {
        return false;
    }
    let Some(etag) = page
        .cache_status()
        .and_then(|cache_status| cache_status.etag.as_ref())
    else {
        return false;
    };
    let candidates = lists
        .iter()
        .flat_map(|list| list.split(|byte| *byte == b','));
    candidates.map(<[u8]>::trim_ascii).any(|candidate| {
        candidate == b"*" || candidate.strip_prefix(b"W/").unwrap_or(candidate) == etag
    })
}
