//! What the store holds, for a client that asks often.
//!
//! Part of a scrape. Entries and bytes are figures that the store has to be asked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use giotto_cache::{Cache, LayerMeasure};
use tokio::time::{Instant, timeout};

/// The store is asked at most once in this time.
const EVERY: Duration = Duration::from_secs(5);
/// How long a scrape waits for the store. After that it has what the store said last.
const PATIENCE: Duration = Duration::from_millis(500);

/// What each layer of the store holds, as it said last. Cloning it shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Held by the task that asks the store.
    asking: tokio::sync::Mutex<()>,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    at: Option<Instant>,
    measured: Arc<Vec<LayerMeasure>>,
}

impl Holdings {
    /// What the store of `cache` holds. If the store does not answer in time, it is what it said last, or nothing.
    pub(crate) async fn now(&self, cache: &Cache) -> Arc<Vec<LayerMeasure>> {
        if self.0.is_due() {
            let (inner, cache) = (Arc::clone(&self.0), cache.clone());
            // It goes on when this scrape waits no longer, so that the next one has its figures.
            let asked = tokio::spawn(async move { inner.ask(&cache).await });
            let _ = timeout(PATIENCE, asked).await;
        }
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&last.measured)
    }
}

impl Inner {
    fn is_due(&self) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.at.is_none_or(|at| at.elapsed() >= EVERY)
    }

    async fn ask(&self, cache: &Cache) {
        let _asking = self.asking.lock().await;
        if self.is_due() {
            let measured = Arc::new(cache.measure().await);
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Last {
                at: Some(Instant::now()),
                measured,
            };
        }
    }
}
