//! A redirection as a response of HTTP: its status, its `Location`, and a body for clients that do not follow it.
//!
//! The last step of an invocation over HTTP.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, StatusCode};
use serde_json::json;

use super::caching::value;
use super::document::document;
use crate::error::{Redirection, Way};
use crate::site::{self, Site};
use crate::view::escape_html;

/// The status of the response to a request of `method`.
pub(super) fn status(redirection: &Redirection, method: &Method) -> StatusCode {
    match redirection.way() {
        // What a POST leads to is read with GET (RFC 9110, 15.4.4).
        Way::Usual if *method == Method::POST => StatusCode::SEE_OTHER,
        Way::Usual | Way::Found => StatusCode::FOUND,
        Way::MovedPermanently => StatusCode::MOVED_PERMANENTLY,
        Way::SeeOther => StatusCode::SEE_OTHER,
        Way::Temporary => StatusCode::TEMPORARY_REDIRECT,
        Way::Permanent => StatusCode::PERMANENT_REDIRECT,
    }
}

/// The value of `Location`.
pub(super) fn location(redirection: &Redirection, site: &Site) -> HeaderValue {
    value(encoded(redirection, site))
}

/// The body as `mimetype`, for clients that do not follow it.
pub(super) fn body(
    redirection: &Redirection,
    site: &Site,
    status: StatusCode,
    mimetype: &str,
) -> Bytes {
    let location = encoded(redirection, site);
    match mimetype {
        "application/json" => {
            let place = json!({ "status": status.as_u16(), "location": location });
            json!({ "redirect": place }).to_string().into()
        }
        "text/html" => {
            let text = escape_html(&location);
            match is_link(&location) {
                true => elsewhere(status, &format!("<a href=\"{text}\">{text}</a>")),
                false => elsewhere(status, &text),
            }
        }
        _ => format!("see {location}\n").into(),
    }
}

/// A document that leads to `place`, which is HTML.
fn elsewhere(status: StatusCode, place: &str) -> Bytes {
    document(
        status,
        "This page is elsewhere",
        &format!("<p>Go on to {place}</p>\n"),
    )
}

fn encoded(redirection: &Redirection, site: &Site) -> String {
    site::encoded(&site.local(redirection.location()))
}

/// Whether `location` is a path or the address of a page. The other schemes, such as `javascript:`, would do something else
/// in a link than in a `Location`.
fn is_link(location: &str) -> bool {
    let before_path = location.split(['/', '?', '#']).next().unwrap_or_default();
    match before_path.split_once(':') {
        None => true,
        Some((scheme, _)) => ["http", "https"]
            .iter()
            .any(|web| scheme.eq_ignore_ascii_case(web)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_links() {
        for link in [
            "/a",
            "a/b:c",
            "?a=b:c",
            "#a:b",
            "",
            "https://a.example/",
            "HTTP://a",
            "//a.example",
        ] {
            assert!(is_link(link), "{link}");
        }
        for other in [
            "javascript:alert(1)",
            "JavaScript:x",
            "data:text/html,x",
            "%0ajavascript:x",
            "mailto:a@b",
        ] {
            assert!(!is_link(other), "{other}");
        }
    }
}
