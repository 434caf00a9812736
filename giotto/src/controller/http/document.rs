//! The HTML of a response that has no page of a program: its status and a few words.
//!
//! The last step of an invocation over HTTP.

use bytes::Bytes;
use http::StatusCode;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem}\
    h1{font-size:1.4rem}";

/// A document that says `status` and `text`, which is HTML.
pub(super) fn document(status: StatusCode, text: &str) -> Bytes {
    let (code, reason) = (
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{reason}</title>\n\
         <style>{STYLE}</style>\n<h1>{code} {reason}</h1>\n<p>{text}</p>\n</html>\n"
    )
    .into()
}
