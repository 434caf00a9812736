//! How a test waits for what must happen: on a condition, and never on time.

use std::panic::Location;
use std::time::{Duration, Instant};

/// A test that waits for longer than this has failed, on a machine under load too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns once `condition` holds. Other tasks run meanwhile, and a paused clock stands still.
#[track_caller]
pub(crate) fn until(condition: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    let place = Location::caller();
    let started = Instant::now();
    async move {
        while !condition().await {
            assert!(started.elapsed() < PATIENCE, "it does not happen: {place}");
            tokio::task::yield_now().await;
        }
    }
}
