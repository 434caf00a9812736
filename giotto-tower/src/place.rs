//! Where a response is stored: under its primary key, or under that of its variant.
//!
//! The last step of a computation (`upstream.rs`). A response that varies is stored under a key that no lookup can know yet,
//! and then its marker is returned to the engine, which stores it under the primary key. All that may happen meanwhile, an
//! invalidation, a removal, another process that takes the lease, keeps the engine from storing the marker, and without it
//! nothing leads to the variant: a marker that is made anew has another nonce.

use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::{CacheControl, Computed, Key, Lookup};
use http::HeaderMap;

use crate::draft::Draft;
use crate::key;
use crate::settings::Settings;
use crate::stored::Marker;

/// For how long the fields of a marker count among those of the next one, in milliseconds.
const REMEMBERED_MS: u64 = 3_600_000;

/// For which key a response is computed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) primary: Key,
    /// The marker of the variant whose key it is; `None` = the primary key itself.
    pub(crate) marker: Option<Marker>,
}

impl Place {
    /// Whether the key tells such a response apart from others, as far as its request goes.
    pub(crate) fn tells_apart(&self, draft: &Draft) -> bool {
        let marker = self.marker.as_ref();
        marker.is_none_or(|marker| marker.covers(draft.vary()))
    }

    /// Whether the response itself is stored under the key, and no marker.
    pub(crate) fn has_response(&self, draft: &Draft, control: &CacheControl, now_ms: u64) -> bool {
        self.marker.is_some()
            || (draft.vary().is_empty() && older_marker(control, now_ms).is_none())
    }

    /// What is stored under the key for a response to a request with these `fields`; `None` if nothing can be.
    pub(crate) async fn store(
        &self,
        settings: &Arc<Settings>,
        control: &CacheControl,
        fields: &HeaderMap,
        draft: Draft,
        body: Bytes,
    ) -> Option<Computed> {
        let now_ms = settings.cache.now_ms();
        if self.has_response(&draft, control, now_ms) {
            draft.direct(control, settings);
            return Some(Computed::Described(body, draft.metadata));
        }
        let older = older_marker(control, now_ms);
        let marker = Marker::new(draft.vary(), older.as_ref(), now_ms);
        let variant = key::variant(&self.primary, &marker, fields)?;
        let metadata = marker.write().ok()?;
        draft.direct_marker(control, settings);
        store_variant(settings, variant, draft, body).await;
        Some(Computed::Described(Bytes::new(), metadata))
    }

    /// Has the marker found old by the next request, whose response then adds its fields: it does not tell apart what was
    /// received.
    pub(crate) async fn expire_marker(&self, settings: &Settings) {
        let expired = settings.cache.expire(&self.primary).await;
        tracing::debug!(
            ?expired,
            "a response varies by more fields than the ones before"
        );
    }
}

/// The marker that was under the primary key, if its fields are to count among those of the next one. Otherwise two responses
/// that vary by different fields would replace each other's markers for ever.
fn older_marker(control: &CacheControl, now_ms: u64) -> Option<Marker> {
    let marker = Marker::read(&control.old_metadata()?)?;
    (now_ms.saturating_sub(marker.since_ms) < REMEMBERED_MS).then_some(marker)
}

/// Stores a response under a key that no other lookup knows yet: no lease is needed.
async fn store_variant(settings: &Arc<Settings>, key: Key, draft: Draft, body: Bytes) {
    // The marker, which is what this computation stores, lives and is tagged by itself.
    let lookup = Lookup::new(key, settings.policy.without_lease()).independent();
    let own = Arc::clone(settings);
    let stored = settings.cache.answer(lookup, |control| async move {
        draft.direct(&control, &own);
        Ok::<_, giotto_cache::Error>(Computed::Described(body, draft.metadata))
    });
    if let Err(error) = stored.await {
        tracing::debug!(%error, "a variant is not stored");
    }
}
