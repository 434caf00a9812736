//! Spans of `tracing` around the steps that take time, for a subscriber that asks for them.
//!
//! Beside every step. All have the target `giotto::trace` and the level `DEBUG`: with none of them enabled, a lookup makes no
//! span, which costs a hit one comparison. Fields are named by the conventions of OpenTelemetry, and `giotto.` where these
//! have no name.

use std::fmt::Debug;

use tracing::field::{Empty, debug, display};
use tracing::{Level, Span, debug_span};

use crate::log::Cut;
use crate::reason::{Reason, Status};

/// The target of all spans.
const TARGET: &str = "giotto::trace";

/// Whether anybody asks for spans.
#[inline]
#[must_use]
pub fn is_on() -> bool {
    tracing::span_enabled!(target: TARGET, Level::DEBUG)
}

/// A lookup of the program with this name.
pub(crate) fn lookup(program: &str) -> Span {
    debug_span!(
        target: TARGET,
        "cache lookup",
        giotto.program = %Cut(program),
        giotto.cache.status = Empty,
        giotto.cache.reason = Empty,
        otel.status_code = Empty,
        error.type = Empty,
    )
}

/// Notes what became of a lookup: its status, and why it was no fresh hit.
pub(crate) fn answered(span: &Span, status: Status, reason: Option<&Reason>) {
    span.record("giotto.cache.status", format!("{status:?}").to_lowercase());
    if let Some(reason) = reason {
        span.record("giotto.cache.reason", display(Cut(reason)));
    }
}

/// Notes that what `span` stands for failed.
pub fn failed(span: &Span, kind: &impl Debug) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", debug(kind));
}

/// The wait for the right to compute, with the calls to the store that it takes.
pub(crate) fn lease() -> Span {
    debug_span!(target: TARGET, "cache lease")
}

/// A refresh in the background: no part of the lookup that started it, but linked to that.
pub(crate) fn refresh(program: &str) -> Span {
    let span = debug_span!(
        target: TARGET,
        parent: None,
        "cache refresh",
        giotto.program = %Cut(program),
    );
    span.follows_from(Span::current());
    span
}

/// A call to a store outside this process.
pub(crate) fn store_call(store: &str, operation: &str) -> Span {
    debug_span!(
        target: TARGET,
        "store call",
        otel.kind = "client",
        otel.name = %format_args!("{store} {operation}"),
        db.system.name = store,
        db.operation.name = operation,
        otel.status_code = Empty,
        error.type = Empty,
    )
}
