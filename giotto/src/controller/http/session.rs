//! The session of a request: a POST needs a token of it, and a response brings it back to the client.
//!
//! Part of the first step of an invocation over HTTP, before anything of the program runs, and of the last.

use http::header::{CACHE_CONTROL, HeaderMap};
#[cfg(feature = "axum")]
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::caching::{CDN_CACHE_CONTROL, NO_STORE};
use super::output::Body;
use crate::app::App;
use crate::error::{Error, Result};
#[cfg(feature = "axum")]
use crate::request::HTTP_GET;
use crate::request::{HTTP_POST, Request, Value};
#[cfg(feature = "axum")]
use crate::session::Carried;
use crate::session::{CSRF_TOKEN, Slot};

const HEADER: &str = "x-csrf-token";

/// Takes the token out of the `request`, whose first `in_address` values are those of its address, and refuses the request if it
/// has none, or that of another session.
pub(super) fn check(
    app: &App,
    headers: &HeaderMap,
    request: &mut Request<'_>,
    in_address: usize,
) -> Result<()> {
    let Some(session) = request.own_session() else {
        return Ok(());
    };
    let program = app.manifest().find(&request.path, HTTP_POST)?.program;
    // Addresses are logged and passed on: a token there is none.
    let posted = &request.data[in_address.min(request.data.len())..];
    let in_body = posted.iter().find(|(name, _)| name == CSRF_TOKEN);
    let in_body = in_body.and_then(|(_, value)| Value::as_str(value));
    let in_head = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let is_own = in_head
        .or(in_body)
        .is_some_and(|token| session.verify_csrf(token));
    request.data.retain(|(name, _)| name != CSRF_TOKEN);
    if is_own || !program.wants_token() {
        return Ok(());
    }
    let program = program.path().to_owned();
    let reason = session
        .why_none()
        .unwrap_or("it has no token of its session");
    app.log()
        .tell(("csrf", program.clone(), reason), move |repeated| {
            tracing::warn!(program, reason, repeated, "post refused: csrf");
        });
    Err(Error::not_authorized(
        "this form was not sent from a page of yours, or the page is too old: open the page again, and send the form from there",
    ))
}

/// Gives a route the session of its reader, as an extension of the request. What it changes is kept after the response.
#[cfg(feature = "axum")]
pub(super) fn lend<'s>(app: &'s App, head: &mut Parts) -> Option<Slot<'s>> {
    let slot = app.given_sessions().map(Slot::new)?;
    let session = {
        let request = Request::new(HTTP_GET, "").metadata(&head.headers);
        let session = Carried::Slot(&slot);
        Request { session, ..request }.own_session()?
    };
    head.extensions.insert(session);
    Some(slot)
}

/// Has the client keep the session in `slot` as it is after a request by `method`. A program that failed leaves it as it was, and
/// so do a HEAD and a precondition that fails: their clients see no message and no form. The `response` is for one client then, and
/// no cache stores it.
pub(super) fn keep(slot: Option<&Slot<'_>>, method: &Method, response: &mut Response<Body>) {
    let status = response.status();
    let is_kept = *method != Method::HEAD
        && !status.is_server_error()
        && status != StatusCode::PRECONDITION_FAILED;
    let slot = slot.filter(|_| is_kept);
    let kept = slot.map_or_else(Vec::new, Slot::kept);
    if kept.is_empty() {
        return;
    }
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, NO_STORE);
    fields.remove(CDN_CACHE_CONTROL);
    for (name, cookie) in kept {
        fields.append(name, cookie);
    }
}
