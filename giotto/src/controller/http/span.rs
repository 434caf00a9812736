//! The span of `tracing` around one request, for a subscriber that asks for it.
//!
//! Around the first and the last step of an invocation over HTTP, in giotto's own server. Its fields are named by the conventions
//! of OpenTelemetry.

use giotto_cache::log::Cut;
use giotto_cache::trace::failed;
use http::request::Parts;
use http::{Response, StatusCode};
use tracing::field::Empty;
use tracing::{Span, debug_span};

use super::failure::program_at;
use super::output::Body;
use crate::app::App;
use crate::trace::TARGET;

/// The span of the request with this `head`, in the trace that its caller has begun.
pub(super) fn request(head: &Parts, app: &App) -> Span {
    let (method, path) = (head.method.as_str(), head.uri.path());
    let program = program_at(&head.method, path, app);
    let name = match program {
        Some(program) => format!("{} /{program}", Cut(method)),
        None => Cut(method).to_string(),
    };
    app.trace_context.within(&head.headers, || {
        debug_span!(
            target: TARGET,
            "request",
            otel.kind = "server",
            otel.name = name,
            http.request.method = %Cut(method),
            http.route = program,
            url.path = %Cut(path),
            url.query = head.uri.query().map(|query| Cut(query).to_string()),
            url.scheme = "http",
            http.response.status_code = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        )
    })
}

/// Notes the status of the response; it is an error if the server has failed.
pub(super) fn note(span: &Span, response: &Response<Body>) {
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status >= StatusCode::INTERNAL_SERVER_ERROR {
        failed(span, &status.as_u16());
    }
}
