//! `/healthz` and `/readyz`: what a supervisor is told of this process.
//!
//! In place of an invocation: runs no program, and does not ask the store.

#[cfg(feature = "admin")]
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
#[cfg(feature = "admin")]
use serde_json::json;

use super::output::Body;
use super::plain::text;
use crate::app::App;
use crate::health::{LIVE, READY};

/// The answer on the public port, if it tells the health and `head` asks for it. It has no names of stores.
pub(super) fn public(app: &App, head: &Parts) -> Option<Response<Body>> {
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    if !app.health.is_public() || !is_read {
        return None;
    }
    match head.uri.path().strip_prefix('/')? {
        LIVE => Some(healthz()),
        READY => {
            let (status, word) = readiness(app, head.uri.query());
            Some(text(status, word))
        }
        _ => None,
    }
}

/// The process lives.
pub(crate) fn healthz() -> Response<Body> {
    text(StatusCode::OK, "ok")
}

/// Whether the process should get requests, with the state of each layer of the store. A store that is down does not make it
/// unready, because pages are computed without it; with the `query` `store` it does.
#[cfg(feature = "admin")]
pub(crate) fn readyz(app: &App, query: Option<&str>) -> Response<Body> {
    let (status, word) = readiness(app, query);
    let breaker = |is_open| if is_open { "open" } else { "closed" };
    let layers = app.shared_cache().layers().into_iter();
    let layers = layers.map(|layer| {
        json!({
            "name": layer.name,
            "reads": breaker(layer.reads_open),
            "writes": breaker(layer.writes_open),
            "errors": layer.errors,
        })
    });
    let told = json!({ "status": word, "layers": layers.collect::<Vec<_>>() });
    let mut response = text(status, &format!("{told:#}"));
    let mime = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, mime);
    response
}

/// The status of the response, and a word for it.
fn readiness(app: &App, query: Option<&str>) -> (StatusCode, &'static str) {
    if app.health.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    let layers = app.shared_cache().layers();
    let is_failing = layers
        .iter()
        .any(|layer| layer.reads_open || layer.writes_open);
    match query {
        Some("store") if is_failing => (StatusCode::SERVICE_UNAVAILABLE, "store fails"),
        _ => (StatusCode::OK, "ready"),
    }
}
