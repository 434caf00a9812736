//! `/metrics`: what the cache has counted, as Prometheus reads it.
//!
//! One request to the admin listener. The counters are those that the cache has anyway: a lookup pays nothing for them here.
//! `scrape.rs` has them at one moment, `families.rs` their names, and `holdings.rs` what the store holds.

mod families;
pub(super) mod holdings;
mod scrape;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use self::scrape::Scrape;
use super::access::Access;
use crate::controller::http::{self as server, Body};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics, in OpenMetrics' text, or in the older text of Prometheus for a client that accepts only that.
pub(super) async fn answer(access: Access, fields: &HeaderMap) -> Response<Body> {
    let holdings = access.holdings.now(access.app.shared_cache()).await;
    let scrape = Scrape::new(&access.app, holdings);
    let wants_old = wants_old_text(fields);
    // A thousand programs take some milliseconds.
    let written = tokio::task::spawn_blocking(move || write(scrape, wants_old)).await;
    let Ok(Ok(text)) = written else {
        let message = "the metrics cannot be written";
        return server::text(StatusCode::INTERNAL_SERVER_ERROR, message);
    };
    let mime = match wants_old {
        true => prometheus_text::CONTENT_TYPE,
        false => OPEN_METRICS,
    };
    let mut response = server::text(StatusCode::OK, "");
    let mime = HeaderValue::from_static(mime);
    response.headers_mut().insert(header::CONTENT_TYPE, mime);
    *response.body_mut() = Body::from(Bytes::from(text));
    response
}

fn write(scrape: Scrape, wants_old: bool) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut written = String::new();
    match wants_old {
        true => prometheus_text::encode(&mut written, &registry)?,
        false => text::encode(&mut written, &registry)?,
    }
    Ok(written)
}

fn wants_old_text(fields: &HeaderMap) -> bool {
    let accepted = fields.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok()).peekable();
    let is_given = accepted.peek().is_some();
    let mut has_old = false;
    for value in accepted {
        if value.contains("openmetrics-text") {
            return false;
        }
        has_old |= value.contains("text/plain");
    }
    is_given && has_old
}
