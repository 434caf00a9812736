//! The id of a request, which log lines about it have in common.
//!
//! Around the first and the last step of an invocation over HTTP, in giotto's own server, and where a program has failed.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;

use crate::app::App;
use crate::log::TraceParent;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The longest id that is taken from a request.
const MAX_ID: usize = 128;

/// The id of a request with this `head` whose log line is written before that of the access log: as that of the access log, its own, else
/// that of its trace, else a new one if there is an access log.
pub(super) fn id_of(head: &Parts, app: &App) -> Option<HeaderValue> {
    if let Some(id) = given_id(&head.headers) {
        return Some(id.clone());
    }
    if let Some(trace) = trace_of(&head.headers) {
        return HeaderValue::from_bytes(&trace.trace_id).ok();
    }
    let access = app.access.as_ref()?;
    let (number, _) = access.next();
    HeaderValue::from_bytes(&access.id(number)).ok()
}

/// The id that a request brings along.
pub(super) fn given_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    sole(headers, &REQUEST_ID).filter(|id| is_id(id))
}

/// The trace that the caller of a request has begun.
pub(super) fn trace_of(headers: &HeaderMap) -> Option<TraceParent> {
    TraceParent::read(sole(headers, &TRACE_PARENT)?.as_bytes())
}

/// The only value of the field `name`.
fn sole<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether `id` may be that of a request: visible characters, not too many of them.
fn is_id(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=MAX_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}
