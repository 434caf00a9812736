//! Which fields of a message are stored (RFC 9111, 3.1; RFC 9110, 7.6.1).
//!
//! Serves the storing of a response.

use http::header::{
    AGE, CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName};

use super::list;
use super::response::ResponseDirectives;

/// The fields of one connection (RFC 9110, 7.6.1), and those of one proxy (RFC 9111, 3.1).
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The fields of a response that are stored with it. Left out are those of one hop, those that `private="..."` and
/// `no-cache="..."` name (RFC 9111, 5.2.2.4 and 5.2.2.7: the first must not be stored, the second not be used without
/// asking the service), and `Age`, which each use of the response has its own of.
pub(crate) fn stored_fields(headers: &HeaderMap) -> HeaderMap {
    let mut stored = headers.clone();
    for name in withheld(headers) {
        stored.remove(name);
    }
    without_hop_by_hop(&mut stored);
    stored.remove(AGE);
    stored
}

/// The fields that the directives of a response keep out of a shared cache.
pub(super) fn withheld(headers: &HeaderMap) -> Vec<HeaderName> {
    let directives = ResponseDirectives::of(headers);
    let (private, no_cache) = (directives.private.fields(), directives.no_cache.fields());
    private.iter().chain(no_cache).cloned().collect()
}

/// The same with their values: they are for the client alone whose request has brought them.
pub(crate) fn withheld_fields(headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for name in withheld(headers) {
        for value in headers.get_all(&name) {
            fields.append(&name, value.clone());
        }
    }
    fields
}

/// Removes the fields of one connection, and those that `Connection` names (RFC 9110, 7.6.1).
pub(super) fn without_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<_> = list::members(headers, &CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_belongs_to_one_hop_or_one_client_is_not_stored() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "a, B"),
            ("connection", "keep-alive"),
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("c", "4"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "x"),
            ("proxy-authorization", "x"),
            ("proxy-connection", "x"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("age", "30"),
            ("cache-control", "private=\"d, e\", no-cache=f, max-age=60"),
            ("d", "5"),
            ("e", "6"),
            ("f", "7"),
            ("set-cookie", "x=y"),
        ] {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let stored = stored_fields(&headers);
        let mut names: Vec<_> = stored.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["c", "c", "cache-control", "set-cookie"]);
    }
}
