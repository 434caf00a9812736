//! The task that repeats invalidations which the store has not accepted, until it does.
//!
//! Beside the way of a lookup; started by the first invalidation that fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::cache::Inner;
use crate::error::Error;
use crate::invalidation::{Change, Told};
use crate::log::Cut;
use crate::scope::Scope;

/// Between two rounds; a store that is back knows within this time what was changed while it was down.
const EVERY: Duration = Duration::from_millis(250);
/// How often the log tells that the store does not accept an invalidation.
const DEFERRED_EVERY_MS: u64 = 3_000;
/// How long a process that ends waits for its store to accept what is due.
const LAST_CHANCE: Duration = Duration::from_secs(1);

impl Inner {
    /// Has this process obey an invalidation that the store has not accepted, and repeat it in the background. Without an
    /// `error` what it is about was removed, and only the record is missing.
    pub(crate) fn defer(self: &Arc<Self>, scope: &Scope, is_hard: bool, error: Option<&Error>) {
        self.stats.deferred.increase();
        let now_ms = self.clock.now_ms();
        let is_first = self.pending.add(scope.clone(), is_hard, now_ms);
        match error {
            Some(error) if self.deferrals.allows(now_ms, DEFERRED_EVERY_MS) => tracing::warn!(
                scope = %Cut(scope),
                error = %Cut(error),
                "an invalidation is not told to the cache backend: this process serves no older page as fresh, others \
                 may; it is repeated until the backend accepts it"
            ),
            _ => {}
        }
        if is_first {
            let inner = Arc::clone(self);
            tokio::spawn(async move { inner.repeat().await });
        }
    }

    async fn repeat(self: Arc<Self>) {
        let backend = self.backend.insisting();
        let mut told = 0;
        loop {
            sleep(EVERY).await;
            let mut all = self.pending.all();
            fastrand::shuffle(&mut all);
            for (scope, due) in all {
                let change = Change::Due(due);
                let is_told = match due.is_removed {
                    true => self.change_record(&scope, change, &backend).await.is_ok(),
                    false => match self.tell(&scope, change, &backend).await {
                        Ok(Told::Recorded) => true,
                        Ok(Told::Removed) => {
                            self.pending.removed(&scope, due);
                            false
                        }
                        Err(_) => false,
                    },
                };
                // A store that does not accept one is asked for the others in the next round, in another order.
                if !is_told {
                    break;
                }
                told += 1;
                if self.pending.told(&scope, due) {
                    tracing::info!(told, "the cache backend knows of all invalidations again");
                    return;
                }
            }
        }
    }

    /// Waits a moment for the store to accept what is due, before the process ends and with it what only it knows.
    pub(crate) async fn tell_the_rest(&self) {
        if self.pending.is_empty() || timeout(LAST_CHANCE, self.pending.ended()).await.is_ok() {
            return;
        }
        let due = self.pending.all();
        let due = due.iter().filter(|(_, due)| !due.is_removed);
        let mut scopes: Vec<String> = due.map(|(scope, _)| scope.to_string()).collect();
        let count = scopes.len();
        if count == 0 {
            return;
        }
        scopes.truncate(10);
        tracing::error!(
            count,
            scopes = scopes.join(", "),
            "the process ends, and the cache backend does not know of these invalidations: older pages may be served as \
             fresh; once the backend is back, invalidate them again, or empty the cache"
        );
    }
}
