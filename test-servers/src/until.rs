//! How a test waits for a server: on a condition, and never on time.

use std::time::{Duration, Instant};

/// What has not happened within this time does not happen, on a machine under load too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns once `condition` holds.
///
/// # Panics
///
/// If it does not hold within a minute: with `what`, which says what it waits for.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
