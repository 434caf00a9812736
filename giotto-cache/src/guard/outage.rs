//! What the log says of a store that fails, and that it is back.
//!
//! Beside the circuit breakers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::Error;
use crate::log::{Cut, Pace};

const WARN_EVERY_MS: u64 = 60_000;
/// The log says that a store is back when it has not failed for this time: a full store accepts a value now and then.
const CALM_MS: u64 = 3_000;

/// The outages of a store or server, or of storing in it.
#[derive(Debug)]
pub(super) struct Outage {
    /// The store or server.
    name: String,
    warnings: Pace,
    last_failure_ms: AtomicU64,
    /// Whether the log says that the store fails, so that it must say when it is back.
    told: AtomicBool,
    told_ms: AtomicU64,
}

impl Outage {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            warnings: Pace::default(),
            last_failure_ms: AtomicU64::new(0),
            told: AtomicBool::new(false),
            told_ms: AtomicU64::new(0),
        }
    }

    /// Whether the log says that it fails.
    pub(super) fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Whether the log has said so a moment ago, so that another outage of the same store is not told again.
    pub(super) fn was_told_lately(&self, now_ms: u64) -> bool {
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        self.is_told() && now_ms.saturating_sub(told_ms) < CALM_MS
    }

    /// Logs a failure once a minute, or whenever it is certainly news, unless the log says already that the store fails: of
    /// this, or of another outage of it (`is_told`).
    pub(super) fn failed(&self, error: &Error, now_ms: u64, is_news: bool, is_told: bool) {
        self.last_failure_ms.store(now_ms, Ordering::Relaxed);
        let tells = !is_told && (is_news || self.warnings.allows(now_ms, WARN_EVERY_MS));
        if tells && !self.told.swap(true, Ordering::Relaxed) {
            self.told_ms.store(now_ms, Ordering::Relaxed);
            let error = Cut(error);
            tracing::warn!(store = self.name, %error, "store fails: requests are served without it until it answers");
        }
    }

    /// Logs that the store is back, if the log says that it fails, and it has not for a while.
    pub(super) fn ended(&self, now_ms: u64) {
        let last_failure_ms = self.last_failure_ms.load(Ordering::Relaxed);
        let is_calm = now_ms.saturating_sub(last_failure_ms) >= CALM_MS;
        if is_calm && self.told.swap(false, Ordering::Relaxed) {
            tracing::info!(store = self.name, "store is back");
        }
    }
}
