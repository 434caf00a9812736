//! What the live page shows that takes work of the store: how full its layers are, and the pages with the most hits.
//!
//! Beside every request: every ten seconds while a page is open.

use std::sync::Arc;

use giotto_cache::{Key, LayerMeasure, Lookup, Reason};
use serde::Serialize;

use super::figures::milliseconds;
use crate::admin::metrics::holdings::Holdings;
use crate::app::App;
use crate::management::policy_of;

/// The most pages that are shown.
const MOST_PAGES: usize = 12;

const NOTE: &str = "hits of the last minute, counted while this page is open";

/// What was measured at one moment.
#[derive(Debug, Default)]
pub(super) struct Measured {
    layers: Arc<Vec<LayerMeasure>>,
    pages: Vec<PageFigures>,
}

/// A stored page, with the members of an entry of `mgt/cache/list`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PageFigures {
    key: String,
    program: String,
    arguments: String,
    mimetype: String,
    /// What the next lookup makes of it, in a word.
    state: &'static str,
    age_ms: Option<f64>,
    bytes: Option<usize>,
    hits: u64,
}

impl Measured {
    pub(super) async fn of(app: &App, holdings: &Holdings) -> Self {
        Self {
            layers: holdings.now(app.shared_cache()).await,
            pages: popular(app).await,
        }
    }

    /// What the layer of this name holds; `None` if it was not asked yet.
    pub(super) fn layer(&self, name: &str) -> Option<&LayerMeasure> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    pub(super) fn pages(&self) -> &[PageFigures] {
        &self.pages
    }

    pub(super) const fn note(&self) -> &'static str {
        NOTE
    }
}

/// The pages with the most hits.
async fn popular(app: &App) -> Vec<PageFigures> {
    let cache = app.shared_cache();
    let mut pages = Vec::new();
    for (text, hits) in cache.popular(MOST_PAGES).pages {
        let Some(key) = Key::read(text) else {
            continue;
        };
        let Some(policy) = policy_of(&key, app) else {
            continue;
        };
        let explained = cache.explain(&Lookup::new(key.clone(), policy)).await;
        let entry = explained.entry.as_ref();
        pages.push(PageFigures {
            key: key.to_string(),
            program: key.program_name(),
            arguments: key.arguments().to_owned(),
            mimetype: key.mimetype().to_owned(),
            state: state(entry.is_some(), explained.reason.as_ref()),
            age_ms: entry.map(|entry| milliseconds(entry.age)),
            bytes: entry.map(|entry| entry.body.len()),
            hits,
        });
    }
    pages
}

/// What a lookup makes of an entry; `None` if it is fresh.
const fn state(is_there: bool, reason: Option<&Reason>) -> &'static str {
    match reason {
        None => "fresh",
        Some(_) if !is_there => "gone",
        Some(Reason::Expired) => "expired",
        Some(Reason::Invalidated(_)) => "invalidated",
        Some(reason) => reason.name(),
    }
}
