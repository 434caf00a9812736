//! The response to a request that has no page.
//!
//! The last step of an invocation over HTTP.

use bytes::Bytes;
use giotto_cache::log::Cut;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::caching::{CACHE_STATUS, NO_STORE, cache_status};
use super::document::error_document;
use super::head::{Fields, controller};
use super::input;
use super::output::{Body, allow};
use super::problem::Problem;
use super::redirection;
use super::request_id::{REQUEST_ID, id_of};
use super::sent::{sent_path, shown_path};
use crate::app::App;
use crate::error::{Error, ErrorKind};
use crate::error_page::ErrorPage;
use crate::mime::Mime;
use crate::negotiate;
use crate::page::Page;
use crate::request::Segments;
use crate::view::View;

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
            let page = ErrorPage::new(status, message.clone(), &shown_path(head));
            (status, shown(&page, &message, head, app, fields))
        }
        Problem::Invocation(error) => {
            fields.extend(error.downstream().cloned());
            for (name, cookie) in error.cookies() {
                fields.append(name, cookie.clone());
            }
            if let Some(status) = error.cache_status() {
                fields.insert(CACHE_STATUS, cache_status(status));
            }
            let (status, field) = status(&error, head, app);
            fields.extend(field);
            let message = message(&error, status, head, app, shows_errors, fields);
            let told = told(&error, &message);
            let page = ErrorPage::new(status, told, &shown_path(head));
            let page = page.refused_fields(error.invalid_input().clone());
            (status, body(&error, &page, &message, head, app, fields))
        }
    };
    fields.insert(header::CONTENT_TYPE, mime.content_type().clone());
    *response.status_mut() = status;
    *response.body_mut() = Body::from(page);
    response
}

/// The body of the response to `error`, and its media type.
fn body(
    error: &Error,
    page: &ErrorPage,
    message: &str,
    head: &Parts,
    app: &App,
    fields: &mut HeaderMap,
) -> (Mime, Bytes) {
    // A report of its own says more than the message.
    if let Some((mime, page)) = error.page() {
        return (mime.clone(), page.clone());
    }
    match error.kind() {
        ErrorKind::Redirection(redirection) => {
            let mime = problem_mime(head, &[]);
            let body = redirection::body(redirection, app.site(), page.code(), mime.essence());
            (mime, body)
        }
        _ => shown(page, message, head, app, fields),
    }
}

/// The error page as the application shows it, or else in the usual form, which is the `message` in media types for programs.
fn shown(
    page: &ErrorPage,
    message: &str,
    head: &Parts,
    app: &App,
    fields: &mut HeaderMap,
) -> (Mime, Bytes) {
    let view = app.own_error_pages().of(page.code());
    let own = view.map_or_else(Vec::new, View::mimes);
    let mime = problem_mime(head, &own);
    if let Some(view) = view.filter(|_| own.contains(&mime)) {
        match app.show_error(page, view, &mime, input::languages(head)) {
            Ok(own) => {
                append_new(&own, fields);
                return (mime, own.body().clone());
            }
            Err(error) => log_page(page.code(), &error, app),
        }
    }
    let usual = |mime: Mime| usual(&mime, page, message).map(|body| (mime, body));
    usual(mime)
        .or_else(|| usual(problem_mime(head, &[])))
        .expect("the usual page has the usual media types")
}

/// What the reader of an error page is told, in place of the `message` for whoever writes the request.
fn told(error: &Error, message: &str) -> String {
    match error.kind() {
        ErrorKind::InvalidInput => {
            let fields = error.invalid_input().fields().iter();
            let fields = fields.map(|field| format!("{}: {}", field.name(), field.message()));
            fields.collect::<Vec<_>>().join("; ")
        }
        _ => message.to_owned(),
    }
}

/// Adds what an error page of the application sets. What belongs to the error itself stays.
fn append_new(page: &Page, fields: &mut HeaderMap) {
    for (name, field) in page.fields() {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(field)) = (name, HeaderValue::from_bytes(field)) {
            fields.entry(name).or_insert(field);
        }
    }
}

/// Logs that an error page of the application failed. The client gets the usual one.
fn log_page(status: StatusCode, error: &Error, app: &App) {
    let status = status.as_u16();
    let error = format!("{:?}", Cut(error));
    let event = ("error page", status, error.clone());
    app.log().tell(event, move |repeated| {
        tracing::error!(status, %error, repeated, "error page failed: the usual one is sent");
    });
}

/// The status of an error, and the field that goes with it.
fn status(
    error: &Error,
    head: &Parts,
    app: &App,
) -> (StatusCode, Option<(HeaderName, HeaderValue)>) {
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
            redirection::status(redirection, &head.method),
            Some((
                header::LOCATION,
                redirection::location(redirection, app.site()),
            )),
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

/// The message for the client. An internal error goes to the log instead. Programs that the client may not see are not named.
fn message(
    error: &Error,
    status: StatusCode,
    head: &Parts,
    app: &App,
    shows_errors: bool,
    fields: &mut HeaderMap,
) -> String {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::WrongController(methods) if methods.is_empty() => nothing_at(head),
        ErrorKind::NoProgram if !shows_errors => nothing_at(head),
        _ if status == StatusCode::INTERNAL_SERVER_ERROR => {
            log(&message, head, app, fields);
            match shows_errors {
                true => message,
                false => "something went wrong here; the reason is in the server's log".to_owned(),
            }
        }
        _ => message,
    }
}

fn nothing_at(head: &Parts) -> String {
    format!("there is nothing at {}", shown_path(head))
}

/// Logs that a program failed. The same error of the same program is one event, whatever it was asked. The client is told the id
/// of its request if the access log has it.
fn log(message: &str, head: &Parts, app: &App, fields: &mut HeaderMap) {
    let id = id_of(head, app);
    if let Some(id) = id.clone().filter(|_| app.access.is_some()) {
        fields.insert(REQUEST_ID, id);
    }
    let id = id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
    let program = program_of(&head.method, head.uri.path(), app);
    let program = program.unwrap_or_default().to_owned();
    let path = format!("{:?}", Cut(sent_path(head)));
    let error = format!("{:?}", Cut(message));
    let event = (program.clone(), error.clone());
    app.log().tell(event, move |repeated| {
        tracing::error!(program, %path, %error, request_id = id, repeated, "program failed");
    });
}

/// The path in the manifest of the program that answers a request, whose client has sent the `path`.
pub(super) fn program_at<'a>(method: &Method, path: &str, app: &'a App) -> Option<&'a str> {
    program_of(method, app.site().below(path)?, app)
}

/// The path in the manifest of the program that answers a request to `path`, which has no base.
fn program_of<'a>(method: &Method, path: &str, app: &'a App) -> Option<&'a str> {
    let (manifest, controller) = (app.manifest(), controller(method)?);
    let program = manifest.first(path, controller).or_else(|| {
        let mut segments = Segments::new();
        input::segments(path, &mut segments, |_| None).ok()?;
        manifest.named(&segments, controller)
    });
    Some(program?.path())
}

/// The usual error page as `mime`; `None` if it has no such form.
fn usual(mime: &Mime, page: &ErrorPage, message: &str) -> Option<Bytes> {
    Some(match mime.essence() {
        "application/json" => {
            let (code, fields) = (page.status(), page.refused().by_name());
            json!({ "error": { "status": code, "message": message, "fields": fields } })
                .to_string()
                .into()
        }
        "text/html" => error_document(page),
        "text/plain" => format!("{message}\n").into(),
        _ => return None,
    })
}

/// What an error is shown as: what the path or the client asks for, else plain text. A view of the application has its `own`
/// media types besides the usual ones.
fn problem_mime(head: &Parts, own: &[Mime]) -> Mime {
    let mut offered = ["text/html", "application/json", "text/plain"]
        .map(|mimetype| Mime::new(mimetype).expect("a media type of three"))
        .to_vec();
    let [.., plain] = offered.as_slice() else {
        unreachable!("three of them")
    };
    let plain = plain.clone();
    for own in own {
        if !offered.contains(own) {
            offered.push(own.clone());
        }
    }
    let superformats = head
        .uri
        .path()
        .split('/')
        .filter_map(|segment| segment.split_once('.'));
    let by_path = superformats
        .filter_map(|(_, name)| negotiate::choose(Some(name), "", &offered).ok())
        .next();
    let accept = Fields::read(&head.headers).accept;
    by_path
        .or_else(|| negotiate::choose(None, &accept, &offered).ok())
        .unwrap_or(plain)
}
