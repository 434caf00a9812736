//! Spans of `tracing` around models and views, and the trace that a caller has begun.
//!
//! Steps 1 and 6 of an invocation. `giotto-cache` has the spans of the cache, and says when there are spans at all.

use std::fmt;
use std::sync::Arc;

use giotto_cache::trace::failed;
use http::HeaderMap;
use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::error::Error;

/// The target of all spans.
pub(crate) const TARGET: &str = "giotto::trace";

/// Enters the trace that the fields of a request tell, calls what it is given, and leaves it.
type Enter = dyn Fn(&HeaderMap, &mut dyn FnMut()) + Send + Sync;

/// How an application takes the trace of its callers; by default not at all.
#[derive(Clone, Default)]
pub(crate) struct TraceContext(Option<Arc<Enter>>);

impl TraceContext {
    pub(crate) fn new<G>(enter: impl Fn(&HeaderMap) -> G + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(move |fields, begin| {
            let _entered = enter(fields);
            begin();
        })))
    }

    /// What `begin` makes, within the trace that `fields` tell.
    pub(crate) fn within<T>(&self, fields: &HeaderMap, begin: impl Fn() -> T) -> T {
        let Some(enter) = &self.0 else {
            return begin();
        };
        let mut made = None;
        enter(fields, &mut || made = Some(begin()));
        made.unwrap_or_else(begin)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceContext")
            .field(&self.0.is_some())
            .finish()
    }
}

/// The steps of one computation: its model, and then its view beside it.
#[derive(Debug)]
pub(crate) struct Steps {
    parent: Span,
    program: String,
}

impl Steps {
    /// Those of `program`, within the current span.
    pub(crate) fn of(program: &str) -> Self {
        let parent = Span::current();
        let program = match parent.is_disabled() {
            true => String::new(),
            false => program.to_owned(),
        };
        Self { parent, program }
    }

    pub(crate) fn model(&self) -> Span {
        debug_span!(
            target: TARGET,
            parent: &self.parent,
            "model",
            giotto.program = self.program,
            otel.status_code = Empty,
            error.type = Empty,
        )
    }

    pub(crate) fn view(&self) -> Span {
        debug_span!(
            target: TARGET,
            parent: &self.parent,
            "view",
            giotto.program = self.program,
            otel.status_code = Empty,
            error.type = Empty,
        )
    }
}

/// Notes the error that a step ended with, unless that is an answer.
pub(crate) fn note<T>(span: &Span, result: &Result<T, Error>) {
    if let Err(error) = result
        && !error.is_answer()
    {
        failed(span, error.kind());
    }
}
