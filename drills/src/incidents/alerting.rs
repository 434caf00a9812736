//! The store goes down at night: an alert says so, before readers do.

use test_servers::wait_until;

use super::said::{Result, ensure};
use super::scene::Scene;

const OPEN: &str = "giotto_cache_breaker_open{layer=\"redis\",of=\"reads\"} 1";

pub(crate) fn play(scene: &Scene) -> Result<()> {
    scene.restart(0, &[("GIOTTO_ADMIN_LISTEN", "127.0.0.1:0")])?;
    scene.get(0, "/price?sku=apple")?;
    ensure(!scene.metrics(0)?.contains(OPEN), "the breaker is open")?;
    scene.redis().process.freeze();
    let mut number = 0;
    let is_told = || {
        number += 1;
        let _ = scene.get(0, &format!("/catalogue?number={number}"));
        scene.metrics(0).is_ok_and(|metrics| metrics.contains(OPEN))
    };
    // Found: this is what the alert `GiottoStoreSkipped` asks for.
    wait_until("the metrics say that the store is skipped", is_told);
    scene.scrape(0, "giotto_cache_breaker_open")?.has(&[OPEN])?;
    scene
        .look(0, "/catalogue?number=1000000")?
        .has(&["backend-"])?;
    // Ended:
    scene.redis().process.thaw();
    let is_back = || {
        number += 1;
        let _ = scene.get(0, &format!("/catalogue?number={number}"));
        scene
            .metrics(0)
            .is_ok_and(|metrics| !metrics.contains(OPEN))
    };
    wait_until("the store is used again", is_back);
    Ok(())
}
