//! The live page: what the cache does now, and a hand on it.
//!
//! At the root of the admin listener. `page.rs` has the document, whose script listens to the snapshots (`snapshot.rs`, with
//! `figures.rs` and `measured.rs`) that one task makes for all that watch (`watchers.rs`). What its reader asks for is in `actions.rs`, and
//! only a page of this process, which knows its secret (`secret.rs`), changes anything.

mod actions;
mod figures;
mod measured;
mod page;
mod secret;
mod snapshot;
mod watchers;

use std::env;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use tokio::time::{MissedTickBehavior, interval};

pub(super) use self::actions::{Sent, change, explain, find};
use self::measured::Measured;
use self::secret::{is_secret, secret};
use self::snapshot::{Counted, Snapshot, server};
use self::watchers::{Joined, Watchers};
use super::metrics::holdings::Holdings;
use crate::app::App;
use crate::controller::http::{Body, data, text};

/// Between two snapshots.
const EVERY: Duration = Duration::from_secs(1);
/// After this number of snapshots the store is measured again.
const MEASURED_EVERY: u32 = 10;
/// The field of a request that carries the token of the page.
const TOKEN: HeaderName = HeaderName::from_static("giotto-token");

/// The live page of a server.
#[derive(Debug)]
pub(super) struct Live {
    watchers: Watchers,
    /// What the page proves with that it is of this process; `None` if the system gave no random bytes: then there is no page.
    token: Option<String>,
    /// Differs for each start of a server.
    instance: String,
    name: String,
    started: Instant,
    measured: Mutex<Arc<Measured>>,
}

impl Default for Live {
    fn default() -> Self {
        let program = env::current_exe().ok();
        let name = program.as_ref().and_then(|path| path.file_stem());
        Self {
            watchers: Watchers::default(),
            token: secret().ok(),
            instance: secret().unwrap_or_default(),
            name: name.map_or_else(
                || "application".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            ),
            started: Instant::now(),
            measured: Mutex::default(),
        }
    }
}

impl Live {
    /// The page.
    pub(super) fn page(&self) -> Response<Body> {
        let made = self.token.as_deref().map(page::page);
        match made {
            Some(Ok(page)) => page,
            _ => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the system gave no random bytes: try again",
            ),
        }
    }

    /// Sends a snapshot once a second, until nobody watches or the server stops.
    async fn work(self: Arc<Self>, app: App, holdings: Holdings) {
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        loop {
            beat.tick().await;
            if app.health.is_stopping() {
                return self.watchers.end();
            }
            let Some(watching) = self.watchers.count() else {
                return;
            };
            if number % MEASURED_EVERY == 0 {
                tokio::spawn(Arc::clone(&self).measure(app.clone(), holdings.clone()));
            }
            number += 1;
            self.watchers.send(self.event(&app, watching));
        }
    }

    /// In a task of its own: a store that is slow holds no snapshot up.
    async fn measure(self: Arc<Self>, app: App, holdings: Holdings) {
        let measured = Arc::new(Measured::of(&app, &holdings).await);
        *self.measured.lock().unwrap_or_else(PoisonError::into_inner) = measured;
    }

    fn event(&self, app: &App, watching: usize) -> Bytes {
        let measured = Arc::clone(&self.measured.lock().unwrap_or_else(PoisonError::into_inner));
        let counted = Counted::of(app);
        let server = server(&self.name, &self.instance, self.started.elapsed());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let snapshot = Snapshot::of(app, server, &counted, &measured, watching, at);
        // Only a map whose keys are no text has no JSON.
        let json = serde_json::to_string(&snapshot).unwrap_or_default();
        format!("data: {json}\n\n").into()
    }

    /// Why a request may not change anything: it is not from a page of this process.
    fn refused(&self, fields: &HeaderMap) -> Option<&'static str> {
        let given = fields.get(TOKEN).and_then(|token| token.to_str().ok());
        match &self.token {
            Some(token) if is_secret(given, token) => None,
            _ => Some(
                "this page is of another process, or this one was started anew: load the page again",
            ),
        }
    }
}

/// The snapshots from now on, as server-sent events.
pub(super) fn events(live: Arc<Live>, app: App, holdings: Holdings) -> Response<Body> {
    let joined = match app.health.is_stopping() {
        true => None,
        false => live.watchers.join(),
    };
    let Some(Joined { events, is_first }) = joined else {
        let message = format!(
            "the server stops, or {} pages watch it already",
            watchers::MOST
        );
        return text(StatusCode::SERVICE_UNAVAILABLE, &message);
    };
    if is_first {
        tokio::spawn(live.work(app, holdings));
    }
    let mut response = data(StatusCode::OK, "text/event-stream", Bytes::new());
    // A proxy that buffers would show nothing.
    let buffering = HeaderName::from_static("x-accel-buffering");
    response
        .headers_mut()
        .insert(buffering, HeaderValue::from_static("no"));
    *response.body_mut() = Body::stream(events);
    response
}

/// A response in JSON.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(json) => data(status, "application/json", json.into()),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
