//! What a successful unsafe request makes old (RFC 9111, 4.4; RFC 9875, 3).
//!
//! Serves the step after a response to such a request.

use http::header::{CONTENT_LOCATION, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use super::{tags, uri};

/// Whether a response with this status to a request with this method makes stored responses old: an unsafe or unknown
/// method, and no error. An error response is one whose status is 4xx or 5xx; RFC 9111, 4.4 counts 2xx and 3xx.
pub(crate) fn invalidates(method: &Method, status: StatusCode) -> bool {
    !is_safe(method) && (status.is_success() || status.is_redirection())
}

/// The methods that are safe (RFC 9110, 9.2.1), by the registry of methods.
fn is_safe(method: &Method) -> bool {
    matches!(
        method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "QUERY" | "PRI"
    )
}

/// The resources that are made old: the target of the request, and those that `Location` and `Content-Location` name, if
/// they are of the same origin; "to prevent denial-of-service attacks" no others (RFC 9111, 4.4).
pub(crate) fn invalidated(
    target: &Uri,
    host: Option<&str>,
    response: &HeaderMap,
) -> Vec<PathAndQuery> {
    let root = || PathAndQuery::from_static("/");
    let mut invalidated = vec![target.path_and_query().cloned().unwrap_or_else(root)];
    for name in [LOCATION, CONTENT_LOCATION] {
        for reference in response.get_all(name) {
            let reference = reference.to_str().ok();
            let other = reference.and_then(|reference| uri::same_origin(target, host, reference));
            invalidated.extend(other.filter(|other| !invalidated.contains(other)));
        }
    }
    invalidated
}

/// The groups that the response makes old (`Cache-Group-Invalidation`, RFC 9875, 3): tags as `tags.rs` has them.
/// It counts in the response to an unsafe request only.
pub(crate) fn invalidated_groups(response: &HeaderMap) -> Vec<String> {
    const NAME: HeaderName = HeaderName::from_static("cache-group-invalidation");
    tags::groups(response, &NAME)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn unsafe_and_unknown_methods_invalidate_unless_they_fail() {
        for (method, status, expected) in [
            ("GET", 200, false),
            ("HEAD", 200, false),
            ("OPTIONS", 200, false),
            ("PROPFIND", 207, false),
            ("POST", 200, true),
            ("PUT", 201, true),
            ("DELETE", 204, true),
            ("PATCH", 303, true),
            ("M-SEARCH", 200, true),
            ("get", 200, true),
            ("POST", 404, false),
            ("POST", 500, false),
        ] {
            let (own, status) = (
                Method::from_bytes(method.as_bytes()),
                StatusCode::from_u16(status),
            );
            assert_eq!(
                invalidates(&own.unwrap(), status.unwrap()),
                expected,
                "{method}"
            );
        }
    }

    #[test]
    fn the_target_and_what_it_names_are_invalidated_within_the_origin() {
        let target: Uri = "/items?x=1".parse().unwrap();
        let mut response = HeaderMap::new();
        for (name, value) in [
            (LOCATION, "/items/7"),
            (CONTENT_LOCATION, "https://example.com/items/7"),
            (CONTENT_LOCATION, "items/8"),
            (LOCATION, "https://example.org/items/9"),
        ] {
            response.append(name, HeaderValue::from_static(value));
        }
        let invalidated = invalidated(&target, Some("example.com"), &response);
        let invalidated: Vec<_> = invalidated.iter().map(PathAndQuery::as_str).collect();
        assert_eq!(invalidated, ["/items?x=1", "/items/7", "/items/8"]);
    }
}
