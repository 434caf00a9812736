//! The store is full and refuses new pages: they are computed for every request.

use super::programs::LARGE;
use super::scene::{Result, Scene, ensure};

pub(crate) fn play(scene: &Scene) -> Result<()> {
    let redis = scene.redis();
    let config = |setting: &str, value: &str| redis.cli(&["config", "set", setting, value]);
    config("maxmemory-policy", "noeviction");
    config("maxmemory", "4mb");
    let mut is_full = false;
    for number in 0..(8 << 20) / LARGE {
        let reply = scene.get(0, &format!("/catalogue?number={number}"))?;
        is_full |= reply.head.contains("store-failed");
    }
    ensure(is_full, "the store does not refuse anything")?;
    // Found:
    let path = "/catalogue?number=1000001";
    scene.get(1, path)?;
    scene.look(2, path)?.has(&["store-failed"])?;
    scene.cmd("mgt/cache/stats")?.has(&["noeviction"])?;
    // Ended:
    config("maxmemory-policy", "allkeys-lru");
    let stored = |number: usize| -> Result<bool> {
        let reply = scene.get(number, path)?;
        Ok(reply.is_fresh_hit())
    };
    test_servers::wait_until("pages are stored again", || {
        (0..4).all(|number| stored(number).unwrap_or(false))
    });
    Ok(())
}
