//! What the cache would do for a request, and why.
//!
//! No step of a request.

use giotto_cache::{Explanation, Key, Lookup};
use http::request;

use crate::demand::Demand;
use crate::key;
use crate::present::Present;
use crate::settings::Settings;
use crate::stored::Marker;

/// Explains what a request with `parts` would get: under the key of its variant, if what is stored varies.
pub(crate) async fn explain(settings: &Settings, parts: &request::Parts) -> Option<Explanation> {
    let primary = key::primary(settings, parts)?;
    let demand = Demand::of(settings, parts, Present::of(&parts.headers));
    let explain = |key: Key| {
        let lookup = demand.apply(Lookup::new(key, settings.policy));
        async move { settings.cache.explain(&lookup).await }
    };
    let explanation = explain(primary.clone()).await;
    let variant =
        marker(&explanation).and_then(|marker| key::variant(&primary, &marker, &parts.headers));
    Some(match variant {
        Some(variant) => explain(variant).await,
        None => explanation,
    })
}

fn marker(explanation: &Explanation) -> Option<Marker> {
    Marker::read(&explanation.entry.as_ref()?.metadata)
}
