//! The HTML of a response that has no page of a program: its status and a few words.
//!
//! The last step of an invocation over HTTP. A strict `Content-Security-Policy` refuses styles and scripts, so it has none:
//! HTML alone makes it fit a small screen and a dark one.

use std::fmt::Write as _;

use bytes::Bytes;
use http::StatusCode;

use crate::error::InvalidInput;
use crate::error_page::ErrorPage;
use crate::view::{CLOSE, escape_html, open};

/// The most characters of a refused value that an error page shows.
const MAX_VALUE: usize = 100;

/// A document with this title and `body`, which is HTML.
pub(super) fn document(status: StatusCode, title: &str, body: &str) -> Bytes {
    let (code, reason) = (
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
    );
    let open = open(title, "");
    format!("{open}<h1>{title}</h1>\n{body}<hr>\n<p><small>{code} {reason}</small></p>\n{CLOSE}")
        .into()
}

/// The default page of an error.
pub(super) fn error_document(page: &ErrorPage) -> Bytes {
    let mut body = String::new();
    let refused = page.refused();
    match refused.is_empty() {
        true => {
            let _ = writeln!(body, "<p>{}</p>", escape_html(&sentence(page.message())));
        }
        false => list(&mut body, refused),
    }
    let _ = writeln!(body, "<p>{}</p>", page.advice());
    document(page.code(), page.title(), &body)
}

/// Lists the refused fields, as the description list that they are.
fn list(body: &mut String, refused: &InvalidInput) {
    body.push_str("<dl>\n");
    for field in refused.fields() {
        let (name, message) = (escape_html(field.name()), escape_html(field.message()));
        let _ = write!(body, "<dt><b>{name}</b></dt>\n<dd>{message}");
        let value: String = field.value().chars().take(MAX_VALUE).collect();
        if !value.is_empty() {
            let _ = write!(body, "; it was given as <q>{}</q>", escape_html(&value));
        }
        body.push_str("</dd>\n");
    }
    body.push_str("</dl>\n");
}

/// `message`, which an error writes in lower case, as a sentence.
fn sentence(message: &str) -> String {
    let mut rest = message.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    let end = match message.ends_with(['.', '?', '!']) || message.is_empty() {
        true => "",
        false => ".",
    };
    format!("{}{}{end}", first.collect::<String>(), rest.as_str())
}
