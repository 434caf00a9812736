//! How a test waits for a server: on a condition that it asks again and again, and never for a time.

use std::time::{Duration, Instant};

/// What has not happened within this time does not happen: a failover on a machine under load takes a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Returns once `condition` holds, and leaves the servers time between two looks.
pub(crate) async fn soon(what: &str, condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "it does not happen: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
