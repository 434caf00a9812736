//! The response to a request that has no page.
//!
//! The last step of an invocation over HTTP.

use bytes::Bytes;
use giotto_cache::log::Cut;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::caching::{CACHE_STATUS, NO_STORE, cache_status};
use super::document::document;
use super::head::{Fields, controller};
use super::input;
use super::output::{Body, allow};
use super::problem::Problem;
use super::redirection;
use crate::app::App;
use crate::error::{Error, ErrorKind, InvalidInput};
use crate::mime::Mime;
use crate::negotiate;
use crate::request::Segments;
use crate::view::escape_html;

/// The response to a request that has no page because of `problem`. With `shows_errors`, the client sees the messages of
/// internal errors.
pub(super) fn response(
    problem: Problem,
    head: &Parts,
    app: &App,
    shows_errors: bool,
) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::new()));
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, NO_STORE);
    let (status, (mime, page)) = match problem {
        Problem::Request(status, message, field) => {
            fields.extend(field);
            let mime = problem_mime(head);
            let page = render(mime.essence(), status, &message, &InvalidInput::new());
            (status, (mime, page))
        }
        Problem::Invocation(error) => {
            fields.extend(error.downstream().cloned());
            for (name, cookie) in error.cookies() {
                fields.append(name, cookie.clone());
            }
            if let Some(status) = error.cache_status() {
                fields.insert(CACHE_STATUS, cache_status(status));
            }
            let (status, field) = status(&error, &head.method);
            fields.extend(field);
            let message = message(&error, status, head, app, shows_errors);
            (status, page(&error, status, &message, head))
        }
    };
    fields.insert(header::CONTENT_TYPE, mime.content_type().clone());
    *response.status_mut() = status;
    *response.body_mut() = Body::from(page);
    response
}

/// The body of the response to `error`, and its media type.
fn page(error: &Error, status: StatusCode, message: &str, head: &Parts) -> (Mime, Bytes) {
    // A report of its own says more than the message.
    if let Some((mime, page)) = error.page() {
        return (mime.clone(), page.clone());
    }
    let mime = problem_mime(head);
    let page = match error.kind() {
        ErrorKind::Redirection(redirection) => {
            redirection::body(redirection, status, mime.essence())
        }
        _ => render(mime.essence(), status, message, error.invalid_input()),
    };
    (mime, page)
}

/// The status of an error, and the field that goes with it.
fn status(error: &Error, method: &Method) -> (StatusCode, Option<(HeaderName, HeaderValue)>) {
    match error.kind() {
        ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, None),
        ErrorKind::NotAuthorized => (StatusCode::FORBIDDEN, None),
        // A program of other front ends only: over HTTP there is nothing.
        ErrorKind::WrongController(methods) if methods.is_empty() => (StatusCode::NOT_FOUND, None),
        ErrorKind::WrongController(methods) => (
            StatusCode::METHOD_NOT_ALLOWED,
            Some((header::ALLOW, allow(methods))),
        ),
        ErrorKind::NoProgram | ErrorKind::NotFound => (StatusCode::NOT_FOUND, None),
        ErrorKind::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, None),
        ErrorKind::Redirection(redirection) => (
            redirection::status(redirection, method),
            Some((header::LOCATION, redirection::location(redirection))),
        ),
        ErrorKind::Overloaded => {
            let soon = HeaderValue::from_static("1");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Some((header::RETRY_AFTER, soon)),
            )
        }
        ErrorKind::Timeout | ErrorKind::NotCached => (StatusCode::GATEWAY_TIMEOUT, None),
        ErrorKind::Configuration | ErrorKind::NotModified | ErrorKind::Other => {
            (StatusCode::INTERNAL_SERVER_ERROR, None)
        }
    }
}

/// The message for the client. An internal error goes to the log instead.
fn message(
    error: &Error,
    status: StatusCode,
    head: &Parts,
    app: &App,
    shows_errors: bool,
) -> String {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::WrongController(methods) if methods.is_empty() => {
            "there is no program here".to_owned()
        }
        _ if status == StatusCode::INTERNAL_SERVER_ERROR => {
            log(&message, head, app);
            match shows_errors {
                true => message,
                false => "something went wrong here; the reason is in the server's log".to_owned(),
            }
        }
        _ => message,
    }
}

/// Logs that a program failed. The same error of the same program is one event, whatever it was asked.
fn log(message: &str, head: &Parts, app: &App) {
    let program = program_of(head, app).unwrap_or_default().to_owned();
    let path = format!("{:?}", Cut(head.uri.path()));
    let error = format!("{:?}", Cut(message));
    let event = (program.clone(), error.clone());
    app.log().tell(event, move |repeated| {
        tracing::error!(program, %path, %error, repeated, "program failed");
    });
}

/// The path in the manifest of the program that answers `head`.
fn program_of<'a>(head: &Parts, app: &'a App) -> Option<&'a str> {
    let mut path = Segments::new();
    input::segments(head.uri.path(), &mut path, |_| None).ok()?;
    let found = app.manifest().find(&path, controller(&head.method)?);
    Some(found.ok()?.program.path())
}

fn render(mimetype: &str, status: StatusCode, message: &str, refused: &InvalidInput) -> Bytes {
    match mimetype {
        "application/json" => {
            let code = status.as_u16();
            json!({ "error": { "status": code, "message": message, "fields": refused.by_name() } })
                .to_string()
                .into()
        }
        "text/html" => document(status, &escape_html(message)),
        _ => format!("{message}\n").into(),
    }
}

/// What an error is shown as: what the path or the client asks for, else plain text.
fn problem_mime(head: &Parts) -> Mime {
    let offered = ["text/html", "application/json", "text/plain"]
        .map(|mimetype| Mime::new(mimetype).expect("a media type of three"));
    let superformats = head
        .uri
        .path()
        .split('/')
        .filter_map(|segment| segment.split_once('.'));
    let by_path = superformats
        .filter_map(|(_, name)| negotiate::choose(Some(name), "", &offered).ok())
        .next();
    let accept = Fields::read(&head.headers).accept;
    let [.., plain] = &offered;
    by_path
        .or_else(|| negotiate::choose(None, &accept, &offered).ok())
        .unwrap_or_else(|| plain.clone())
}
